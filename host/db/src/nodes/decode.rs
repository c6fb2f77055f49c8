//! How a [`Node`] is read.
//!
//! A column of an answer costs far more than the bytes in it, and a node has seventy. So the database puts all texts
//! together into one column, all JSON objects into another and all flags into a number, and here they are taken apart.

use std::sync::{Arc, LazyLock};

use ironbark_model::{Node, Result};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::NodeRef;
use crate::sql::{Columns, Packed, SEPARATOR, Statement, pack};

/// Columns of text, in the order in which [`read_node`] takes them apart.
const TEXTS: &[&str] = &[
    "uuid",
    "name",
    "driver",
    "provision_state",
    "target_provision_state",
    "power_state",
    "target_power_state",
    "last_error",
    "maintenance_reason",
    "fault",
    "health",
    "boot_mode",
    "reservation",
    "conductor_affinity",
    "conductor_group",
    "instance_uuid",
    "instance_name",
    "protected_reason",
    "retired_reason",
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

/// Columns that hold JSON objects, likewise.
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

/// Columns of text for [`summary_from`].
const SUMMARY_TEXTS: &[&str] = &[
    "uuid",
    "name",
    "instance_uuid",
    "power_state",
    "provision_state",
    "driver",
    "conductor_group",
];

/// What [`slim_from`] reads besides those of [`SUMMARY_TEXTS`]: what clients ask for while they wait for nodes.
const SLIM_TEXTS: &[&str] = &[
    "target_power_state",
    "target_provision_state",
    "last_error",
    "maintenance_reason",
    "fault",
    "reservation",
    "resource_class",
    "owner",
    "lessee",
    "instance_name",
    "description",
];

/// Columns of text for [`node_ref_from`].
const REF_TEXTS: &[&str] = &[
    "uuid",
    "name",
    "driver",
    "conductor_group",
    "conductor_affinity",
    "reservation",
    "provision_state",
    "target_provision_state",
    "power_state",
    "target_power_state",
    "fault",
    "power_interface",
    "management_interface",
    "deploy_interface",
    "console_interface",
    "inspect_interface",
    "vendor_interface",
    "boot_interface",
    "bios_interface",
    "firmware_interface",
    "network_interface",
    "raid_interface",
    "rescue_interface",
    "storage_interface",
];

static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "id, created_at, updated_at, provision_updated_at, inspection_started_at, inspection_finished_at, \
         agent_heartbeat_at, fence, maintenance + 2 * console_enabled + 4 * disable_power_off + 8 * protected \
         + 16 * retired + 32 * COALESCE(secure_boot, 2) + 128 * COALESCE(automated_clean, 2), {}, {}",
        pack("", TEXTS.iter().copied()),
        pack("", OBJECTS.iter().copied())
    )
});

static COLUMNS_WITH_TRAITS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}, (SELECT string_agg(trait, '{SEPARATOR}') FROM node_traits WHERE node_id = nodes.id)",
        *COLUMNS
    )
});

static SUMMARY_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "id, maintenance, {}",
        pack("", SUMMARY_TEXTS.iter().copied())
    )
});

static SLIM_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let texts = SUMMARY_TEXTS.iter().chain(SLIM_TEXTS).copied();
    format!("id, maintenance, {}", pack("", texts))
});

static REF_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "n.id, n.fence, n.provision_updated_at, n.updated_at, n.maintenance, \
         CASE WHEN n.last_error IS NULL THEN 0 ELSE 1 END, {}",
        pack("n.", REF_TEXTS.iter().copied())
    )
});

static RESERVE: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "UPDATE nodes SET reservation = $1, fence = fence + 1 WHERE uuid = $2 AND reservation IS NULL RETURNING {}",
        *COLUMNS_WITH_TRAITS
    )
    .into()
});

static SELECT_BY_UUID: LazyLock<Arc<str>> = LazyLock::new(|| select("uuid"));
static SELECT_BY_NAME: LazyLock<Arc<str>> = LazyLock::new(|| select("name"));
static SELECT_BY_ID: LazyLock<Arc<str>> = LazyLock::new(|| select("id"));

/// By what one node is found.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Uuid,
    Name,
    Id,
}

