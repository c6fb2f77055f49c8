//! Notes of packages on one node that is held: read once, since nobody else changes them meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ironbark_sandbox::Write;

/// What packages keep of a node, as it is stored. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotesSeen(Arc<Mutex<BTreeMap<String, BTreeMap<String, String>>>>);

impl NotesSeen {
    /// The notes of `package`, if they were read.
    pub(crate) fn get(&self, package: &str) -> Option<BTreeMap<String, String>> {
        self.lock(|seen| seen.get(package).cloned())
    }

    /// The notes of `package` were read.
    pub(crate) fn read(&self, package: &str, notes: &BTreeMap<String, String>) {
        self.lock(|seen| seen.insert(package.to_owned(), notes.clone()));
    }

    /// Notes of `package` were stored.
    pub(crate) fn stored(&self, package: &str, writes: &[Write]) {
        self.lock(|seen| {
            if let Some(notes) = seen.get_mut(package) {
                apply(notes, writes);
            }
        });
    }

    fn lock<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<String, BTreeMap<String, String>>) -> T,
    ) -> T {
        // Nothing in here panics half-way.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes of `notes` what they are after `writes`.
pub(crate) fn apply(notes: &mut BTreeMap<String, String>, writes: &[Write]) {
    for (key, value) in writes {
        match value {
            Some(value) => notes.insert(key.clone(), value.as_ref().to_owned()),
            None => notes.remove(key),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_seen_if_it_was_read_before() {
        let seen = NotesSeen::default();
        let set = |key: &str, value: &str| (key.to_owned(), Some(value.into()));
        seen.stored("acme", &[set("a", "1")]);
        assert_eq!(seen.get("acme"), None);
        seen.read("acme", &BTreeMap::from([("a".into(), "1".into())]));
        seen.clone()
            .stored("acme", &[set("b", "2"), ("a".to_owned(), None)]);
        let expected = BTreeMap::from([("b".to_owned(), "2".to_owned())]);
        assert_eq!(seen.get("acme"), Some(expected));
        assert_eq!(seen.get("other"), None);
    }
}
