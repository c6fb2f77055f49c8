//! A node's columns: which there are, and how they become a [`Node`] and come from one.
//!
//! Decoding a column costs more than reading it, so columns that are empty for most nodes are put together by the
//! database and taken apart here: all JSON objects are one column of the answer, all interfaces another, and all
//! flags a third.

use std::sync::{Arc, LazyLock};

use ironbark_model::{Error, Node, Result};
use sqlx::any::AnyRow;

use crate::NodeRef;
use crate::sql::{Columns, SEPARATOR, Statement, object_from, object_to_text};

/// All columns that are written, in the order in which [`bind_columns`] gives them. Not here: `id` (the database's own),
/// `uuid` and `created_at` (never change), `reservation` and `fence` (change by themselves only).
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

/// Columns that hold JSON objects, in the order in which [`node_from`] takes them apart.
const OBJECTS: &[&str] = &[
    "driver_info",
    "driver_internal_info",
    "properties",
    "extra",
    "instance_info",
    "network_data",
    "raid_config",
    "target_raid_config",
    "clean_step",
    "deploy_step",
    "service_step",
];

/// Columns that name implementations, likewise.
const INTERFACES: &[&str] = &[
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

/// Columns for [`summary_from`].
pub(super) const SUMMARY_COLUMNS: &str = "id, uuid, name, instance_uuid, maintenance, power_state, provision_state, driver, conductor_group";

/// Columns for [`node_ref_from`], of the table `n`.
pub(crate) const REF_COLUMNS: &str = "n.id, n.uuid, n.name, n.driver, n.conductor_group, n.conductor_affinity, \
    n.reservation, n.fence, n.provision_state, n.target_provision_state, n.provision_updated_at, n.power_state, \
    n.target_power_state, n.maintenance, n.fault, CASE WHEN n.last_error IS NULL THEN 0 ELSE 1 END, n.updated_at, \
    n.power_interface, n.management_interface, n.deploy_interface, n.console_interface, n.inspect_interface, \
    n.vendor_interface, n.boot_interface";

static NODE_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let between = format!(" || '{SEPARATOR}' || ");
    let objects = OBJECTS.join(&between);
    let interfaces: Vec<String> = INTERFACES
        .iter()
        .map(|column| format!("COALESCE({column}, '')"))
        .collect();
    let interfaces = interfaces.join(&between);
    format!(
        "id, uuid, name, driver, created_at, updated_at, provision_state, target_provision_state, \
         provision_updated_at, power_state, target_power_state, last_error, \
         maintenance + 2 * console_enabled + 4 * disable_power_off + 8 * protected + 16 * retired, \
         maintenance_reason, fault, health, boot_mode, secure_boot, reservation, fence, conductor_affinity, \
         conductor_group, {objects}, instance_uuid, instance_name, automated_clean, protected_reason, \
         retired_reason, inspection_started_at, inspection_finished_at, agent_heartbeat_at, chassis_uuid, \
         allocation_uuid, parent_node, resource_class, description, owner, lessee, shard, {interfaces}"
    )
});

static SELECT_BY_UUID: LazyLock<Arc<str>> = LazyLock::new(|| select("uuid"));
static SELECT_BY_NAME: LazyLock<Arc<str>> = LazyLock::new(|| select("name"));
static SELECT_BY_ID: LazyLock<Arc<str>> = LazyLock::new(|| select("id"));

static UPDATE: LazyLock<Arc<str>> = LazyLock::new(|| {
    let assignments: Vec<String> = WRITTEN
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{column} = ${}", index + 1))
        .collect();
    let id = WRITTEN.len() + 1;
    format!(
        "UPDATE nodes SET {} WHERE id = ${id}",
        assignments.join(", ")
    )
    .into()
});

static INSERT: LazyLock<Arc<str>> = LazyLock::new(|| {
    let placeholders: Vec<String> = (1..=WRITTEN.len() + 2)
        .map(|number| format!("${number}"))
        .collect();
    format!(
        "INSERT INTO nodes ({}, uuid, created_at) VALUES ({}) RETURNING id",
        WRITTEN.join(", "),
        placeholders.join(", ")
    )
    .into()
});

/// By what one node is found.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Uuid,
    Name,
    Id,
}