/// Reads one node for [`node_with_traits_from`]; the argument is what `by` says.
pub(crate) fn node_select(by: By) -> Statement {
    let text = match by {
        By::Uuid => &SELECT_BY_UUID,
        By::Name => &SELECT_BY_NAME,
        By::Id => &SELECT_BY_ID,
    };
    Statement::new(AssertSqlSafe(Arc::clone(text)))
}

/// Acquires a node that nobody holds and reads it for [`node_with_traits_from`]; the arguments are the host and the UUID.
pub(super) fn node_reserving() -> Statement {
    Statement::new(AssertSqlSafe(Arc::clone(&RESERVE)))
}

/// Columns for [`node_from`].
pub(super) fn node_columns() -> &'static str {
    &COLUMNS
}

/// Columns for [`node_with_traits_from`].
pub(super) fn node_columns_with_traits() -> &'static str {
    &COLUMNS_WITH_TRAITS
}

/// Columns for [`summary_from`].
pub(super) fn summary_columns() -> &'static str {
    &SUMMARY_COLUMNS
}

/// Columns for [`slim_from`].
pub(super) fn slim_columns() -> &'static str {
    &SLIM_COLUMNS
}

/// Columns for [`node_ref_from`], of the table `n`.
pub(crate) fn ref_columns() -> &'static str {
    &REF_COLUMNS
}

/// A whole node, without its traits.
pub(super) fn node_from(row: &AnyRow) -> Result<Node> {
    read_node(&mut Columns::of(row))
}

/// A whole node.
pub(crate) fn node_with_traits_from(row: &AnyRow) -> Result<Node> {
    let mut columns = Columns::of(row);
    let mut node = read_node(&mut columns)?;
    if let Some(packed) = columns.opt_str()? {
        node.traits = packed.split(SEPARATOR).map(str::to_owned).collect();
        node.traits.sort();
    }
    Ok(node)
}

/// A node of which only the summary was read.
pub(super) fn summary_from(row: &AnyRow) -> Result<Node> {
    let (node, _) = read_summary(row)?;
    Ok(node)
}

/// A node of which the summary was read, and what clients wait for.
pub(super) fn slim_from(row: &AnyRow) -> Result<Node> {
    let (node, mut texts) = read_summary(row)?;
    Ok(Node {
        target_power_state: texts.opt_parsed()?,
        target_provision_state: texts.opt_parsed()?,
        last_error: texts.opt_text()?,
        maintenance_reason: texts.opt_text()?,
        fault: texts.opt_text()?,
        reservation: texts.opt_text()?,
        resource_class: texts.opt_text()?,
        owner: texts.opt_text()?,
        lessee: texts.opt_text()?,
        instance_name: texts.opt_text()?,
        description: texts.opt_text()?,
        ..node
    })
}

fn read_summary(row: &AnyRow) -> Result<(Node, Packed<'_>)> {
    let mut columns = Columns::of(row);
    let id = columns.int()?;
    let maintenance = columns.flag()?;
    let mut texts = columns.packed()?;
    let node = Node {
        id,
        uuid: texts.text()?,
        name: texts.opt_text()?,
        instance_uuid: texts.opt_text()?,
        maintenance,
        power_state: texts.opt_parsed()?,
        provision_state: texts.parsed()?,
        driver: texts.text()?,
        conductor_group: texts.text()?,
        ..Node::default()
    };
    Ok((node, texts))
}

/// A slim row; `columns` stands at the first of [`ref_columns`].
pub(crate) fn node_ref_from(columns: &mut Columns<'_>) -> Result<NodeRef> {
    let id = columns.int()?;
    let fence = columns.int()?;
    let provision_updated_at = columns.opt_time()?;
    let updated_at = columns.opt_time()?;
    let maintenance = columns.flag()?;
    let has_last_error = columns.flag()?;
    let mut texts = columns.packed()?;
    Ok(NodeRef {
        id,
        fence,
        provision_updated_at,
        updated_at,
        maintenance,
        has_last_error,
        uuid: texts.text()?,
        name: texts.opt_text()?,
        driver: texts.text()?,
        conductor_group: texts.text()?,
        conductor_affinity: texts.opt_text()?,
        reservation: texts.opt_text()?,
        provision_state: texts.parsed()?,
        target_provision_state: texts.opt_parsed()?,
        power_state: texts.opt_parsed()?,
        target_power_state: texts.opt_parsed()?,
        fault: texts.opt_text()?,
        power_interface: texts.opt_text()?,
        management_interface: texts.opt_text()?,
        deploy_interface: texts.opt_text()?,
        console_interface: texts.opt_text()?,
        inspect_interface: texts.opt_text()?,
        vendor_interface: texts.opt_text()?,
        boot_interface: texts.opt_text()?,
        bios_interface: texts.opt_text()?,
        firmware_interface: texts.opt_text()?,
        network_interface: texts.opt_text()?,
        raid_interface: texts.opt_text()?,
        rescue_interface: texts.opt_text()?,
        storage_interface: texts.opt_text()?,
    })
}

