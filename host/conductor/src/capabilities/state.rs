//! What one package remembers of one node.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ironbark_db::{Database, Reservation};
use ironbark_model::{Error, Result, Timestamp};
use ironbark_sandbox::{DriverError, StateAccess, Write};
use serde_json::Value;

use super::Unserved;
use crate::call::{NotesSeen, apply};

/// A package's notes on a node. Writes of a call are stored by whoever made the call; only checkpoints are stored here.
pub(crate) struct NodeNotes {
    db: Database,
    node_uuid: String,
    package: String,
    /// Written by earlier calls, and not stored yet; the oldest first.
    pending: Vec<Write>,
    /// What earlier calls read, if the node was held since.
    seen: Option<NotesSeen>,
    /// The node is held, and an operation is open.
    reservation: Option<Reservation>,
    unserved: Unserved,
}

impl NodeNotes {
    /// Notes of `package` on the node.
    pub(crate) fn new(
        db: Database,
        node_uuid: &str,
        package: &str,
        pending: Vec<Write>,
        seen: Option<NotesSeen>,
        reservation: Option<Reservation>,
        unserved: Unserved,
    ) -> Self {
        Self {
            db,
            node_uuid: node_uuid.to_owned(),
            package: package.to_owned(),
            pending,
            seen,
            reservation,
            unserved,
        }
    }

    async fn stored(&self) -> Result<BTreeMap<String, String>> {
        if let Some(notes) = self.seen.as_ref().and_then(|seen| seen.get(&self.package)) {
            return Ok(notes);
        }
        let notes = self.db.notes_of(&self.node_uuid, &self.package).await?;
        if let Some(seen) = &self.seen {
            seen.read(&self.package, &notes);
        }
        Ok(notes)
    }

    async fn store(&self, cursor: Value, writes: &[Write]) -> Result<()> {
        let reservation = self
            .reservation
            .as_ref()
            .ok_or_else(|| Error::internal("the node isn't held"))?;
        let mut tx = self.db.reserved(reservation).await?;
        let mut operation = tx
            .operation()
            .await?
            .ok_or_else(|| Error::internal("no step is running"))?;
        operation.cursor = Some(cursor);
        operation.updated_at = Timestamp::now();
        tx.operation_update(&operation).await?;
        tx.notes_write(&self.package, writes).await?;
        tx.commit().await
    }

    fn failed(&self, error: Error, what: &str) -> DriverError {
        tracing::error!(
            error = &error as &(dyn std::error::Error + 'static),
            "{what}"
        );
        self.unserved.note(error);
        DriverError::Failed(what.to_owned())
    }
}

#[async_trait]
impl StateAccess for NodeNotes {
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError> {
        let mut notes = self
            .stored()
            .await
            .map_err(|error| self.failed(error, "the package's notes could not be read"))?;
        apply(&mut notes, &self.pending);
        Ok(notes)
    }

    async fn checkpoint(&self, cursor: Value, writes: Vec<Write>) -> Result<(), DriverError> {
        self.store(cursor, &writes)
            .await
            .map_err(|error| self.failed(error, "the checkpoint could not be stored"))?;
        if let Some(seen) = &self.seen {
            seen.stored(&self.package, &writes);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_stored_yet_is_seen() {
        let db = ironbark_db::testing::sqlite().await;
        let pending = vec![
            ("a".to_owned(), Some("1".into())),
            ("b".to_owned(), Some("2".into())),
            ("a".to_owned(), None),
        ];
        let notes = NodeNotes::new(
            db.clone(),
            "n",
            "acme",
            pending,
            None,
            None,
            Unserved::default(),
        );
        let seen = notes.load().await.unwrap();
        assert_eq!(seen, BTreeMap::from([("b".to_owned(), "2".to_owned())]));
    }

    #[tokio::test]
    async fn notes_that_can_not_be_read_are_noted_as_our_failure() {
        let db = ironbark_db::testing::sqlite().await;
        let unserved = Unserved::default();
        let notes = NodeNotes::new(
            db.clone(),
            "n",
            "acme",
            Vec::new(),
            None,
            None,
            unserved.clone(),
        );
        assert!(notes.load().await.unwrap().is_empty());
        assert!(unserved.error().is_none());
        db.close().await;
        assert!(notes.load().await.is_err());
        assert!(unserved.error().is_some());
    }
}
