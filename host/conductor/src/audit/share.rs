//! How much of the queue one package may take, so that its flood delays nobody else.
//!
//! Operations wait for a place among those of their package, and then for one in the queue. Refusals never wait: what finds no
//! place is counted here, until the writer takes the counts. They are cheap to cause, so there are fewer places for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironbark_model::audit::{AuditEntry, AuditRepeats};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A package's operations under way, and their rows that wait, may take this part of the room. With the intents of these, it is half.
const OPERATIONS: usize = 4;
/// A package's refusals that wait may take this part.
const REFUSALS: usize = 16;
/// When more packages are known, those that have nothing here are forgotten.
const KNOWN: usize = 64;

/// The shares of all packages.
pub(super) struct Shares {
    room: usize,
    packages: Mutex<HashMap<String, Arc<Share>>>,
}

/// What one package may take.
pub(super) struct Share {
    pub(super) operations: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    uncounted: Mutex<HashMap<Alike, AuditRepeats>>,
}

/// Refusals that are counted as one.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    hour: i64,
    node: Option<String>,
    digest: Option<String>,
}

impl Shares {
    /// Of a queue that has so much room.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            packages: Mutex::default(),
        }
    }

    /// A package's.
    pub(super) fn of(&self, package: &str) -> Arc<Share> {
        let mut packages = lock(&self.packages);
        if let Some(share) = packages.get(package) {
            return Arc::clone(share);
        }
        if packages.len() >= KNOWN {
            packages.retain(|_, share| !share.is_idle(self.room));
        }
        let part = |of: usize| Arc::new(Semaphore::new((self.room / of).max(1)));
        let share = Arc::new(Share {
            operations: part(OPERATIONS),
            refusals: part(REFUSALS),
            uncounted: Mutex::default(),
        });
        packages.insert(package.to_owned(), Arc::clone(&share));
        share
    }

    /// What was refused and found no place, since it was asked last.
    pub(super) fn take_uncounted(&self) -> Vec<AuditRepeats> {
        let packages: Vec<Arc<Share>> = lock(&self.packages).values().cloned().collect();
        let all = packages
            .iter()
            .map(|share| std::mem::take(&mut *lock(&share.uncounted)));
        all.flat_map(HashMap::into_values).collect()
    }
}

impl Share {
    /// A place for one refusal, if there is one.
    pub(super) fn place_for_refusal(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.refusals).try_acquire_owned().ok()
    }

    /// Counts a refusal that found no place.
    pub(super) fn count(&self, refused: &AuditEntry) {
        let one = AuditRepeats::more_of(refused);
        let alike = Alike {
            hour: one.hour,
            node: refused.node.clone(),
            digest: refused.digest.clone(),
        };
        lock(&self.uncounted)
            .entry(alike)
            .and_modify(|counted| counted.add(&one))
            .or_insert(one);
    }

    fn is_idle(&self, room: usize) -> bool {
        self.operations.available_permits() >= (room / OPERATIONS).max(1)
            && self.refusals.available_permits() >= (room / REFUSALS).max(1)
            && lock(&self.uncounted).is_empty()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