fn select(column: &str) -> Arc<str> {
    format!(
        "SELECT {} FROM nodes WHERE {column} = $1",
        *COLUMNS_WITH_TRAITS
    )
    .into()
}

fn read_node(columns: &mut Columns<'_>) -> Result<Node> {
    let mut node = Node {
        id: columns.int()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        provision_updated_at: columns.opt_time()?,
        inspection_started_at: columns.opt_time()?,
        inspection_finished_at: columns.opt_time()?,
        agent_heartbeat_at: columns.opt_time()?,
        fence: columns.int()?,
        ..Node::default()
    };

    let flags = columns.int()?;
    node.maintenance = flags & 1 != 0;
    node.console_enabled = flags & 2 != 0;
    node.disable_power_off = flags & 4 != 0;
    node.protected = flags & 8 != 0;
    node.retired = flags & 16 != 0;
    node.secure_boot = three_valued(flags >> 5);
    node.automated_clean = three_valued(flags >> 7);

    let mut texts = columns.packed()?;
    node.uuid = texts.text()?;
    node.name = texts.opt_text()?;
    node.driver = texts.text()?;
    node.provision_state = texts.parsed()?;
    node.target_provision_state = texts.opt_parsed()?;
    node.power_state = texts.opt_parsed()?;
    node.target_power_state = texts.opt_parsed()?;
    node.last_error = texts.opt_text()?;
    node.maintenance_reason = texts.opt_text()?;
    node.fault = texts.opt_text()?;
    node.health = texts.opt_text()?;
    node.boot_mode = texts.opt_text()?;
    node.reservation = texts.opt_text()?;
    node.conductor_affinity = texts.opt_text()?;
    node.conductor_group = texts.text()?;
    node.instance_uuid = texts.opt_text()?;
    node.instance_name = texts.opt_text()?;
    node.protected_reason = texts.opt_text()?;
    node.retired_reason = texts.opt_text()?;
    node.chassis_uuid = texts.opt_text()?;
    node.allocation_uuid = texts.opt_text()?;
    node.parent_node = texts.opt_text()?;
    node.resource_class = texts.opt_text()?;
    node.description = texts.opt_text()?;
    node.owner = texts.opt_text()?;
    node.lessee = texts.opt_text()?;
    node.shard = texts.opt_text()?;
    node.bios_interface = texts.opt_text()?;
    node.boot_interface = texts.opt_text()?;
    node.console_interface = texts.opt_text()?;
    node.deploy_interface = texts.opt_text()?;
    node.firmware_interface = texts.opt_text()?;
    node.inspect_interface = texts.opt_text()?;
    node.management_interface = texts.opt_text()?;
    node.network_interface = texts.opt_text()?;
    node.power_interface = texts.opt_text()?;
    node.raid_interface = texts.opt_text()?;
    node.rescue_interface = texts.opt_text()?;
    node.storage_interface = texts.opt_text()?;
    node.vendor_interface = texts.opt_text()?;

    let mut objects = columns.packed()?;
    node.driver_info = objects.object()?;
    node.driver_internal_info = objects.object()?;
    node.properties = objects.object()?;
    node.extra = objects.object()?;
    node.instance_info = objects.object()?;
    node.network_data = objects.object()?;
    node.raid_config = objects.object()?;
    node.target_raid_config = objects.object()?;
    node.clean_step = objects.object()?;
    node.deploy_step = objects.object()?;
    node.service_step = objects.object()?;
    Ok(node)
}

/// The lowest two bits: 0 is false, 1 is true, 2 is neither.
fn three_valued(bits: i64) -> Option<bool> {
    match bits & 3 {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
