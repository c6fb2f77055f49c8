#![allow(unused, missing_docs)]
use std::collections::BTreeMap;
use ironbark_model::*;
use ironbark_model::conductor::HardwareInterface;
use ironbark_model::history::HistoryEntry;
use ironbark_model::ident::Ident;
use ironbark_model::package::DriverPackage;
use serde_json::Value;
use crate::*;
/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {}
impl Database {
    /// Opens the database and brings its schema up to date.
    pub async fn open(config: &DatabaseConfig) -> Result<Database, DbError> { Err(DbError::X) }
    /// Ends all connections; on SQLite, the data folder is free for another process then.
    pub async fn close(&self) {}
    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> { Err(Error::internal("not built yet")) }
    /// One node with its traits.
    pub async fn node_get(&self, ident: &Ident) -> Result<Option<Node>> { Err(Error::internal("not built yet")) }
    /// A page of nodes.
    pub async fn node_list(&self, filter: &NodeFilter, page: &Page, columns: NodeColumns) -> Result<Vec<Node>> { Err(Error::internal("not built yet")) }
    /// Slim rows of every node that matches, children included, for periodic tasks.
    pub async fn nodes_owned_candidates(&self, filter: &NodeFilter) -> Result<Vec<NodeRef>> { Err(Error::internal("not built yet")) }
    /// Stores a new node.
    pub async fn node_create(&self, node: &Node) -> Result<Node> { Err(Error::internal("not built yet")) }
    /// Acquires the node's reservation for `host`.
    pub async fn node_reserve(&self, uuid: &str, host: &str) -> Result<Reservation> { Err(Error::internal("not built yet")) }
    /// Takes over.
    pub async fn node_reservation_take_over(&self, uuid: &str, from_host: &str, fence: i64, host: &str) -> Result<Option<Reservation>> { Err(Error::internal("not built yet")) }
    /// Releases.
    pub async fn node_release(&self, reservation: &Reservation) -> Result<bool> { Err(Error::internal("not built yet")) }
    /// Records what was seen of a node.
    pub async fn observe(&self, uuid: &str, fence: i64, observation: &Observation) -> Result<bool> { Err(Error::internal("not built yet")) }
    /// Begins a transaction under the reservation.
    pub async fn reserved(&self, reservation: &Reservation) -> Result<ReservedTx> { Err(Error::internal("not built yet")) }
    /// The node's open operation.
    pub async fn operation_of(&self, node_uuid: &str) -> Result<Option<Operation>> { Err(Error::internal("not built yet")) }
    /// All open operations with their nodes.
    pub async fn operations_open(&self) -> Result<Vec<(Operation, NodeRef)>> { Err(Error::internal("not built yet")) }
    /// UUIDs of the nodes whose operation pins this package.
    pub async fn operations_pinning(&self, digest: &str) -> Result<Vec<String>> { Err(Error::internal("not built yet")) }
    /// One port.
    pub async fn port_get(&self, ident: &Ident) -> Result<Option<Port>> { Err(Error::internal("not built yet")) }
    /// A page of ports.
    pub async fn port_list(&self, filter: &PortFilter, page: &Page) -> Result<Vec<Port>> { Err(Error::internal("not built yet")) }
    /// All ports of a node.
    pub async fn ports_of_node(&self, node_uuid: &str) -> Result<Vec<Port>> { Err(Error::internal("not built yet")) }
    /// A page of a node's history.
    pub async fn history_list(&self, node_uuid: &str, page: &Page) -> Result<Vec<HistoryEntry>> { Err(Error::internal("not built yet")) }
    /// One record of history.
    pub async fn history_get(&self, uuid: &str) -> Result<Option<HistoryEntry>> { Err(Error::internal("not built yet")) }
    /// Deletes at most `batch` records that are older than a node's newest `keep_per_node`.
    pub async fn history_prune(&self, keep_per_node: u32, batch: u32) -> Result<u64> { Err(Error::internal("not built yet")) }
    /// Registers a conductor.
    pub async fn conductor_register(&self, registration: &Registration) -> Result<Conductor> { Err(Error::internal("not built yet")) }
    /// Changes what a conductor drives.
    pub async fn conductor_set_interfaces(&self, hostname: &str, incarnation: &str, drivers: &[String], interfaces: &[HardwareInterface]) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Renews a registration.
    pub async fn conductor_heartbeat(&self, hostname: &str, incarnation: &str, online: bool) -> Result<bool> { Err(Error::internal("not built yet")) }
    /// Marks a conductor offline.
    pub async fn conductor_unregister(&self, hostname: &str, incarnation: &str) -> Result<bool> { Err(Error::internal("not built yet")) }
    /// A page of conductors; markers are host names.
    pub async fn conductors(&self, page: &Page) -> Result<Vec<Conductor>> { Err(Error::internal("not built yet")) }
    /// One conductor.
    pub async fn conductor_get(&self, hostname: &str) -> Result<Option<Conductor>> { Err(Error::internal("not built yet")) }
    /// All conductors.
    pub async fn conductors_all(&self) -> Result<Vec<Conductor>> { Err(Error::internal("not built yet")) }
    /// Every conductor's implementations.
    pub async fn hardware_interfaces(&self) -> Result<Vec<(String, HardwareInterface)>> { Err(Error::internal("not built yet")) }
    /// Stages bytes.
    pub async fn blob_put(&self, digest: &str, data: &[u8]) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Reads bytes.
    pub async fn blob_get(&self, digest: &str) -> Result<Option<Vec<u8>>> { Err(Error::internal("not built yet")) }
    /// Deletes staged bytes.
    pub async fn blob_prune_staged(&self, older_than: Timestamp) -> Result<u64> { Err(Error::internal("not built yet")) }
    /// All active packages.
    pub async fn package_list(&self) -> Result<Vec<DriverPackage>> { Err(Error::internal("not built yet")) }
    /// One package.
    pub async fn package_get(&self, name: &str) -> Result<Option<DriverPackage>> { Err(Error::internal("not built yet")) }
    /// Activates, replacing the package of the same name.
    pub async fn package_activate(&self, package: &DriverPackage) -> Result<()> { Err(Error::internal("not built yet")) }
    /// Removes.
    pub async fn package_remove(&self, name: &str) -> Result<bool> { Err(Error::internal("not built yet")) }
    /// Names or UUIDs of at most `limit` nodes that use one of these hardware types.
    pub async fn nodes_using_driver(&self, hardware_types: &[String], limit: u32) -> Result<Vec<String>> { Err(Error::internal("not built yet")) }
    /// Notes.
    pub async fn notes_of(&self, node_uuid: &str, package: &str) -> Result<BTreeMap<String, Value>> { Err(Error::internal("not built yet")) }
}
