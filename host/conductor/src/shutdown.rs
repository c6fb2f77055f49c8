//! How a conductor stops.
//!
//! SIGTERM is [`Stop::Graceful`], SIGUSR2 [`Stop::Drain`]; the binary wires the signals. Either way nothing is lost: what
//! doesn't end in time is dropped where it stands, and carried on from its journal by whoever owns the node next.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::packages;

/// How long a stop waits for work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `graceful_shutdown_timeout` (60 s).
    Graceful,
    /// `drain_shutdown_timeout` (1800 s).
    Drain,
}

/// How long a dropped task may take to give back what it holds.
const TIDY_UP: Duration = Duration::from_secs(5);

/// How long giving consoles back may take: a BMC may be asked some times.
const CONSOLES: Duration = Duration::from_secs(8);

/// Stops: takes no more work, tells the others so, waits, drops what is left, deregisters.
///
/// Safe to call again, with a shorter [`Stop`], while a longer one waits: the sooner time-out wins.
pub(crate) async fn stop(ctx: &Arc<Context>, how: Stop) {
    let within = match how {
        Stop::Graceful => ctx.config.graceful_shutdown_timeout,
        Stop::Drain => ctx.config.drain_shutdown_timeout,
    };
    tracing::info!(
        how = ?how,
        seconds = within.as_secs(),
        under_way = ctx.workers.busy(),
        "stopping: no more work is taken"
    );
    ctx.shutdown.cancel();
    mark_offline(ctx).await;
    // What they hold is given back when their passes are dropped; the workers' idling sees to that.
    ctx.wake.tasks.close();
    if tokio::time::timeout(TIDY_UP, ctx.wake.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("some reconcilers did not end");
    }
    if tokio::time::timeout(CONSOLES, ctx.consoles.idle())
        .await
        .is_err()
    {
        tracing::warn!("some consoles were not given back in time");
    }
    if tokio::time::timeout(within, ctx.workers.idle())
        .await
        .is_err()
    {
        tracing::warn!(
            under_way = ctx.workers.busy(),
            "work is still under way: it is dropped, and carried on by whoever owns the nodes next"
        );
        ctx.workers.cancel();
        if tokio::time::timeout(TIDY_UP, ctx.workers.idle())
            .await
            .is_err()
        {
            tracing::warn!("some work did not end when it was dropped");
        }
    }
    ctx.audit.flush(TIDY_UP).await;
    store_usage(ctx).await;
    ctx.wake.stopped.cancel();
    let gone = ctx.db.conductor_unregister(ctx.host(), &ctx.incarnation);
    match tokio::time::timeout(TIDY_UP, gone).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "could not deregister: others notice within a minute")
        }
        Err(_) => tracing::warn!("could not deregister in time: others notice within a minute"),
    }
    tracing::info!("stopped");
}

/// Others see at once that this conductor takes no more work; its registration stays alive while it finishes.
async fn mark_offline(ctx: &Context) {
    let beat = ctx
        .db
        .conductor_heartbeat(ctx.host(), &ctx.incarnation, false);
    match tokio::time::timeout(TIDY_UP, beat).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "could not tell the others of the stop"),
        Err(_) => tracing::warn!("could not tell the others of the stop in time"),
    }
}

/// What packages used since it was last stored.
async fn store_usage(ctx: &Arc<Context>) {
    let storing = packages::store_usage(ctx);
    match tokio::time::timeout(TIDY_UP, storing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "could not store what packages used in the last seconds")
        }
        Err(_) => {
            tracing::warn!("could not store in time what packages used in the last seconds")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use ironbark_db::testing;
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::{config, registered};

    #[tokio::test]
    async fn work_that_ends_in_time_is_waited_for_and_others_see_that_no_more_is_taken() {
        let db = testing::sqlite().await;
        let ctx = registered(&db, config("host-a"), &[]).await;
        let (end, ended) = oneshot::channel::<()>();
        let finished = Arc::new(AtomicBool::new(false));
        ctx.workers.permit().unwrap().spawn({
            let finished = Arc::clone(&finished);
            async move {
                let _ = ended.await;
                finished.store(true, Ordering::SeqCst);
            }
        });
        let stopping = tokio::spawn({
            let ctx = Arc::clone(&ctx);
            async move { stop(&ctx, Stop::Drain).await }
        });
        ctx.shutdown.cancelled().await;
        while db.conductor_get("host-a").await.unwrap().unwrap().online {
            tokio::task::yield_now().await;
        }
        assert!(!stopping.is_finished(), "it waits for the worker");
        assert!(
            !ctx.wake.stopped.is_cancelled(),
            "and stays alive meanwhile"
        );
        end.send(()).unwrap();
        stopping.await.unwrap();
        assert!(finished.load(Ordering::SeqCst));
        assert!(ctx.wake.stopped.is_cancelled());
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_dropped() {
        let db = testing::sqlite().await;
        let mut impatient = config("host-a");
        impatient.graceful_shutdown_timeout = Duration::from_millis(50);
        let ctx = registered(&db, impatient, &[]).await;
        ctx.workers.permit().unwrap().spawn(std::future::pending());
        crate::reconcile::spawn_all(&ctx);
        tokio::time::timeout(Duration::from_secs(20), stop(&ctx, Stop::Graceful))
            .await
            .unwrap();
        assert_eq!(ctx.workers.busy(), 0);
        assert!(!db.conductor_get("host-a").await.unwrap().unwrap().online);
    }
}
