//! Who asked for what is done: users by the ids of their requests.
//!
//! What a driver does for a request, and goes on doing for long after its answer, carries the request's id; this finds the user. Kept in
//! memory only: after a restart, or on another conductor, the id alone is left, and the row of before has both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;

/// Requests that are remembered: the ones that were used last.
const REMEMBERED: usize = 10_000;

/// Clones are the same.
#[derive(Clone)]
pub(crate) struct Askers(Arc<Mutex<LruCache<String, Arc<str>>>>);

impl Default for Askers {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(REMEMBERED))))
    }
}

impl Askers {
    /// Remembers who asked.
    pub(crate) fn remember(&self, request_id: &str, user: &str) {
        self.lock().insert(request_id.to_owned(), user.into());
    }

    /// Who asked, if that is known.
    pub(crate) fn of(&self, request_id: &str) -> Option<String> {
        self.lock().get(request_id).map(|user| (**user).to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<String, Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_is_known_while_something_is_done_for_them() {
        let askers = Askers::default();
        askers.remember("req-long", "alice");
        for number in 0..2 * REMEMBERED {
            askers.remember(&format!("req-{number}"), "bob");
            assert_eq!(askers.of("req-long").as_deref(), Some("alice"));
        }
        assert_eq!(askers.of("req-0"), None);
        assert_eq!(askers.of("another"), None);
        assert!(askers.lock().len() <= REMEMBERED);
    }
}
