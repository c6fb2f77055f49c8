//! The loop that every reconciler runs in.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ironbark_model::Result;
use tokio::sync::Notify;

use super::Wakers;
use crate::context::Context;

/// Starts a reconciler: `pass` runs every `interval` and whenever it is woken, never twice at once. An interval of zero
/// switches it off.
pub(super) fn spawn<Pass, Work>(
    ctx: &Arc<Context>,
    name: &'static str,
    interval: Duration,
    wake: fn(&Wakers) -> &Notify,
    mut pass: Pass,
) where
    Pass: FnMut(Arc<Context>) -> Work + Send + 'static,
    Work: Future<Output = Result<()>> + Send,
{
    if interval.is_zero() {
        tracing::info!(reconciler = name, "switched off");
        return;
    }
    let ctx = Arc::clone(ctx);
    ctx.wake.tasks.clone().spawn(async move {
        loop {
            tokio::select! {
                () = ctx.shutdown.cancelled() => return,
                () = wake(&ctx.wake).notified() => {}
                () = tokio::time::sleep(with_jitter(interval)) => {}
            }
            tokio::select! {
                // Dropping a pass gives back what it holds.
                () = ctx.shutdown.cancelled() => return,
                () = run(name, pass(Arc::clone(&ctx))) => {}
            }
        }
    });
}

async fn run(name: &'static str, work: impl Future<Output = Result<()>>) {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(reconciler = name, error = %chain(&error), "a pass failed; the next one tries again")
        }
        Err(_) => tracing::error!(
            reconciler = name,
            "a pass panicked: a bug; the next one tries again"
        ),
    }
}

/// An error with its causes, for the log.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// The interval and up to a tenth more.
fn with_jitter(interval: Duration) -> Duration {
    interval + (interval / 10).mul_f64(rand::random::<f64>())
}
