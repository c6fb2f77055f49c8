//! BIOS settings, as the node's driver read them last.

use std::collections::BTreeMap;

use ironbark_model::hardware::BiosSetting;
use ironbark_model::{Error, Result, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::told;
use crate::sql::{Columns, Statement, storable, to_json};
use crate::{Database, ReservedTx};

const COLUMNS: &str = "b.name, b.value, b.attribute_type, b.allowable_values, b.lower_bound, b.upper_bound, b.min_length, \
    b.max_length, b.read_only, b.reset_required, b.\"unique\", b.created_at, b.updated_at";

impl Database {
    /// The node's BIOS settings, by name.
    pub async fn bios_settings(&self, node_uuid: &str) -> Result<Vec<BiosSetting>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM bios_settings b JOIN nodes n ON n.id = b.node_id WHERE n.uuid = $1 ORDER BY b.name"
        )))
        .bind(node_uuid)
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter().map(setting_from).collect()
    }
}

impl ReservedTx {
    /// Makes these the node's BIOS settings, and no others. One that is as it was stays untouched; `created_at` and
    /// `updated_at` are the database's own.
    pub async fn bios_settings_write(&mut self, settings: &[BiosSetting]) -> Result<()> {
        let node_id = self.node_id();
        let connection = self.connection();
        let mut before = known(connection, node_id).await?;
        let now = Timestamp::now();
        for setting in settings {
            match before.remove(&*storable(&setting.name)) {
                Some(old) if old == without_times(setting) => {}
                _ => put(connection, node_id, setting, now).await?,
            }
        }
        for name in before.keys() {
            Statement::new("DELETE FROM bios_settings WHERE node_id = $1 AND name = $2")
                .bind(node_id)
                .bind(name.as_str())
                .run(connection)
                .await
                .map_err(told)?;
        }
        Ok(())
    }
}

/// The settings of the node with this number, without their times.
async fn known(
    connection: &mut AnyConnection,
    node_id: i64,
) -> Result<BTreeMap<String, BiosSetting>> {
    let rows = Statement::new(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM bios_settings b WHERE b.node_id = $1"
    )))
    .bind(node_id)
    .rows(connection)
    .await
    .map_err(told)?;
    rows.iter()
        .map(|row| {
            let setting = without_times(&setting_from(row)?);
            Ok((setting.name.clone(), setting))
        })
        .collect()
}

async fn put(
    connection: &mut AnyConnection,
    node_id: i64,
    setting: &BiosSetting,
    now: Timestamp,
) -> Result<()> {
    let flag = |value: Option<bool>| value.map(i64::from);
    Statement::new(
        "INSERT INTO bios_settings (node_id, name, value, attribute_type, allowable_values, lower_bound, upper_bound, \
         min_length, max_length, read_only, reset_required, \"unique\", created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (node_id, name) DO UPDATE SET value = excluded.value, attribute_type = excluded.attribute_type, \
         allowable_values = excluded.allowable_values, lower_bound = excluded.lower_bound, \
         upper_bound = excluded.upper_bound, min_length = excluded.min_length, max_length = excluded.max_length, \
         read_only = excluded.read_only, reset_required = excluded.reset_required, \"unique\" = excluded.\"unique\", \
         updated_at = excluded.created_at",
    )
    .bind(node_id)
    .bind(setting.name.as_str())
    .bind(setting.value.as_deref())
    .bind(setting.attribute_type.as_deref())
    .bind(to_json(&setting.allowable_values)?)
    .bind(setting.lower_bound)
    .bind(setting.upper_bound)
    .bind(setting.min_length.map(i64::from))
    .bind(setting.max_length.map(i64::from))
    .bind(flag(setting.read_only))
    .bind(flag(setting.reset_required))
    .bind(flag(setting.unique))
    .bind(now.0)
    .run(connection)
    .await
    .map_err(told)?;
    Ok(())
}

fn without_times(setting: &BiosSetting) -> BiosSetting {
    BiosSetting {
        created_at: None,
        updated_at: None,
        ..setting.clone()
    }
}

fn setting_from(row: &AnyRow) -> Result<BiosSetting> {
    let mut columns = Columns::of(row);
    Ok(BiosSetting {
        name: columns.text()?,
        value: columns.opt_text()?,
        attribute_type: columns.opt_text()?,
        allowable_values: columns.json()?,
        lower_bound: columns.opt_int()?,
        upper_bound: columns.opt_int()?,
        min_length: length(columns.opt_int()?)?,
        max_length: length(columns.opt_int()?)?,
        read_only: columns.opt_int()?.map(|flag| flag != 0),
        reset_required: columns.opt_int()?.map(|flag| flag != 0),
        unique: columns.opt_int()?.map(|flag| flag != 0),
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
    })
}

fn length(value: Option<i64>) -> Result<Option<u32>> {
    value
        .map(|value| {
            u32::try_from(value).map_err(|error| {
                Error::internal("The database holds a length that can't be one.").caused_by(error)
            })
        })
        .transpose()
}
