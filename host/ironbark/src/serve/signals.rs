//! What the outside says about stopping.

use anyhow::{Context, Result};
use ironbark_conductor::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT stop gracefully, SIGUSR2 drains.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    drain: Signal,
}

impl Signals {
    /// From now on these signals don't end the process at once.
    pub(crate) fn listen() -> Result<Self> {
        let open = |kind| signal(kind).context("signals can't be listened to");
        Ok(Self {
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
            drain: open(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn wait(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Graceful,
            _ = self.interrupt.recv() => Stop::Graceful,
            _ = self.drain.recv() => Stop::Drain,
        }
    }
}
