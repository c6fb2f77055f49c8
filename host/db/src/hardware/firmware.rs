//! Firmware of a node's components, as its driver read it last.

use std::collections::BTreeMap;

use ironbark_model::hardware::FirmwareComponent;
use ironbark_model::{Result, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::error::told;
use crate::sql::{Columns, Statement, storable};
use crate::{Database, ReservedTx};

const COLUMNS: &str = "f.component, f.initial_version, f.current_version, f.last_version_flashed, f.vendor, f.model, \
    f.serial_number, f.created_at, f.updated_at";

impl Database {
    /// The node's components that have firmware, by name.
    pub async fn firmware_components(&self, node_uuid: &str) -> Result<Vec<FirmwareComponent>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM firmware_information f JOIN nodes n ON n.id = f.node_id \
             WHERE n.uuid = $1 ORDER BY f.component"
        )))
        .bind(node_uuid)
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter().map(component_from).collect()
    }
}

impl ReservedTx {
    /// Stores what was read of these components; only name, version, vendor, model and serial number are read. Others stay: a BMC
    /// that leaves one out for once doesn't make its history go.
    ///
    /// The first version that was seen stays the initial one. After an update (`flashed`) a version that changed is the one
    /// flashed last.
    pub async fn firmware_components_write(
        &mut self,
        components: &[FirmwareComponent],
        flashed: bool,
    ) -> Result<()> {
        let node_id = self.node_id();
        let connection = self.connection();
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM firmware_information f WHERE f.node_id = $1"
        )))
        .bind(node_id)
        .rows(connection)
        .await
        .map_err(told)?;
        let mut before: BTreeMap<String, FirmwareComponent> = BTreeMap::new();
        for row in &rows {
            let component = component_from(row)?;
            before.insert(component.component.clone(), component);
        }
        for component in components {
            let old = before.remove(&*storable(&component.component));
            let new = merged(old.as_ref(), component, flashed);
            if old.as_ref() == Some(&new) {
                continue;
            }
            Statement::new(
                "INSERT INTO firmware_information (node_id, component, initial_version, current_version, \
                 last_version_flashed, vendor, model, serial_number, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                 ON CONFLICT (node_id, component) DO UPDATE SET current_version = excluded.current_version, \
                 last_version_flashed = excluded.last_version_flashed, vendor = excluded.vendor, model = excluded.model, \
                 serial_number = excluded.serial_number, updated_at = excluded.created_at",
            )
            .bind(node_id)
            .bind(new.component.as_str())
            .bind(new.initial_version.as_str())
            .bind(new.current_version.as_deref())
            .bind(new.last_version_flashed.as_deref())
            .bind(new.vendor.as_deref())
            .bind(new.model.as_deref())
            .bind(new.serial_number.as_deref())
            .bind(Timestamp::now().0)
            .run(connection)
            .await
            .map_err(told)?;
        }
        Ok(())
    }
}

/// What is stored of a component that was read anew.
fn merged(
    old: Option<&FirmwareComponent>,
    read: &FirmwareComponent,
    flashed: bool,
) -> FirmwareComponent {
    let Some(old) = old else {
        return FirmwareComponent {
            initial_version: read.current_version.clone().unwrap_or_default(),
            last_version_flashed: None,
            created_at: None,
            updated_at: None,
            ..read.clone()
        };
    };
    let changed = old.current_version != read.current_version;
    FirmwareComponent {
        initial_version: old.initial_version.clone(),
        last_version_flashed: if flashed && changed {
            read.current_version.clone()
        } else {
            old.last_version_flashed.clone()
        },
        created_at: old.created_at,
        updated_at: old.updated_at,
        ..read.clone()
    }
}

fn component_from(row: &AnyRow) -> Result<FirmwareComponent> {
    let mut columns = Columns::of(row);
    Ok(FirmwareComponent {
        component: columns.text()?,
        initial_version: columns.text()?,
        current_version: columns.opt_text()?,
        last_version_flashed: columns.opt_text()?,
        vendor: columns.opt_text()?,
        model: columns.opt_text()?,
        serial_number: columns.opt_text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
    })
}
