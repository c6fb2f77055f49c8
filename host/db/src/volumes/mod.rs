//! Volume connectors and targets: read by anybody, written under the node's reservation ([`crate::ReservedTx`]).

mod connectors;
mod targets;

pub use connectors::VOLUME_CONNECTOR_SORT_KEYS;
pub use targets::VOLUME_TARGET_SORT_KEYS;

use ironbark_model::{Error, Result};
use sqlx::AnyConnection;

use crate::error::told;
use crate::page::Conditions;
use crate::sql::Statement;

/// All rows, or those of the node with this UUID.
fn of_node(node_uuid: Option<&str>) -> Conditions {
    let mut all = Conditions::default();
    if let Some(uuid) = node_uuid {
        all.equals("n.uuid", uuid);
    }
    all
}

/// Runs a statement that deletes a row by UUID and node; false if there was none.
async fn delete(
    connection: &mut AnyConnection,
    statement: Statement,
    uuid: &str,
    node_id: i64,
) -> Result<bool> {
    let deleted = statement
        .bind(uuid)
        .bind(node_id)
        .run(connection)
        .await
        .map_err(told)?;
    Ok(deleted > 0)
}

fn numberless() -> Error {
    Error::internal("The database gave a volume no number.")
}
