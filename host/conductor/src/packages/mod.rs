//! Driver packages come and go while everything runs.
//!
//! What the database says is what counts. What is asked for through the API, and what appears in the folder, is
//! first prepared (nothing changes), then written there together with what this conductor drives then, and only then
//! becomes active here. Other conductors follow from the database. `docs/packages.md` says it for operators.
//!
//! One file for each thing that is asked: `install`, `activate` (and going back), `canary`, `grants`, `stop` (disabling and
//! quarantine), `remove`, `publishers`, `report`. What runs by the clock: `follow`, `health` and `back` (the database), `watch` (the folder), `drain`
//! (steps that wait with a version of before), `tally` (what versions used). `decision` says what a version gets and what waits for
//! approval, `granted` compares what is asked for with what was granted, `names` whose names are. Each change ends in `switch`, the moment of change.

mod activate;
mod actor;
mod back;
mod before;
mod canary;
mod complete;
mod decide;
mod decision;
mod drain;
mod folder;
mod follow;
mod granted;
mod grants;
mod health;
mod install;
mod life;
mod names;
mod nodes;
mod publishers;
mod remove;
mod report;
mod stop;
mod switch;
mod tally;
mod trust;
mod watch;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod life_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod trust_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ironbark_db::PackageFailure;
use ironbark_drivers::digest_of;
use ironbark_model::{Error, Result, Timestamp};
use ironbark_rpc::PackageChange;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use crate::config::Config;
use crate::context::Context;
use activate::How;
pub(crate) use actor::Actor;
use folder::Watched;
pub(crate) use install::upload;
pub(crate) use publishers::{distrust, trust};
pub(crate) use remove::remove;
pub(crate) use report::report;
use switch::When;
pub(crate) use tally::store_usage;

/// Changes of packages that wait for their turn; one more is refused.
const WAITING: usize = 16;
/// How long one waits for its turn at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a conductor remembers about packages beside the active ones. One change at a time.
pub(crate) struct Packages {
    turn: Mutex<Memory>,
    waiting: Semaphore,
    tally: tally::Tally,
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
    /// Packages of the database that can't be loaded here.
    failed: BTreeMap<String, Failure>,
    /// Canaries that can't be loaded here.
    failed_canaries: BTreeMap<String, Failure>,
    /// Packages whose active version is quarantined, and that couldn't go back.
    stuck: back::Stuck,
    /// What the database knows of what can't be loaded; `None` at the start.
    told: Option<Vec<PackageFailure>>,
}

/// A package of the database that can't be loaded here.
struct Failure {
    version: String,
    digest: String,
    /// Digests of what was active when it was tried.
    active: Vec<String>,
    /// When its bytes had been stored that were tried.
    stored_at: Option<Timestamp>,
    reason: String,
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
                failed_canaries: BTreeMap::new(),
                stuck: BTreeMap::new(),
                told: None,
            }),
            waiting: Semaphore::new(WAITING),
            tally: tally::Tally::default(),
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
    complete::complete(ctx).await?;
    follow_all(ctx, &mut memory, When::Starting).await?;
    follow::load_pinned(ctx).await?;
    watch::install_bundled(ctx).await?;
    watch::watch(ctx, &mut memory, When::Starting).await?;
    health::follow(ctx).await?;
    for line in ctx.drivers.report() {
        tracing::warn!("{line}");
    }
    if ctx.drivers.packages().is_empty() {
        tracing::warn!("no driver package is installed: this conductor can't drive any node yet");
    }
    Ok(())
}

/// Writes down which versions broke, makes this conductor's packages those of the database, and the database's those of the
/// folder.
pub(crate) async fn reconcile(ctx: &Arc<Context>) -> Result<()> {
    // Somebody is at it: the next pass comes soon.
    let Ok(mut memory) = ctx.packages.turn.try_lock() else {
        return Ok(());
    };
    health::write_down(ctx).await?;
    canary::watch(ctx).await?;
    follow_all(ctx, &mut memory, When::Running).await?;
    back::where_due(ctx, &mut memory.stuck).await?;
    watch::watch(ctx, &mut memory, When::Running).await?;
    follow::tell_failures(ctx, &mut memory).await?;
    drain::pass(ctx, Timestamp::now()).await?;
    follow::release_unpinned(ctx).await
}

/// Loads versions that open operations began with and that aren't loaded: before such work is taken over.
pub(crate) async fn load_pinned(ctx: &Arc<Context>) -> Result<()> {
    let _turn = ctx.packages.turn().await?;
    follow::load_pinned(ctx).await
}

/// Makes this conductor's packages those of the database, now.
pub(crate) async fn follow_now(ctx: &Arc<Context>) -> Result<()> {
    let mut memory = ctx.packages.turn().await?;
    follow_all(ctx, &mut memory, When::Running).await
}

/// Changes something about a package's versions. Answers with what came of it.
pub(crate) async fn change(
    ctx: &Arc<Context>,
    name: &str,
    change: PackageChange,
    actor: &Actor,
) -> Result<Value> {
    let mut memory = ctx.packages.turn().await?;
    match change {
        PackageChange::Activate {
            version,
            force,
            dry_run,
        } => {
            let how = How {
                action: "activate",
                force,
                dry_run,
            };
            activate::activate(ctx, name, version.as_deref(), how, actor).await
        }
        PackageChange::Rollback {
            version,
            force,
            dry_run,
        } => {
            let how = How {
                action: "rollback",
                force,
                dry_run,
            };
            activate::roll_back(ctx, name, version.as_deref(), how, actor).await
        }
        PackageChange::Promote { force } => activate::promote(ctx, name, force, actor).await,
        PackageChange::Canary {
            version,
            scope,
            force,
        } => canary::begin(ctx, name, version.as_deref(), scope, force, actor).await,
        PackageChange::Disable { version, force } => {
            stop::disable(ctx, name, version.as_deref(), force, actor).await
        }
        PackageChange::Quarantine { version, now } => {
            stop::quarantine(ctx, name, version.as_deref(), now, actor).await
        }
        PackageChange::Release { version } => {
            stop::release(ctx, name, version.as_deref(), actor).await
        }
        PackageChange::Grant { version, granted } => {
            grants::set(ctx, &mut memory, name, version.as_deref(), &granted, actor).await
        }
    }
}

/// What the database says of versions, canaries, grants and quarantines becomes true here.
async fn follow_all(ctx: &Arc<Context>, memory: &mut Memory, when: When) -> Result<()> {
    follow::follow(ctx, memory, when).await?;
    canary::follow(ctx, memory).await?;
    grants::apply_to_retained(ctx).await?;
    health::follow(ctx).await
}

/// The digest of a package's bytes, up to 64 MiB of them: not on the runtime's own threads.
async fn hash(bytes: &Arc<[u8]>) -> Result<String> {
    let bytes = Arc::clone(bytes);
    tokio::task::spawn_blocking(move || digest_of(&bytes))
        .await
        .map_err(|error| Error::internal("The package could not be hashed.").caused_by(error))
}