/// Columns for [`node_from`].
pub(super) fn node_columns() -> &'static str {
    &NODE_COLUMNS
}

/// Reads one node; the argument is what `by` says.
pub(crate) fn node_select(by: By) -> Statement {
    let text = match by {
        By::Uuid => &SELECT_BY_UUID,
        By::Name => &SELECT_BY_NAME,
        By::Id => &SELECT_BY_ID,
    };
    Statement::new(sqlx::AssertSqlSafe(Arc::clone(text)))
}

/// Writes all that [`WRITTEN`] lists to the node with this number.
pub(crate) fn node_update(node: &Node, id: i64) -> Result<Statement> {
    let statement = Statement::new(sqlx::AssertSqlSafe(Arc::clone(&UPDATE)));
    Ok(bind_columns(statement, node)?.bind(id))
}

/// Adds a node; answers its number.
pub(super) fn node_insert(node: &Node, created_at: i64) -> Result<Statement> {
    let statement = Statement::new(sqlx::AssertSqlSafe(Arc::clone(&INSERT)));
    Ok(bind_columns(statement, node)?
        .bind(node.uuid.as_str())
        .bind(created_at))
}

/// A whole node, without its traits.
pub(crate) fn node_from(row: &AnyRow) -> Result<Node> {
    let mut columns = Columns::of(row);
    let mut node = Node {
        id: columns.int()?,
        uuid: columns.text()?,
        name: columns.opt_text()?,
        driver: columns.text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        provision_state: columns.parsed()?,
        target_provision_state: columns.opt_parsed()?,
        provision_updated_at: columns.opt_time()?,
        power_state: columns.opt_parsed()?,
        target_power_state: columns.opt_parsed()?,
        last_error: columns.opt_text()?,
        ..Node::default()
    };
    let flags = columns.int()?;
    node.maintenance = flags & 1 != 0;
    node.console_enabled = flags & 2 != 0;
    node.disable_power_off = flags & 4 != 0;
    node.protected = flags & 8 != 0;
    node.retired = flags & 16 != 0;
    node.maintenance_reason = columns.opt_text()?;
    node.fault = columns.opt_text()?;
    node.health = columns.opt_text()?;
    node.boot_mode = columns.opt_text()?;
    node.secure_boot = columns.opt_flag()?;
    node.reservation = columns.opt_text()?;
    node.fence = columns.int()?;
    node.conductor_affinity = columns.opt_text()?;
    node.conductor_group = columns.text()?;
    take_objects(&mut node, columns.str()?)?;
    node.instance_uuid = columns.opt_text()?;
    node.instance_name = columns.opt_text()?;
    node.automated_clean = columns.opt_flag()?;
    node.protected_reason = columns.opt_text()?;
    node.retired_reason = columns.opt_text()?;
    node.inspection_started_at = columns.opt_time()?;
    node.inspection_finished_at = columns.opt_time()?;
    node.agent_heartbeat_at = columns.opt_time()?;
    node.chassis_uuid = columns.opt_text()?;
    node.allocation_uuid = columns.opt_text()?;
    node.parent_node = columns.opt_text()?;
    node.resource_class = columns.opt_text()?;
    node.description = columns.opt_text()?;
    node.owner = columns.opt_text()?;
    node.lessee = columns.opt_text()?;
    node.shard = columns.opt_text()?;
    take_interfaces(&mut node, columns.str()?);
    Ok(node)
}

/// A node of which only [`SUMMARY_COLUMNS`] were read.
pub(super) fn summary_from(row: &AnyRow) -> Result<Node> {
    let mut columns = Columns::of(row);
    Ok(Node {
        id: columns.int()?,
        uuid: columns.text()?,
        name: columns.opt_text()?,
        instance_uuid: columns.opt_text()?,
        maintenance: columns.flag()?,
        power_state: columns.opt_parsed()?,
        provision_state: columns.parsed()?,
        driver: columns.text()?,
        conductor_group: columns.text()?,
        ..Node::default()
    })
}

