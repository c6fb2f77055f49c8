//! Marks of asynchronous vendor calls under way that hold no node: after a kill they alone say that there was a call.
//!
//! Only that there is one is stored, never its message. A mark is a note of the host's own, under a name that no package can have.

use ironbark_model::{Error, Result};
use serde_json::{Value, json};

use crate::Database;
use crate::error::told;
use crate::reserved::ReservedTx;
use crate::sql::{Columns, Statement, to_json};

/// Packages are named with letters, digits and hyphens.
const PACKAGE: &str = "(vendor calls)";

/// An asynchronous vendor call under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorCallMark {
    /// New for each call.
    pub id: String,
    /// The node that it is about.
    pub node_uuid: String,
    /// The method's name.
    pub method: String,
    /// The conductor that relays it.
    pub host: String,
    /// Which life of that conductor.
    pub incarnation: String,
}

impl Database {
    /// Says that a call begins. Needs no reservation: nothing of the node is changed.
    ///
    /// # Errors
    /// `NotFound` if there is no such node.
    pub async fn vendor_call_begin(&self, mark: &VendorCallMark) -> Result<()> {
        let value = json!({
            "method": mark.method, "host": mark.host, "incarnation": mark.incarnation,
        });
        let written = self
            .write(
                Statement::new(
                    "INSERT INTO driver_notes (node_id, package, note_key, note_value) \
                     SELECT id, $1, $2, $3 FROM nodes WHERE uuid = $4",
                )
                .bind(PACKAGE)
                .bind(mark.id.as_str())
                .bind(to_json(&value)?)
                .bind(mark.node_uuid.as_str()),
            )
            .await?;
        if written == 0 {
            return Err(Error::node_not_found(&mark.node_uuid));
        }
        Ok(())
    }

    /// Says that a call ended; false if it was ended, or told as interrupted, before.
    pub async fn vendor_call_end(&self, id: &str) -> Result<bool> {
        let deleted = self
            .write(
                Statement::new("DELETE FROM driver_notes WHERE package = $1 AND note_key = $2")
                    .bind(PACKAGE)
                    .bind(id),
            )
            .await?;
        Ok(deleted > 0)
    }

    /// All calls under way, on all conductors; also those whose conductor is gone.
    pub async fn vendor_calls(&self) -> Result<Vec<VendorCallMark>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(
            "SELECT d.note_key, n.uuid, d.note_value FROM driver_notes d JOIN nodes n ON n.id = d.node_id \
             WHERE d.package = $1 ORDER BY d.note_key",
        )
        .bind(PACKAGE)
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                let (id, node_uuid) = (columns.text()?, columns.text()?);
                let value: Value = columns.json()?;
                let text = |key: &str| {
                    let text = value.get(key).and_then(Value::as_str);
                    text.unwrap_or_default().to_owned()
                };
                Ok(VendorCallMark {
                    id,
                    node_uuid,
                    method: text("method"),
                    host: text("host"),
                    incarnation: text("incarnation"),
                })
            })
            .collect()
    }
}

impl ReservedTx {
    /// Takes the mark of a call of this node away, in this transaction; false if it isn't there any more.
    pub async fn vendor_call_end(&mut self, mark: &VendorCallMark) -> Result<bool> {
        self.note_delete(PACKAGE, &mark.id).await
    }
}
