//! How a [`Node`] is written: all its columns, in one order.

use std::sync::{Arc, LazyLock};

use ironbark_model::{Node, Result};
use sqlx::AssertSqlSafe;

use crate::Reservation;
use crate::sql::{Statement, large_object_to_text, object_to_text};

/// All columns that are written, in the order in which [`bind_columns`] gives them. Not here: `id` (the database's own),
/// `uuid` and `created_at` (never change), `reservation` and `fence` (change by themselves only), `revision` (with every change).
const WRITTEN: &[&str] = &[
    "name",
    "driver",
    "updated_at",
    "provision_state",
    "target_provision_state",
    "provision_updated_at",
    "power_state",
    "target_power_state",
    "last_error",
    "maintenance",
    "maintenance_reason",
    "fault",
    "health",
    "boot_mode",
    "secure_boot",
    "conductor_affinity",
    "conductor_group",
    "driver_info",
    "driver_internal_info",
    "properties",
    "extra",
    "instance_info",
    "instance_uuid",
    "instance_name",
    "network_data",
    "raid_config",
    "target_raid_config",
    "clean_step",
    "deploy_step",
    "service_step",
    "automated_clean",
    "console_enabled",
    "disable_power_off",
    "protected",
    "protected_reason",
    "retired",
    "retired_reason",
    "inspection_started_at",
    "inspection_finished_at",
    "agent_heartbeat_at",
    "chassis_uuid",
    "allocation_uuid",
    "parent_node",
    "resource_class",
    "description",
    "owner",
    "lessee",
    "shard",
    "bios_interface",
    "boot_interface",
    "console_interface",
    "deploy_interface",
    "firmware_interface",
    "inspect_interface",
    "management_interface",
    "network_interface",
    "power_interface",
    "raid_interface",
    "rescue_interface",
    "storage_interface",
    "vendor_interface",
];

static UPDATE: LazyLock<Arc<str>> = LazyLock::new(|| {
    let id = WRITTEN.len() + 1;
    format!("UPDATE nodes SET {} WHERE id = ${id}", assignments()).into()
});

static UPDATE_HELD: LazyLock<Arc<str>> = LazyLock::new(|| update_held(""));
static UPDATE_AND_RELEASE: LazyLock<Arc<str>> =
    LazyLock::new(|| update_held(", reservation = NULL"));

static INSERT: LazyLock<Arc<str>> = LazyLock::new(|| {
    let placeholders: Vec<String> = (1..=WRITTEN.len() + 3)
        .map(|number| format!("${number}"))
        .collect();
    format!(
        "INSERT INTO nodes ({}, uuid, created_at, revision) VALUES ({}) RETURNING id",
        WRITTEN.join(", "),
        placeholders.join(", ")
    )
    .into()
});

/// Writes all that [`WRITTEN`] lists to the node with this number.
pub(crate) fn node_update(node: &Node, id: i64) -> Result<Statement> {
    let statement = Statement::new(AssertSqlSafe(Arc::clone(&UPDATE)));
    Ok(bind_columns(statement, node)?.bind(id))
}

/// As [`node_update`], if the node is held by this reservation; then answers its number.
pub(crate) fn node_update_held(
    node: &Node,
    reservation: &Reservation,
    release: bool,
) -> Result<Statement> {
    let text = if release {
        &UPDATE_AND_RELEASE
    } else {
        &UPDATE_HELD
    };
    let statement = Statement::new(AssertSqlSafe(Arc::clone(text)));
    Ok(bind_columns(statement, node)?
        .bind(reservation.node_uuid.as_str())
        .bind(reservation.fence)
        .bind(reservation.host.as_str()))
}

/// Adds a node; answers its number.
pub(super) fn node_insert(node: &Node, created_at: i64) -> Result<Statement> {
    let statement = Statement::new(AssertSqlSafe(Arc::clone(&INSERT)));
    Ok(bind_columns(statement, node)?
        .bind(node.uuid.as_str())
        .bind(created_at)
        // Where its revisions begin.
        .bind(created_at))
}

