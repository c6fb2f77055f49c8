//! That we, not the machine, failed a driver.

use std::sync::{Arc, OnceLock};

use ironbark_model::Error;

/// What kept the host from serving an import of one call: its database, a bound of its own, its standing. Clones are the same.
///
/// The driver is told something, and mostly returns it as its own error; whoever made the call looks here first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unserved(Arc<OnceLock<Error>>);

impl Unserved {
    /// Notes it; the first one counts.
    pub(crate) fn note(&self, error: Error) {
        let _ = self.0.set(error);
    }

    /// What it was, if anything.
    pub(crate) fn error(&self) -> Option<Error> {
        self.0.get().cloned()
    }
}
