//! So many commands at a time per BMC address, whoever sends them.
//!
//! Nodes that share a BMC but not its user have actors of their own; they meet here.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

use crate::sync::lock;

/// The gates of all addresses in use.
pub(crate) struct Gates {
    width: usize,
    gates: Mutex<HashMap<SocketAddr, Weak<Gate>>>,
}

/// What lets only so many commands through at a time.
pub(crate) struct Gate {
    peer: SocketAddr,
    home: Weak<Gates>,
    places: Arc<Semaphore>,
    /// When a command last began or ended; in the future while one waits for its pacing.
    last: Mutex<Option<Instant>>,
}

/// The right to talk to the BMC, given up when dropped.
pub(crate) struct Turn {
    gate: Arc<Gate>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Gates {
    /// Gates that let `width` commands through at a time, at least one.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            gates: Mutex::default(),
        }
    }

    /// The gate of this address, made if nobody has one.
    pub(crate) fn of(self: &Arc<Self>, peer: SocketAddr) -> Arc<Gate> {
        let mut gates = lock(&self.gates);
        if let Some(gate) = gates.get(&peer).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Arc::new(Gate {
            peer,
            home: Arc::downgrade(self),
            places: Arc::new(Semaphore::new(self.width)),
            last: Mutex::default(),
        });
        gates.insert(peer, Arc::downgrade(&gate));
        gate
    }
}

impl Gate {
    /// Waits for its turn, and until another command began or ended at least `pacing` ago.
    pub(crate) async fn enter(self: &Arc<Self>, pacing: Duration) -> Turn {
        // Never closed, so the place is always had.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        if !pacing.is_zero() {
            let start = {
                let mut last = lock(&self.last);
                let now = Instant::now();
                let start = last.map_or(now, |last| now.max(last + pacing));
                *last = Some(start);
                start
            };
            sleep_until(start).await;
        }
        Turn {
            gate: Arc::clone(self),
            _place: place,
        }
    }
}

impl Turn {
    /// Ends the turn; the next one's pacing counts from now.
    pub(crate) fn leave(self) {
        let mut last = lock(&self.gate.last);
        let now = Instant::now();
        *last = Some(last.map_or(now, |last| last.max(now)));
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
