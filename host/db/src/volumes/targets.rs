//! Volume targets.

use ironbark_model::{Error, Result, Timestamp, VolumeTarget};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{delete, numberless, of_node};
use crate::error::{told, told_of_write};
use crate::page::{Listing, read_page};
use crate::sql::{Columns, Statement, object_to_text};
use crate::{Database, Page, Reservation, ReservedTx};

/// What `sort_key` of a list of volume targets may be.
pub const VOLUME_TARGET_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "created_at",
    "updated_at",
    "volume_type",
    "boot_index",
    "volume_id",
];

const FROM: &str = "volume_targets v JOIN nodes n ON n.id = v.node_id";

const COLUMNS: &str = "v.id, v.uuid, n.uuid, v.created_at, v.updated_at, v.volume_type, v.properties, v.boot_index, \
    v.volume_id, v.extra";

const LISTING: Listing = Listing {
    from: FROM,
    id: "v.id",
    marker: "v.uuid",
    what: "Volume target",
    sort_keys: VOLUME_TARGET_SORT_KEYS,
    always_set: &[
        "uuid",
        "created_at",
        "volume_type",
        "boot_index",
        "volume_id",
    ],
    prefix: "v.",
};

impl Database {
    /// The volume target with this UUID.
    pub async fn volume_target_get(&self, uuid: &str) -> Result<Option<VolumeTarget>> {
        let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE v.uuid = $1");
        let mut connection = self.reader().await?;
        let row = Statement::new(AssertSqlSafe(text))
            .bind(uuid)
            .row(&mut connection)
            .await
            .map_err(told)?;
        row.as_ref().map(target_from).transpose()
    }

    /// A page of all volume targets, or of those of the node with this UUID.
    pub async fn volume_target_list(
        &self,
        node_uuid: Option<&str>,
        page: &Page,
    ) -> Result<Vec<VolumeTarget>> {
        let conditions = of_node(node_uuid);
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &conditions, page).await?;
        rows.iter().map(target_from).collect()
    }
}

impl ReservedTx {
    /// Adds a volume target to this node. Its number is the database's, `created_at` is now. A UUID that another one has,
    /// or a boot index that another one of the node has, is a conflict, after which this transaction can only be dropped.
    pub async fn volume_target_create(&mut self, target: &VolumeTarget) -> Result<VolumeTarget> {
        self.must_be_this_node(&target.node_uuid)?;
        let now = Timestamp::now();
        let (connection, node_id) = self.parts();
        let statement = Statement::new(
            "INSERT INTO volume_targets (volume_type, properties, boot_index, volume_id, extra, uuid, node_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        );
        let row = bind_columns(statement, target)?
            .bind(target.uuid.as_str())
            .bind(node_id)
            .bind(now.0)
            .row(connection)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(target, column)))?
            .ok_or_else(numberless)?;
        Ok(VolumeTarget {
            id: Columns::of(&row).int()?,
            created_at: Some(now),
            updated_at: None,
            ..target.clone()
        })
    }

    /// Changes a volume target of this node; `updated_at` becomes now. With `to`, moves it to the node that is held by
    /// that: it changes too.
    pub async fn volume_target_update(
        &mut self,
        target: &VolumeTarget,
        to: Option<&Reservation>,
    ) -> Result<VolumeTarget> {
        let now = Timestamp::now();
        let to_node = self.destination(&target.node_uuid, to).await?;
        let (connection, node_id) = self.parts();
        let statement = Statement::new(
            "UPDATE volume_targets SET volume_type = $1, properties = $2, boot_index = $3, volume_id = $4, extra = $5, \
             updated_at = $6, node_id = $7 WHERE uuid = $8 AND node_id = $9",
        );
        let changed = bind_columns(statement, target)?
            .bind(now.0)
            .bind(to_node)
            .bind(target.uuid.as_str())
            .bind(node_id)
            .run(connection)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(target, column)))?;
        if changed == 0 {
            return Err(Error::not_found(format!(
                "Volume target {} could not be found.",
                target.uuid
            )));
        }
        Ok(VolumeTarget {
            updated_at: Some(now),
            ..target.clone()
        })
    }

    /// Deletes a volume target of this node; false if it has no such target.
    pub async fn volume_target_delete(&mut self, uuid: &str) -> Result<bool> {
        let (connection, node_id) = self.parts();
        let statement =
            Statement::new("DELETE FROM volume_targets WHERE uuid = $1 AND node_id = $2");
        delete(connection, statement, uuid, node_id).await
    }
}

fn bind_columns(statement: Statement, target: &VolumeTarget) -> Result<Statement> {
    Ok(statement
        .bind(target.volume_type.as_str())
        .bind(object_to_text(&target.properties)?)
        .bind(target.boot_index)
        .bind(target.volume_id.as_str())
        .bind(object_to_text(&target.extra)?))
}

fn target_from(row: &AnyRow) -> Result<VolumeTarget> {
    let mut columns = Columns::of(row);
    Ok(VolumeTarget {
        id: columns.int()?,
        uuid: columns.text()?,
        node_uuid: columns.text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        volume_type: columns.text()?,
        properties: columns.object()?,
        boot_index: columns.int()?,
        volume_id: columns.text()?,
        extra: columns.object()?,
    })
}

/// Of several columns that must be unique together, SQLite tells the first and PostgreSQL all.
fn duplicate(target: &VolumeTarget, column: &str) -> Option<String> {
    match column {
        "volume_targets.uuid" => Some(format!(
            "A volume target with UUID {} already exists.",
            target.uuid
        )),
        "volume_targets.node_id" | "volume_targets.node_id_boot_index" => Some(format!(
            "A volume target with boot index {} for node {} already exists.",
            target.boot_index, target.node_uuid
        )),
        _ => None,
    }
}
