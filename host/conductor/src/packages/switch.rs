//! The moment of change: database first, then here, then everybody who wants to know.

use std::sync::Arc;

use ironbark_db::{NodeFilter, PackagesTx, Registration, UseCheck};
use ironbark_drivers::PreparedPackage;
use ironbark_model::conductor::HardwareInterface;
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_model::package::DriverPackage;
use ironbark_model::{Result, Timestamp};

use super::decide::Lost;
use crate::context::Context;

/// Whether this conductor has registered already: before, there is no row to change, and no node that it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Starting,
    Running,
}

/// What this conductor will drive when a change is made.
pub(super) struct Planned {
    drivers: Vec<String>,
    interfaces: Vec<HardwareInterface>,
    /// What goes.
    lost: Lost,
    /// Begins the message if nodes use what goes.
    what: String,
}

impl Planned {
    /// Refuses to let something go that nodes use, before anything is changed: for those who only want to know.
    pub(super) async fn preview(&self, ctx: &Context) -> Result<()> {
        let users = NodeFilter {
            drivers: Some(self.lost.hardware_types()),
            include_children: true,
            ..NodeFilter::default()
        };
        let nodes = ctx.db.nodes_owned_candidates(&users).await?;
        self.lost.check_unused(&self.what, &nodes)
    }

    /// The same for the change itself, together with which it is true or not: a node that comes in between is seen too.
    async fn check_users(&self, tx: &mut PackagesTx) -> Result<()> {
        let users = UseCheck {
            hardware_types: self.lost.hardware_types(),
            check: &|nodes| self.lost.check_unused(&self.what, nodes),
        };
        tx.check_users(&users).await
    }
}

/// The database's row of an active version.
pub(super) fn row_of(version: &PackageVersion, prepared: &PreparedPackage) -> DriverPackage {
    DriverPackage {
        name: version.package.clone(),
        version: version.version.clone(),
        digest: version.digest.clone(),
        size: version.size,
        vendor: version.vendor.clone(),
        granted: prepared.package().granted().iter().cloned().collect(),
        hardware_types: version.hardware_types.clone(),
        source: version.source,
        file: version.file.clone(),
        created_at: Timestamp::now(),
    }
}

/// What it takes to make a version active: `what` begins the message if nodes use what it lacks.
///
/// # Errors
/// `Conflict` if a name belongs to another package.
pub(super) fn plan(ctx: &Context, prepared: &PreparedPackage, what: String) -> Result<Planned> {
    ctx.drivers.check_activation(prepared)?;
    let (drivers, interfaces) = ctx.drivers.registration_with(prepared);
    Ok(Planned {
        lost: Lost::between(&ctx.drivers.registration().1, &interfaces),
        drivers,
        interfaces,
        what,
    })
}

/// What it takes to take a package out of use; with `force` also if nodes use it.
pub(super) fn plan_without(ctx: &Context, name: &str, what: String, force: bool) -> Planned {
    let (drivers, interfaces) = ctx.drivers.registration_without(name);
    let lost = if force {
        Lost::default()
    } else {
        Lost::between(&ctx.drivers.registration().1, &interfaces)
    };
    Planned {
        drivers,
        interfaces,
        lost,
        what,
    }
}

/// Makes a version the active one of its package, for all conductors, together with what `tx` has already, if it is still in the
/// state `from`. Its canary ends. If anything fails, everything is as it was.
///
/// # Errors
/// `Conflict` if nodes use what the new version lacks, or if the version is in another state by now.
pub(super) async fn activate(
    ctx: &Arc<Context>,
    mut tx: PackagesTx,
    prepared: PreparedPackage,
    (row, from): (&DriverPackage, VersionState),
    planned: Planned,
    when: When,
) -> Result<()> {
    tx.activate(row, from).await?;
    tx.canary_clear(&row.name).await?;
    if when == When::Running {
        tx.register(&registration(ctx, &planned)).await?;
    }
    planned.check_users(&mut tx).await?;
    tx.commit().await?;
    ctx.drivers.clear_canary(&row.name);
    activate_here(ctx, prepared).await;
    Ok(())
}

/// Leaves a package without an active version, for all conductors, together with what `tx` has already.
///
/// # Errors
/// `Conflict` if nodes use what goes.
pub(super) async fn deactivate(
    ctx: &Arc<Context>,
    mut tx: PackagesTx,
    name: &str,
    planned: Planned,
) -> Result<()> {
    tx.deactivate(name).await?;
    tx.canary_clear(name).await?;
    tx.register(&registration(ctx, &planned)).await?;
    planned.check_users(&mut tx).await?;
    tx.commit().await?;
    deactivate_here(ctx, name).await;
    Ok(())
}

/// Whether exactly this is active here.
pub(super) fn is_active(ctx: &Context, row: &DriverPackage) -> bool {
    ctx.drivers
        .packages()
        .iter()
        .any(|package| package.digest() == row.digest && package.granted().iter().eq(&row.granted))
}

/// Makes a package active here that the database has as active.
pub(super) async fn adopt(ctx: &Arc<Context>, prepared: PreparedPackage, when: When) -> Result<()> {
    ctx.drivers.check_activation(&prepared)?;
    let (drivers, interfaces) = ctx.drivers.registration_with(&prepared);
    register(ctx, drivers, interfaces, when).await?;
    activate_here(ctx, prepared).await;
    Ok(())
}

/// Takes a package out of use here that the database doesn't have any more.
pub(super) async fn drop_here(ctx: &Arc<Context>, name: &str, when: When) -> Result<()> {
    let (drivers, interfaces) = ctx.drivers.registration_without(name);
    register(ctx, drivers, interfaces, when).await?;
    deactivate_here(ctx, name).await;
    Ok(())
}

async fn register(
    ctx: &Context,
    drivers: Vec<String>,
    interfaces: Vec<HardwareInterface>,
    when: When,
) -> Result<()> {
    match when {
        When::Starting => Ok(()),
        When::Running => {
            ctx.db
                .conductor_set_interfaces(ctx.host(), &ctx.incarnation, &drivers, &interfaces)
                .await
        }
    }
}

/// Makes a package active here; the database has it already.
pub(super) async fn activate_here(ctx: &Context, prepared: PreparedPackage) {
    let package = Arc::clone(prepared.package());
    let old = ctx.drivers.activate(prepared);
    tracing::info!(
        package = package.name(),
        version = package.version(),
        digest = package.digest(),
        granted = ?package.granted(),
        replaces = old.as_ref().map(|old| old.version()),
        "driver package is active"
    );
    tell(ctx).await;
}

async fn deactivate_here(ctx: &Context, name: &str) {
    if let Some(old) = ctx.drivers.remove(name) {
        tracing::info!(
            package = name,
            version = old.version(),
            "driver package is out of use"
        );
    }
    tell(ctx).await;
}

/// The change is made: what fails here is caught up on soon.
async fn tell(ctx: &Context) {
    ctx.wake.driver_tasks.notify_one();
    if let Err(error) = ctx.ring.refresh(&ctx.db).await {
        tracing::warn!(%error, "the ring could not be refreshed after a change of packages");
        ctx.wake.ring.notify_one();
    }
}

fn registration(ctx: &Context, planned: &Planned) -> Registration {
    Registration {
        hostname: ctx.host().to_owned(),
        conductor_group: ctx.config.conductor_group.to_lowercase(),
        incarnation: ctx.incarnation.clone(),
        drivers: planned.drivers.clone(),
        interfaces: planned.interfaces.clone(),
    }
}
