//! What the package remembers of one node: in memory, where a conductor has the database.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ironbark_sandbox::{DriverError, StateAccess, Write};
use serde_json::Value;

#[derive(Default)]
pub(crate) struct Notes(Mutex<BTreeMap<String, String>>);

impl Notes {
    /// Keeps what a call wrote.
    pub(crate) fn keep(&self, writes: Vec<Write>) {
        let mut notes = self.lock();
        for (key, value) in writes {
            match value {
                Some(value) => notes.insert(key, value.as_ref().to_owned()),
                None => notes.remove(&key),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StateAccess for Notes {
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError> {
        Ok(self.lock().clone())
    }

    async fn checkpoint(&self, _cursor: Value, writes: Vec<Write>) -> Result<(), DriverError> {
        self.keep(writes);
        Ok(())
    }
}
