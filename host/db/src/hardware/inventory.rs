//! What the last inspection of a node found.

use ironbark_model::hardware::Inventory;
use ironbark_model::{Result, Timestamp};

use crate::error::told;
use crate::sql::{Columns, Statement, large_object_to_text};
use crate::{Database, ReservedTx};

impl Database {
    /// What the last inspection found; `None` if there was none.
    pub async fn inventory(&self, node_uuid: &str) -> Result<Option<Inventory>> {
        let mut connection = self.reader().await?;
        let row = Statement::new(
            "SELECT i.inventory_data, i.plugin_data FROM node_inventory i JOIN nodes n ON n.id = i.node_id WHERE n.uuid = $1",
        )
        .bind(node_uuid)
        .row(&mut connection)
        .await
        .map_err(told)?;
        row.map(|row| {
            let mut columns = Columns::of(&row);
            Ok(Inventory {
                inventory: columns.object()?,
                plugin_data: columns.object()?,
            })
        })
        .transpose()
    }
}

impl ReservedTx {
    /// Stores what an inspection found, in place of what the one before found.
    pub async fn inventory_write(&mut self, found: &Inventory) -> Result<()> {
        let node_id = self.node_id();
        Statement::new(
            "INSERT INTO node_inventory (node_id, inventory_data, plugin_data, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (node_id) DO UPDATE SET inventory_data = excluded.inventory_data, \
             plugin_data = excluded.plugin_data, created_at = excluded.created_at",
        )
        .bind(node_id)
        .bind(large_object_to_text(&found.inventory)?)
        .bind(large_object_to_text(&found.plugin_data)?)
        .bind(Timestamp::now().0)
        .run(self.connection())
        .await
        .map_err(told)?;
        Ok(())
    }
}
