//! What runs by the clock, or is woken: looks at the database, does what is due.
//!
//! A reconciler takes no input and is safe to run twice; what it learns is in the database or is learnt again. An error ends
//! a pass, never the reconciler. All wait a little longer than their interval, at random, so that they don't fall together.

mod allocations;
mod audit_prune;
mod blob_prune;
mod driver_tasks;
mod history_prune;
pub(crate) mod limits;
mod orphans;
mod power_decision;
mod power_fault;
mod power_reading;
mod power_recovery;
mod power_sync;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod power_tests;
mod spawn;
mod take_over;
mod timetable;
mod wait_timeouts;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::Context;
use crate::{packages, registration};
use spawn::spawn;

pub(crate) use driver_tasks::DriverTasks;

/// How often the ring is looked at without being woken.
const RING_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is looked for allocations that nobody is at.
const ALLOCATIONS_INTERVAL: Duration = Duration::from_secs(60);
/// How often histories, the audit, and uploads that were never installed, are pruned.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// Wakes reconcilers before their time.
#[derive(Debug, Default)]
pub struct Wakers {
    /// The list of conductors may have changed.
    pub ring: Notify,
    /// The list of packages may have changed, here or in the database.
    pub packages: Notify,
    /// Some conductor may have died.
    pub orphans: Notify,
    /// There may be allocations that nobody is at.
    pub allocations: Notify,
    /// Power is to be looked at now.
    pub power_sync: Notify,
    /// The set of periodic tasks may have changed.
    pub driver_tasks: Notify,
    /// Nobody wakes these.
    pub(crate) never: Notify,
    /// The conductor has stopped altogether: not even the registration is renewed any more.
    pub(crate) stopped: CancellationToken,
    /// The reconcilers that run.
    pub(crate) tasks: TaskTracker,
}

/// Starts renewing the registration: before anything that may take long, since without it others take the nodes over.
pub fn spawn_heart(ctx: &Arc<Context>) {
    tokio::spawn({
        let ctx = Arc::clone(ctx);
        async move { registration::keep_alive(&ctx).await }
    });
}

/// Starts all the others. They end when the conductor stops.
pub fn spawn_all(ctx: &Arc<Context>) {
    ctx.wake.tasks.spawn({
        let ctx = Arc::clone(ctx);
        async move { driver_tasks::run(&ctx).await }
    });

    // A quarantine is written down at once, and not at the next look.
    ctx.wake.tasks.spawn({
        let ctx = Arc::clone(ctx);
        async move {
            loop {
                tokio::select! {
                    () = ctx.shutdown.cancelled() => return,
                    () = ctx.drivers.alarmed() => ctx.wake.packages.notify_one(),
                }
            }
        }
    });

    let config = &ctx.config;
    spawn(
        ctx,
        "ring",
        RING_INTERVAL,
        |wake| &wake.ring,
        |ctx| async move { ctx.ring.refresh(&ctx.db).await },
    );
    spawn(
        ctx,
        "packages",
        config.packages_interval,
        |wake| &wake.packages,
        |ctx| async move { packages::reconcile(&ctx).await },
    );
    spawn(
        ctx,
        "usage",
        config.usage_interval,
        |wake| &wake.never,
        |ctx| async move { packages::store_usage(&ctx).await },
    );
    let sync = Arc::new(power_sync::PowerSync::default());
    spawn(
        ctx,
        "power sync",
        config.sync_power_state_interval,
        |wake| &wake.power_sync,
        move |ctx| {
            let sync = Arc::clone(&sync);
            async move { sync.pass(&ctx).await.map(drop) }
        },
    );
    spawn(
        ctx,
        "power recovery",
        config.power_failure_recovery_interval,
        |wake| &wake.never,
        |ctx| async move { power_recovery::pass(&ctx).await },
    );
    spawn(
        ctx,
        "wait time-outs",
        config.check_provision_state_interval,
        |wake| &wake.never,
        |ctx| async move { wait_timeouts::pass(&ctx).await },
    );
    spawn(
        ctx,
        "orphans",
        config.sync_local_state_interval,
        |wake| &wake.orphans,
        |ctx| async move { orphans::pass(&ctx).await },
    );
    // What a former process was at goes on at once.
    ctx.wake.allocations.notify_one();
    spawn(
        ctx,
        "allocations",
        ALLOCATIONS_INTERVAL,
        |wake| &wake.allocations,
        |ctx| async move { allocations::pass(&ctx).await },
    );
    let takes_over = Arc::new(take_over::TakeOver::default());
    spawn(
        ctx,
        "take-over",
        config.sync_local_state_interval,
        |wake| &wake.never,
        move |ctx| {
            let takes_over = Arc::clone(&takes_over);
            async move { takes_over.pass(&ctx, Instant::now()).await.map(drop) }
        },
    );
    spawn(
        ctx,
        "history",
        PRUNE_INTERVAL,
        |wake| &wake.never,
        |ctx| async move { history_prune::pass(&ctx).await },
    );
    spawn(
        ctx,
        "audit",
        PRUNE_INTERVAL,
        |wake| &wake.never,
        |ctx| async move { audit_prune::pass(&ctx).await },
    );
    spawn(
        ctx,
        "uploads",
        PRUNE_INTERVAL,
        |wake| &wake.never,
        |ctx| async move { blob_prune::pass(&ctx).await },
    );
}
