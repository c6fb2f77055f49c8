//! Finding a node for an allocation: which nodes fit ([`fit`]), and taking one of them ([`seek`]).
//!
//! What is still to be found is in the database: an allocation that is `allocating` names the conductor that is at it. If
//! that one died, or started anew, another one goes on from the beginning; nothing of a search is worth keeping.

pub(crate) mod fit;
mod seek;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironbark_model::Allocation;
use tracing::Instrument;

use crate::context::Context;
use crate::workers::Permit;

/// The UUIDs of the allocations that this process looks for nodes for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Searches(Arc<Mutex<HashSet<String>>>);

/// One search: there is no second one for its allocation in this process while this lives.
#[derive(Debug)]
pub(crate) struct Search {
    uuid: String,
    searches: Searches,
}

impl Searches {
    /// The right to look for a node for this allocation; `None` if somebody here has it.
    pub(crate) fn claim(&self, uuid: &str) -> Option<Search> {
        self.set().insert(uuid.to_owned()).then(|| Search {
            uuid: uuid.to_owned(),
            searches: self.clone(),
        })
    }

    fn set(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.searches.set().remove(&self.uuid);
    }
}

/// Looks for a node in a worker. The allocation is stored, and this conductor's. If the search fails for another reason than
/// that there is no node, the reconciler tries again.
pub(crate) fn begin(ctx: &Arc<Context>, permit: Permit, search: Search, allocation: Allocation) {
    let ctx = Arc::clone(ctx);
    let span = tracing::info_span!("allocation", allocation = %allocation.uuid);
    let work = async move {
        if let Err(error) = seek::seek(&ctx, &allocation).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no node could be looked for now; this is tried again"
            );
        }
        drop(search);
    };
    permit.spawn(work.instrument(span));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_search_for_an_allocation_at_a_time() {
        let searches = Searches::default();
        let first = searches.claim("a");
        assert!(first.is_some());
        assert!(searches.claim("a").is_none());
        assert!(searches.claim("b").is_some());
        drop(first);
        assert!(searches.claim("a").is_some());
    }
}
