//! One command at a time per BMC address, whoever sends it.
//!
//! Nodes that share a BMC but not its user have actors of their own; they meet here.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{
    sync::MutexGuard,
    time::{Instant, sleep_until},
};

use super::transport::lock;

/// The gates of all addresses in use.
#[derive(Default)]
pub(super) struct Gates {
    gates: Mutex<HashMap<SocketAddr, Weak<Gate>>>,
}

/// What lets one command through at a time.
pub(super) struct Gate {
    peer: SocketAddr,
    home: Weak<Gates>,
    /// When the last command ended.
    last: tokio::sync::Mutex<Option<Instant>>,
}

/// The right to talk to the BMC, given up when dropped.
pub(super) struct Turn<'a> {
    last: MutexGuard<'a, Option<Instant>>,
}

impl Gates {
    /// The gate of this address, made if nobody has one.
    pub(super) fn of(self: &Arc<Self>, peer: SocketAddr) -> Arc<Gate> {
        let mut gates = lock(&self.gates);
        if let Some(gate) = gates.get(&peer).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Arc::new(Gate {
            peer,
            home: Arc::downgrade(self),
            last: tokio::sync::Mutex::default(),
        });
        gates.insert(peer, Arc::downgrade(&gate));
        gate
    }
}

impl Gate {
    /// Waits for its turn, and until the last command is `pacing` ago.
    pub(super) async fn enter(&self, pacing: Duration) -> Turn<'_> {
        let last = self.last.lock().await;
        if let Some(ended) = *last
            && !pacing.is_zero()
        {
            sleep_until(ended + pacing).await;
        }
        Turn { last }
    }
}

impl Turn<'_> {
    /// Ends the turn; the next one's pacing counts from now.
    pub(super) fn leave(&mut self) {
        *self.last = Some(Instant::now());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else {
            return;
        };
        let mut gates = lock(&home.gates);
        // Somebody may have made a new one for this address meanwhile.
        if gates
            .get(&self.peer)
            .is_some_and(|gate| gate.strong_count() == 0)
        {
            gates.remove(&self.peer);
        }
    }
}
