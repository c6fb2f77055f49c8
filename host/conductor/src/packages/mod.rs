//! Driver packages come and go while everything runs.
//!
//! The list of packages in the database is what counts. What is asked for through the API, and what appears in the folder, is
//! first prepared (nothing changes), then written there together with what this conductor drives then, and only then
//! becomes active here. Other conductors follow from the database. `docs/packages.md` says it for operators.

mod decide;
mod folder;
mod follow;
mod switch;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ironbark_drivers::{Grants, digest_of};
use ironbark_model::package::PackageSource;
use ironbark_model::{Error, Result};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use crate::config::Config;
use crate::context::Context;
use folder::Watched;
use switch::When;

/// Changes of packages that wait for their turn; one more is refused.
const WAITING: usize = 16;
/// How long one waits for its turn at most.
const PATIENCE: Duration = Duration::from_secs(120);
/// In a request's list of grants: all that the package asks for.
const ALL_GRANTS: &str = "*";

/// What a conductor remembers about packages beside the active ones. One change at a time.
pub(crate) struct Packages {
    turn: Mutex<Memory>,
    waiting: Semaphore,
}

/// What is remembered between changes.
struct Memory {
    watched: Watched,
    /// The package that each file of the folder holds, by name and digest, as far as this process saw it.
    files: BTreeMap<String, (String, String)>,
    /// Packages whose file is gone while nodes still use them.
    to_remove: BTreeSet<String>,
    /// Those of them that were reported.
    in_use: BTreeSet<String>,
    /// Packages of the database that can't be loaded here, with digest and what was active when it was tried.
    failed: BTreeMap<String, (String, Vec<String>)>,
}

impl Packages {
    /// Nothing was looked at yet.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            turn: Mutex::new(Memory {
                watched: Watched::new(config.drivers_folder.as_deref()),
                files: BTreeMap::new(),
                to_remove: BTreeSet::new(),
                in_use: BTreeSet::new(),
                failed: BTreeMap::new(),
            }),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// Waits for the turn; [`ErrorKind::Overloaded`](ironbark_model::ErrorKind::Overloaded) if too many wait or it takes too long.
    async fn turn(&self) -> Result<MutexGuard<'_, Memory>> {
        let busy = || {
            Error::overloaded("Other driver packages are being installed; try again later.")
                .retry_after(10)
        };
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        tokio::time::timeout(PATIENCE, self.turn.lock())
            .await
            .map_err(|_| busy())
    }
}

/// Loads, before this conductor registers, what the database has, what ships with Ironbark, and what is in the folder.
/// A package that can't be loaded is reported and left out; only the database failing is an error.
pub(crate) async fn bring_up(ctx: &Arc<Context>) -> Result<()> {
    let mut memory = ctx.packages.turn().await?;
    follow::follow(ctx, &mut memory, When::Starting).await?;
    follow::load_pinned(ctx).await?;
    watch::install_bundled(ctx).await?;
    watch::watch(ctx, &mut memory, When::Starting).await?;
    for line in ctx.drivers.report() {
        tracing::warn!("{line}");
    }
    if ctx.drivers.packages().is_empty() {
        tracing::warn!("no driver package is installed: this conductor can't drive any node yet");
    }
    Ok(())
}

/// Makes this conductor's packages those of the database, and the database's those of the folder.
pub(crate) async fn reconcile(ctx: &Arc<Context>) -> Result<()> {
    // Somebody is at it: the next pass comes soon.
    let Ok(mut memory) = ctx.packages.turn.try_lock() else {
        return Ok(());
    };
    follow::follow(ctx, &mut memory, When::Running).await?;
    watch::watch(ctx, &mut memory, When::Running).await?;
    follow::release_unpinned(ctx).await
}

/// Loads versions that open operations began with and that aren't loaded: before such work is taken over.
pub(crate) async fn load_pinned(ctx: &Arc<Context>) -> Result<()> {
    let _turn = ctx.packages.turn().await?;
    follow::load_pinned(ctx).await
}

/// Installs the package whose bytes are in the database under `digest`, in place of the active one of its name.
///
/// `grants` names what it may do; `*` is all that it asks for. Answers with the package. One that is active already gets
/// another chance if it was quarantined.
pub(crate) async fn install(ctx: &Arc<Context>, digest: &str, grants: &[String]) -> Result<Value> {
    let _turn = ctx.packages.turn().await?;
    let bytes = ctx.db.blob_get(digest).await?.ok_or_else(|| {
        Error::not_found(format!(
            "The bytes of driver package {digest} are not in the database; upload them first."
        ))
    })?;
    let bytes: Arc<[u8]> = bytes.into();
    if hash(&bytes).await? != digest {
        return Err(Error::internal(format!(
            "The bytes stored as {digest} are damaged; upload the package again."
        )));
    }
    let grants = if grants.iter().any(|grant| grant == ALL_GRANTS) {
        Grants::AsAsked
    } else {
        Grants::only(grants.iter().cloned())
    };
    let prepared = ctx.drivers.prepare(bytes, &grants).await?;
    let mut row = switch::describe(&prepared, PackageSource::Api, None);
    match ctx.db.package_get(&row.name).await? {
        // Another conductor was asked first: this one follows, and leaves what is written.
        Some(there)
            if there.digest == row.digest
                && there.granted == row.granted
                && there.source == row.source =>
        {
            row = there;
            if !switch::is_active(ctx, &row) {
                switch::adopt(ctx, prepared, When::Running).await?;
            } else if ctx.drivers.release_quarantine(&row.name) {
                tracing::info!(
                    package = %row.name, version = %row.version,
                    "driver package was installed again: its faults are forgotten"
                );
            }
        }
        _ => switch::install(ctx, prepared, &row, When::Running).await?,
    }
    serde_json::to_value(&row).map_err(|error| {
        Error::internal("The package could not be written as JSON.").caused_by(error)
    })
}

/// Takes the package of this name out of use.
///
/// # Errors
/// `NotFound` if there is none; `Conflict` if nodes use what would go.
pub(crate) async fn remove(ctx: &Arc<Context>, name: &str) -> Result<()> {
    let mut memory = ctx.packages.turn().await?;
    let Some(row) = ctx.db.package_get(name).await? else {
        // Another conductor was asked first: this one follows.
        if ctx
            .drivers
            .packages()
            .iter()
            .any(|package| package.name() == name)
        {
            return switch::drop_here(ctx, name, When::Running).await;
        }
        return Err(Error::not_found(format!(
            "Driver package {name} could not be found."
        )));
    };
    switch::remove(ctx, name).await?;
    memory.to_remove.remove(name);
    if row.source != PackageSource::Api {
        tracing::warn!(
            package = name,
            file = row.file.as_deref(),
            "this package comes back at the next start as long as its file is there"
        );
    }
    Ok(())
}

/// The digest of a package's bytes, up to 64 MiB of them: not on the runtime's own threads.
async fn hash(bytes: &Arc<[u8]>) -> Result<String> {
    let bytes = Arc::clone(bytes);
    tokio::task::spawn_blocking(move || digest_of(&bytes))
        .await
        .map_err(|error| Error::internal("The package could not be hashed.").caused_by(error))
}