/// A slim row; `columns` stands at the first of [`REF_COLUMNS`].
pub(crate) fn node_ref_from(columns: &mut Columns<'_>) -> Result<NodeRef> {
    Ok(NodeRef {
        id: columns.int()?,
        uuid: columns.text()?,
        name: columns.opt_text()?,
        driver: columns.text()?,
        conductor_group: columns.text()?,
        conductor_affinity: columns.opt_text()?,
        reservation: columns.opt_text()?,
        fence: columns.int()?,
        provision_state: columns.parsed()?,
        target_provision_state: columns.opt_parsed()?,
        provision_updated_at: columns.opt_time()?,
        power_state: columns.opt_parsed()?,
        target_power_state: columns.opt_parsed()?,
        maintenance: columns.flag()?,
        fault: columns.opt_text()?,
        has_last_error: columns.flag()?,
        updated_at: columns.opt_time()?,
        power_interface: columns.opt_text()?,
        management_interface: columns.opt_text()?,
        deploy_interface: columns.opt_text()?,
        console_interface: columns.opt_text()?,
        inspect_interface: columns.opt_text()?,
        vendor_interface: columns.opt_text()?,
        boot_interface: columns.opt_text()?,
    })
}

fn select(column: &str) -> Arc<str> {
    format!("SELECT {} FROM nodes WHERE {column} = $1", *NODE_COLUMNS).into()
}

fn take_objects(node: &mut Node, packed: &str) -> Result<()> {
    let mut parts = packed.split(SEPARATOR);
    for object in [
        &mut node.driver_info,
        &mut node.driver_internal_info,
        &mut node.properties,
        &mut node.extra,
        &mut node.instance_info,
        &mut node.network_data,
        &mut node.raid_config,
        &mut node.target_raid_config,
        &mut node.clean_step,
        &mut node.deploy_step,
        &mut node.service_step,
    ] {
        let text = parts
            .next()
            .ok_or_else(|| Error::internal("The database answered with too few objects."))?;
        *object = object_from(text)?;
    }
    Ok(())
}

fn take_interfaces(node: &mut Node, packed: &str) {
    let mut parts = packed.split(SEPARATOR);
    for name in [
        &mut node.bios_interface,
        &mut node.boot_interface,
        &mut node.console_interface,
        &mut node.deploy_interface,
        &mut node.firmware_interface,
        &mut node.inspect_interface,
        &mut node.management_interface,
        &mut node.network_interface,
        &mut node.power_interface,
        &mut node.raid_interface,
        &mut node.rescue_interface,
        &mut node.storage_interface,
        &mut node.vendor_interface,
    ] {
        *name = parts
            .next()
            .filter(|text| !text.is_empty())
            .map(str::to_owned);
    }
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
        .bind(object_to_text(&node.driver_internal_info)?)
        .bind(object_to_text(&node.properties)?)
        .bind(object_to_text(&node.extra)?)
        .bind(object_to_text(&node.instance_info)?)
        .bind(node.instance_uuid.as_deref())
        .bind(node.instance_name.as_deref())
        .bind(object_to_text(&node.network_data)?)
        .bind(object_to_text(&node.raid_config)?)
        .bind(object_to_text(&node.target_raid_config)?)
        .bind(object_to_text(&node.clean_step)?)
        .bind(object_to_text(&node.deploy_step)?)
        .bind(object_to_text(&node.service_step)?)
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
        .bind(interface(&node.bios_interface)?)
        .bind(interface(&node.boot_interface)?)
        .bind(interface(&node.console_interface)?)
        .bind(interface(&node.deploy_interface)?)
        .bind(interface(&node.firmware_interface)?)
        .bind(interface(&node.inspect_interface)?)
        .bind(interface(&node.management_interface)?)
        .bind(interface(&node.network_interface)?)
        .bind(interface(&node.power_interface)?)
        .bind(interface(&node.raid_interface)?)
        .bind(interface(&node.rescue_interface)?)
        .bind(interface(&node.storage_interface)?)
        .bind(interface(&node.vendor_interface)?))
}

/// A name with the separator in it would be read back as two.
fn interface(name: &Option<String>) -> Result<Option<&str>> {
    match name.as_deref() {
        Some(name) if name.contains(SEPARATOR) => Err(Error::invalid(format!(
            "{name:?} is not the name of an interface's implementation."
        ))),
        other => Ok(other),
    }
}
