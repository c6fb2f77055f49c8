//! Volume connectors.

use ironbark_model::{Error, Result, Timestamp, VolumeConnector};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{delete, numberless, of_node};
use crate::error::{told, told_of_write};
use crate::page::{Listing, read_page};
use crate::sql::{Columns, Statement, object_to_text};
use crate::{Database, Page, Reservation, ReservedTx};

/// What `sort_key` of a list of volume connectors may be.
pub const VOLUME_CONNECTOR_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "created_at",
    "updated_at",
    "type",
    "connector_id",
];

const FROM: &str = "volume_connectors v JOIN nodes n ON n.id = v.node_id";

const COLUMNS: &str =
    "v.id, v.uuid, n.uuid, v.created_at, v.updated_at, v.type, v.connector_id, v.extra";

const LISTING: Listing = Listing {
    from: FROM,
    id: "v.id",
    marker: "v.uuid",
    what: "Volume connector",
    sort_keys: VOLUME_CONNECTOR_SORT_KEYS,
    always_set: &["uuid", "created_at", "type", "connector_id"],
    prefix: "v.",
};

impl Database {
    /// The volume connector with this UUID.
    pub async fn volume_connector_get(&self, uuid: &str) -> Result<Option<VolumeConnector>> {
        let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE v.uuid = $1");
        let mut connection = self.reader().await?;
        let row = Statement::new(AssertSqlSafe(text))
            .bind(uuid)
            .row(&mut connection)
            .await
            .map_err(told)?;
        row.as_ref().map(connector_from).transpose()
    }

    /// A page of all volume connectors, or of those of the node with this UUID.
    pub async fn volume_connector_list(
        &self,
        node_uuid: Option<&str>,
        page: &Page,
    ) -> Result<Vec<VolumeConnector>> {
        let conditions = of_node(node_uuid);
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &conditions, page).await?;
        rows.iter().map(connector_from).collect()
    }
}

impl ReservedTx {
    /// Adds a volume connector to this node. Its number is the database's, `created_at` is now. A UUID, or type and id
    /// together, that another one has is a conflict, after which this transaction can only be dropped.
    pub async fn volume_connector_create(
        &mut self,
        connector: &VolumeConnector,
    ) -> Result<VolumeConnector> {
        self.must_be_this_node(&connector.node_uuid)?;
        let now = Timestamp::now();
        let (connection, node_id) = self.parts();
        let row = Statement::new(
            "INSERT INTO volume_connectors (type, connector_id, extra, uuid, node_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(connector.kind.as_str())
        .bind(connector.connector_id.as_str())
        .bind(object_to_text(&connector.extra)?)
        .bind(connector.uuid.as_str())
        .bind(node_id)
        .bind(now.0)
        .row(connection)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(connector, column)))?
        .ok_or_else(numberless)?;
        Ok(VolumeConnector {
            id: Columns::of(&row).int()?,
            created_at: Some(now),
            updated_at: None,
            ..connector.clone()
        })
    }

    /// Changes a volume connector of this node; `updated_at` becomes now. With `target`, moves it to the node that is held
    /// by that: it changes too.
    pub async fn volume_connector_update(
        &mut self,
        connector: &VolumeConnector,
        target: Option<&Reservation>,
    ) -> Result<VolumeConnector> {
        let now = Timestamp::now();
        let to_node = self.destination(&connector.node_uuid, target).await?;
        let (connection, node_id) = self.parts();
        let changed = Statement::new(
            "UPDATE volume_connectors SET type = $1, connector_id = $2, extra = $3, updated_at = $4, node_id = $5 \
             WHERE uuid = $6 AND node_id = $7",
        )
        .bind(connector.kind.as_str())
        .bind(connector.connector_id.as_str())
        .bind(object_to_text(&connector.extra)?)
        .bind(now.0)
        .bind(to_node)
        .bind(connector.uuid.as_str())
        .bind(node_id)
        .run(connection)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(connector, column)))?;
        if changed == 0 {
            return Err(Error::not_found(format!(
                "Volume connector {} could not be found.",
                connector.uuid
            )));
        }
        Ok(VolumeConnector {
            updated_at: Some(now),
            ..connector.clone()
        })
    }

    /// Deletes a volume connector of this node; false if it has no such connector.
    pub async fn volume_connector_delete(&mut self, uuid: &str) -> Result<bool> {
        let (connection, node_id) = self.parts();
        let statement =
            Statement::new("DELETE FROM volume_connectors WHERE uuid = $1 AND node_id = $2");
        delete(connection, statement, uuid, node_id).await
    }
}

fn connector_from(row: &AnyRow) -> Result<VolumeConnector> {
    let mut columns = Columns::of(row);
    Ok(VolumeConnector {
        id: columns.int()?,
        uuid: columns.text()?,
        node_uuid: columns.text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        kind: columns.text()?,
        connector_id: columns.text()?,
        extra: columns.object()?,
    })
}

/// Of several columns that must be unique together, SQLite tells the first and PostgreSQL all.
fn duplicate(connector: &VolumeConnector, column: &str) -> Option<String> {
    match column {
        "volume_connectors.uuid" => Some(format!(
            "A volume connector with UUID {} already exists.",
            connector.uuid
        )),
        "volume_connectors.type" | "volume_connectors.type_connector_id" => Some(format!(
            "A volume connector with type {} and connector ID {} already exists.",
            connector.kind, connector.connector_id
        )),
        _ => None,
    }
}
