//! Notes: what a driver package keeps of a node, a JSON value for each key. Nobody but the driver looks into them, so they
//! stay text.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironbark_model::Result;
use sqlx::AnyConnection;

use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement};

impl Database {
    /// All that this package keeps of the node, as JSON text.
    pub async fn notes_of(
        &self,
        node_uuid: &str,
        package: &str,
    ) -> Result<BTreeMap<String, String>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(
            "SELECT d.note_key, d.note_value FROM driver_notes d JOIN nodes n ON n.id = d.node_id \
             WHERE n.uuid = $1 AND d.package = $2",
        )
        .bind(node_uuid)
        .bind(package)
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                Ok((columns.text()?, columns.text()?))
            })
            .collect()
    }
}

/// Writes notes, JSON text, on the node with this number; `None` deletes one.
pub(crate) async fn write(
    connection: &mut AnyConnection,
    node_id: i64,
    package: &str,
    notes: &[(String, Option<Arc<str>>)],
) -> Result<()> {
    for (key, value) in notes {
        let statement = match value {
            Some(value) => Statement::new(
                "INSERT INTO driver_notes (node_id, package, note_key, note_value) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (node_id, package, note_key) DO UPDATE SET note_value = excluded.note_value",
            )
            .bind(node_id)
            .bind(package)
            .bind(key.as_str())
            .bind(value.as_ref()),
            None => Statement::new(
                "DELETE FROM driver_notes WHERE node_id = $1 AND package = $2 AND note_key = $3",
            )
            .bind(node_id)
            .bind(package)
            .bind(key.as_str()),
        };
        statement.run(connection).await.map_err(told)?;
    }
    Ok(())
}
