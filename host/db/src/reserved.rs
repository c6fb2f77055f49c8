#![allow(unused, missing_docs)]
use ironbark_model::*;
use ironbark_model::history::HistoryEntry;
use serde_json::Value;
use crate::*;
/// A transaction under a reservation.
#[derive(Debug)]
pub struct ReservedTx(Reservation);
impl ReservedTx {
    /// The reservation that this transaction works under.
    pub fn reservation(&self) -> &Reservation { &self.0 }
    /// The node as it is now.
    pub async fn node(&mut self) -> Result<Node> { Err(Error::internal("not built yet")) }
    /// Writes every column but id, uuid, created_at, reservation, fence.
    pub async fn save_node(&mut self, node: &Node) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Replaces all traits.
    pub async fn set_traits(&mut self, traits: &[String]) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Adds a port.
    pub async fn port_create(&mut self, port: &Port) -> Result<Port> { Err(Error::internal("not built yet")) }
    /// Changes a port.
    pub async fn port_update(&mut self, port: &Port) -> Result<Port> { Err(Error::internal("not built yet")) }
    /// Deletes a port.
    pub async fn port_delete(&mut self, port_uuid: &str) -> Result<bool> { Err(Error::internal("not built yet")) }
    /// Deletes the node and all that belongs to it.
    pub async fn delete_node(&mut self) -> Result<()> { Err(Error::internal("not built yet")) }
    /// The open operation.
    pub async fn operation(&mut self) -> Result<Option<Operation>> { Err(Error::internal("not built yet")) }
    /// Opens an operation.
    pub async fn operation_open(&mut self, operation: &Operation) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Journals.
    pub async fn operation_update(&mut self, operation: &Operation) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Closes (deletes) the operation.
    pub async fn operation_close(&mut self, operation_uuid: &str) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Adds a record to the history.
    pub async fn history_add(&mut self, entry: &HistoryEntry) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Writes (or with `None` deletes) notes.
    pub async fn notes_write(&mut self, package: &str, notes: &[(String, Option<Value>)]) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Commits; the reservation stays.
    pub async fn commit(self) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Commits and releases the reservation in the same transaction.
    pub async fn commit_and_release(self) -> Result<()> { Err(Error::internal("not built yet")) }
}
