//! Nodes that were read lately, whole, so that lists read only what changed since.
//!
//! Clients that look after many machines ask for all of them in detail, again and again. A node is taken from here only if its
//! row still has the revision under which it was read; every write to the row gives it another one.

use std::sync::{Arc, Mutex};

use hashlink::LruCache;
use ironbark_model::Node;

/// Most that is kept, in bytes of what was read; decoded, it is about twice as much.
const MOST: usize = 8 * 1024 * 1024;

/// A node of which more was read isn't kept.
const MOST_OF_ONE: usize = 32 * 1024;

/// Which row, in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: i64,
    pub(super) revision: i64,
}

/// See the module.
pub(crate) struct NodeCache {
    kept: Mutex<Kept>,
}

struct Kept {
    nodes: LruCache<i64, Entry>,
    bytes: usize,
}

struct Entry {
    revision: i64,
    bytes: usize,
    node: Arc<Node>,
}

impl NodeCache {
    /// Those of these nodes that are here, in their order.
    pub(super) fn find(&self, keys: &[Key]) -> Vec<Option<Arc<Node>>> {
        let Ok(mut kept) = self.kept.lock() else {
            return vec![None; keys.len()];
        };
        keys.iter()
            .map(|key| {
                let entry = kept.nodes.get(&key.id)?;
                (entry.revision == key.revision).then(|| Arc::clone(&entry.node))
            })
            .collect()
    }

    /// Keeps a node of which so many bytes were read, and drops those that were not asked for for longest.
    pub(super) fn keep(&self, key: Key, bytes: usize, node: &Arc<Node>) {
        let Ok(mut kept) = self.kept.lock() else {
            return;
        };
        if bytes > MOST_OF_ONE {
            return;
        }
        let entry = Entry {
            revision: key.revision,
            bytes,
            node: Arc::clone(node),
        };
        kept.bytes += bytes;
        if let Some(before) = kept.nodes.insert(key.id, entry) {
            kept.bytes -= before.bytes;
        }
        while kept.bytes > MOST {
            let Some((_, oldest)) = kept.nodes.remove_lru() else {
                return;
            };
            kept.bytes -= oldest.bytes;
        }
    }
}

impl Default for NodeCache {
    fn default() -> Self {
        let kept = Kept {
            nodes: LruCache::new_unbounded(),
            bytes: 0,
        };
        Self {
            kept: Mutex::new(kept),
        }
    }
}

impl std::fmt::Debug for NodeCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64, revision: i64) -> Key {
        Key { id, revision }
    }

    #[test]
    fn only_the_revision_that_was_read_is_found() {
        let cache = NodeCache::default();
        let node = Arc::new(Node::default());
        cache.keep(key(1, 5), 100, &node);
        let found = cache.find(&[key(1, 4), key(1, 5), key(1, 6), key(2, 5)]);
        let there: Vec<bool> = found.iter().map(Option::is_some).collect();
        assert_eq!(there, [false, true, false, false]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let cache = NodeCache::default();
        let node = Arc::new(Node::default());
        let all = (MOST / MOST_OF_ONE) as i64;
        for id in 0..=all {
            // The first one is asked for again and again.
            cache.keep(key(id, 0), MOST_OF_ONE, &node);
            cache.find(&[key(0, 0)]);
        }
        cache.keep(key(all + 1, 0), MOST_OF_ONE + 1, &node);
        let found = cache.find(&[
            key(0, 0),
            key(1, 0),
            key(2, 0),
            key(all, 0),
            key(all + 1, 0),
        ]);
        let there: Vec<bool> = found.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, false, true, true, false]);
        cache.keep(key(0, 1), 10, &node);
        let kept = cache.kept.lock().unwrap();
        let sum: usize = kept.nodes.iter().map(|(_, entry)| entry.bytes).sum();
        assert_eq!(kept.bytes, sum);
    }
}