fn assignments() -> String {
    let assignments: Vec<String> = WRITTEN
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{column} = ${}", index + 1))
        .collect();
    format!("{}, revision = revision + 1", assignments.join(", "))
}

fn update_held(and: &str) -> Arc<str> {
    let next = WRITTEN.len() + 1;
    format!(
        "UPDATE nodes SET {}{and} WHERE uuid = ${next} AND fence = ${} AND reservation = ${} RETURNING id",
        assignments(),
        next + 1,
        next + 2
    )
    .into()
}

/// Gives the arguments for [`WRITTEN`], in its order.
fn bind_columns(statement: Statement, node: &Node) -> Result<Statement> {
    let flag = |value: bool| i64::from(value);
    let opt_flag = |value: Option<bool>| value.map(i64::from);
    Ok(statement
        .bind(node.name.as_deref())
        .bind(node.driver.as_str())
        .bind(node.updated_at.map(|time| time.0))
        .bind(node.provision_state.as_str())
        .bind(node.target_provision_state.map(|state| state.as_str()))
        .bind(node.provision_updated_at.map(|time| time.0))
        .bind(node.power_state.map(|state| state.as_str()))
        .bind(node.target_power_state.map(|state| state.as_str()))
        .bind(node.last_error.as_deref())
        .bind(flag(node.maintenance))
        .bind(node.maintenance_reason.as_deref())
        .bind(node.fault.as_deref())
        .bind(node.health.as_deref())
        .bind(node.boot_mode.as_deref())
        .bind(opt_flag(node.secure_boot))
        .bind(node.conductor_affinity.as_deref())
        .bind(node.conductor_group.as_str())
        .bind(object_to_text(&node.driver_info)?)
        .bind(large_object_to_text(&node.driver_internal_info)?)
        .bind(object_to_text(&node.properties)?)
        .bind(object_to_text(&node.extra)?)
        .bind(large_object_to_text(&node.instance_info)?)
        .bind(node.instance_uuid.as_deref())
        .bind(node.instance_name.as_deref())
        .bind(object_to_text(&node.network_data)?)
        .bind(object_to_text(&node.raid_config)?)
        .bind(object_to_text(&node.target_raid_config)?)
        .bind(large_object_to_text(&node.clean_step)?)
        .bind(large_object_to_text(&node.deploy_step)?)
        .bind(large_object_to_text(&node.service_step)?)
        .bind(opt_flag(node.automated_clean))
        .bind(flag(node.console_enabled))
        .bind(flag(node.disable_power_off))
        .bind(flag(node.protected))
        .bind(node.protected_reason.as_deref())
        .bind(flag(node.retired))
        .bind(node.retired_reason.as_deref())
        .bind(node.inspection_started_at.map(|time| time.0))
        .bind(node.inspection_finished_at.map(|time| time.0))
        .bind(node.agent_heartbeat_at.map(|time| time.0))
        .bind(node.chassis_uuid.as_deref())
        .bind(node.allocation_uuid.as_deref())
        .bind(node.parent_node.as_deref())
        .bind(node.resource_class.as_deref())
        .bind(node.description.as_deref())
        .bind(node.owner.as_deref())
        .bind(node.lessee.as_deref())
        .bind(node.shard.as_deref())
        .bind(node.bios_interface.as_deref())
        .bind(node.boot_interface.as_deref())
        .bind(node.console_interface.as_deref())
        .bind(node.deploy_interface.as_deref())
        .bind(node.firmware_interface.as_deref())
        .bind(node.inspect_interface.as_deref())
        .bind(node.management_interface.as_deref())
        .bind(node.network_interface.as_deref())
        .bind(node.power_interface.as_deref())
        .bind(node.raid_interface.as_deref())
        .bind(node.rescue_interface.as_deref())
        .bind(node.storage_interface.as_deref())
        .bind(node.vendor_interface.as_deref()))
}
