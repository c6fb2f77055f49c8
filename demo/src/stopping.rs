//! Being told to stop, by Ctrl-C or otherwise.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the demo. The service has to be told by us: it is in a process group of its own.
pub(crate) struct Told {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Told {
    /// From now on these signals don't end the process at once.
    pub(crate) fn listen() -> Result<Self> {
        let open = |kind| signal(kind).context("signals can't be listened to");
        Ok(Self {
            interrupt: open(SignalKind::interrupt())?,
            terminate: open(SignalKind::terminate())?,
            hangup: open(SignalKind::hangup())?,
        })
    }

    /// Waits for the next of them, and says so.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
        println!("\nStopping");
    }
}
