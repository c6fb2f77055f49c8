//! Which nodes this process really holds.
//!
//! The database may say that this host holds a node of which nobody here knows: its answer to the claim was lost on the way, or a
//! task that held it crashed. Nobody else would ever give such a node back, since this conductor lives. So everything that holds
//! a node is counted here, and what the database says beyond that for a while is taken for work of a former self.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironbark_db::Reservation;
use tokio::time::Instant;

/// For how long nobody must have known of a reservation: much longer than the database may take to answer (60 s).
pub(crate) const UNCLAIMED_AFTER: Duration = Duration::from_secs(90);

type Key = (String, i64);

/// The reservations of this process. Cheap to clone; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Holdings(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// How many claims there are of each: who strands a node has one beside the work that is about to be dropped.
    claimed: HashMap<Key, usize>,
    /// In the database, but not here; since when.
    unclaimed: HashMap<Key, Instant>,
}

impl Holdings {
    /// Counts a reservation for as long as the answer lives.
    pub(crate) fn claim(&self, reservation: Reservation) -> Claim {
        let mut known = self.lock();
        *known.claimed.entry(key(&reservation)).or_insert(0) += 1;
        drop(known);
        Claim {
            reservation,
            holdings: self.clone(),
        }
    }

    /// Whether nobody here has known of this reservation, which the database has, for long enough at `now`.
    pub(crate) fn is_unclaimed(&self, node_uuid: &str, fence: i64, now: Instant) -> bool {
        let key = (node_uuid.to_owned(), fence);
        let mut known = self.lock();
        if known.claimed.contains_key(&key) {
            known.unclaimed.remove(&key);
            return false;
        }
        let since = *known.unclaimed.entry(key).or_insert(now);
        now.saturating_duration_since(since) >= UNCLAIMED_AFTER
    }

    /// Forgets what a look at the database didn't find again, so that the table can't grow for ever.
    pub(crate) fn keep_only(&self, found: &HashSet<Key>) {
        self.lock().unclaimed.retain(|key, _| found.contains(key));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reservation that somebody in this process knows of.
#[derive(Debug)]
pub(crate) struct Claim {
    reservation: Reservation,
    holdings: Holdings,
}

impl std::ops::Deref for Claim {
    type Target = Reservation;
    fn deref(&self) -> &Reservation {
        &self.reservation
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let key = key(&self.reservation);
        let mut known = self.holdings.lock();
        if let Some(claims) = known.claimed.get_mut(&key) {
            *claims -= 1;
            if *claims == 0 {
                known.claimed.remove(&key);
            }
        }
    }
}

impl Clone for Claim {
    fn clone(&self) -> Self {
        self.holdings.claim(self.reservation.clone())
    }
}

fn key(reservation: &Reservation) -> Key {
    (reservation.node_uuid.clone(), reservation.fence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(fence: i64) -> Reservation {
        Reservation {
            node_uuid: "n".to_owned(),
            host: "host-a".to_owned(),
            fence,
        }
    }

    #[test]
    fn only_what_nobody_knew_of_for_long_is_unclaimed() {
        let holdings = Holdings::default();
        let (now, later) = (Instant::now(), Instant::now() + UNCLAIMED_AFTER);
        let claim = holdings.claim(reservation(1));
        assert!(!holdings.is_unclaimed("n", 1, now));
        let stranded = claim.clone();
        drop(claim);
        assert!(!holdings.is_unclaimed("n", 1, later));
        drop(stranded);
        assert!(!holdings.is_unclaimed("n", 1, later), "only just seen");
        assert!(holdings.is_unclaimed("n", 1, later + UNCLAIMED_AFTER));
        // The next claim of the same node is another one.
        let _claim = holdings.claim(reservation(3));
        assert!(!holdings.is_unclaimed("n", 3, later + UNCLAIMED_AFTER));
        holdings.keep_only(&HashSet::new());
        assert!(!holdings.is_unclaimed("n", 1, later + UNCLAIMED_AFTER));
    }
}
