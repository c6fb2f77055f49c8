//! The moment of change: database first, then here, then everybody who wants to know.

use std::sync::Arc;

use ironbark_db::{NodeFilter, Registration, UseCheck};
use ironbark_drivers::PreparedPackage;
use ironbark_model::conductor::HardwareInterface;
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Result, Timestamp};

use super::decide::Lost;
use crate::context::Context;

/// Whether this conductor has registered already: before, there is no row to change, and no node that it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Starting,
    Running,
}

/// The database's row of a package that was prepared.
pub(super) fn describe(
    prepared: &PreparedPackage,
    source: PackageSource,
    file: Option<&str>,
) -> DriverPackage {
    let package = prepared.package();
    let metadata = package.metadata();
    DriverPackage {
        name: metadata.name.clone(),
        version: metadata.version.clone(),
        digest: package.digest().to_owned(),
        size: i64::try_from(package.size()).unwrap_or(i64::MAX),
        vendor: metadata.vendor.clone(),
        granted: package.granted().iter().cloned().collect(),
        hardware_types: metadata
            .hardware_types
            .iter()
            .map(|hardware_type| hardware_type.name.clone())
            .collect(),
        source,
        file: file.map(str::to_owned),
        created_at: Timestamp::now(),
    }
}

/// Makes a package the active one of its name, for all conductors. Its bytes are in the database. If anything fails,
/// everything is as it was.
///
/// # Errors
/// `Conflict` if a name belongs to another package, or nodes use what the new version lacks.
pub(super) async fn install(
    ctx: &Arc<Context>,
    prepared: PreparedPackage,
    row: &DriverPackage,
    when: When,
) -> Result<()> {
    ctx.drivers.check_activation(&prepared)?;
    let (drivers, interfaces) = ctx.drivers.registration_with(&prepared);
    let what = format!("Package {} {} can't be installed", row.name, row.version);
    let lost = Lost::between(&ctx.drivers.registration().1, &interfaces);
    match when {
        When::Starting => {
            check_unused(ctx, &what, &lost).await?;
            ctx.db.package_activate(row).await?;
        }
        When::Running => {
            let registration = registration(ctx, drivers, interfaces);
            let users = UseCheck {
                hardware_types: lost.hardware_types(),
                check: &|nodes| lost.check_unused(&what, nodes),
            };
            ctx.db
                .package_activate_registered(row, &registration, &users)
                .await?;
        }
    }
    activate(ctx, prepared).await;
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
    activate(ctx, prepared).await;
    Ok(())
}

/// Takes a package out of use, for all conductors.
///
/// # Errors
/// `Conflict` if nodes use what would go.
pub(super) async fn remove(ctx: &Arc<Context>, name: &str) -> Result<()> {
    let (drivers, interfaces) = ctx.drivers.registration_without(name);
    let what = format!("Package {name} can't be removed");
    let lost = Lost::between(&ctx.drivers.registration().1, &interfaces);
    let registration = registration(ctx, drivers, interfaces);
    let users = UseCheck {
        hardware_types: lost.hardware_types(),
        check: &|nodes| lost.check_unused(&what, nodes),
    };
    ctx.db
        .package_remove_registered(name, &registration, &users)
        .await?;
    deactivate(ctx, name).await;
    Ok(())
}

/// Takes a package out of use here that the database doesn't have any more.
pub(super) async fn drop_here(ctx: &Arc<Context>, name: &str, when: When) -> Result<()> {
    let (drivers, interfaces) = ctx.drivers.registration_without(name);
    register(ctx, drivers, interfaces, when).await?;
    deactivate(ctx, name).await;
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

async fn activate(ctx: &Context, prepared: PreparedPackage) {
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

async fn deactivate(ctx: &Context, name: &str) {
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

fn registration(
    ctx: &Context,
    drivers: Vec<String>,
    interfaces: Vec<HardwareInterface>,
) -> Registration {
    Registration {
        hostname: ctx.host().to_owned(),
        conductor_group: ctx.config.conductor_group.to_lowercase(),
        incarnation: ctx.incarnation.clone(),
        drivers,
        interfaces,
    }
}

/// Refuses to let something go that nodes use, before a change that is no transaction of its own.
async fn check_unused(ctx: &Context, what: &str, lost: &Lost) -> Result<()> {
    let users = NodeFilter {
        drivers: Some(lost.hardware_types()),
        include_children: true,
        ..NodeFilter::default()
    };
    lost.check_unused(what, &ctx.db.nodes_owned_candidates(&users).await?)
}
