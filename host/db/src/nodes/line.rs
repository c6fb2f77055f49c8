//! How a [`Node`] is read.
//!
//! A column of an answer costs far more than the bytes in it, and a node has seventy. So the database puts them all together
//! into one line of text, all flags into one number of it, and here it is taken apart.

use std::sync::{Arc, LazyLock};

use ironbark_model::{Error, Node, Result};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::sql::{Columns, Packed, SEPARATOR, Statement, join, number_part, text_part};

/// Times, in the order in which [`read_node`] takes them from a line.
const TIMES: &[&str] = &[
    "created_at",
    "updated_at",
    "provision_updated_at",
    "inspection_started_at",
    "inspection_finished_at",
    "agent_heartbeat_at",
];

/// Texts, likewise.
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

/// JSON objects, likewise; none is ever NULL.
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

/// A node's flags as one number.
const FLAGS: &str = "maintenance + 2 * console_enabled + 4 * disable_power_off + 8 * protected + 16 * retired \
     + 32 * COALESCE(secure_boot, 2) + 128 * COALESCE(automated_clean, 2)";

/// All traits, as the last parts of a line.
const TRAITS: &str =
    "(SELECT string_agg(trait, '\u{1e}') FROM node_traits WHERE node_id = nodes.id)";

/// A node whose JSON objects are longer than this together, in bytes, isn't read as part of a page: a thousand of them must
/// stay far below the bound of a text, a gigabyte.
const LARGE: usize = 256 * 1024;

static LINE: LazyLock<String> = LazyLock::new(|| join(parts()));
static LINE_OF_PAGE: LazyLock<String> = LazyLock::new(line_of_page);

static RESERVE: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "UPDATE nodes SET reservation = $1, fence = fence + 1, revision = revision + 1 WHERE uuid = $2 AND reservation IS NULL RETURNING {}",
        *LINE
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

/// The line of a node that is read with others, for [`LineOfPage::read`].
pub(super) fn line_for_pages() -> &'static str {
    &LINE_OF_PAGE
}

/// What [`node_select`] and [`node_reserving`] read.
pub(crate) fn node_with_traits_from(row: &AnyRow) -> Result<Node> {
    node_from_line(Columns::of(row).str()?)
}

/// What [`line_for_pages`] holds.
pub(super) enum LineOfPage {
    /// A node with its revision.
    Node(i64, Arc<Node>),
    /// The number of one that is too large to be read with others.
    TooLarge(i64),
}

impl LineOfPage {
    pub(super) fn read(line: &str) -> Result<Self> {
        let unreadable = |error: std::num::ParseIntError| {
            Error::internal("The database holds a number that can't be read.").caused_by(error)
        };
        let Some((revision, rest)) = line.split_once(SEPARATOR) else {
            return line.parse().map(Self::TooLarge).map_err(unreadable);
        };
        let revision = revision.parse().map_err(unreadable)?;
        Ok(Self::Node(revision, Arc::new(node_from_line(rest)?)))
    }
}

/// A node from its line.
fn node_from_line(line: &str) -> Result<Node> {
    let mut parts = Packed::of(line);
    let mut node = Node {
        id: parts.int()?,
        fence: parts.int()?,
        created_at: parts.opt_time()?,
        updated_at: parts.opt_time()?,
        provision_updated_at: parts.opt_time()?,
        inspection_started_at: parts.opt_time()?,
        inspection_finished_at: parts.opt_time()?,
        agent_heartbeat_at: parts.opt_time()?,
        ..Node::default()
    };

    let flags = parts.int()?;
    node.maintenance = flags & 1 != 0;
    node.console_enabled = flags & 2 != 0;
    node.disable_power_off = flags & 4 != 0;
    node.protected = flags & 8 != 0;
    node.retired = flags & 16 != 0;
    node.secure_boot = three_valued(flags >> 5);
    node.automated_clean = three_valued(flags >> 7);

    node.uuid = parts.text()?;
    node.name = parts.opt_text()?;
    node.driver = parts.text()?;
    node.provision_state = parts.parsed()?;
    node.target_provision_state = parts.opt_parsed()?;
    node.power_state = parts.opt_parsed()?;
    node.target_power_state = parts.opt_parsed()?;
    node.last_error = parts.opt_text()?;
    node.maintenance_reason = parts.opt_text()?;
    node.fault = parts.opt_text()?;
    node.health = parts.opt_text()?;
    node.boot_mode = parts.opt_text()?;
    node.reservation = parts.opt_text()?;
    node.conductor_affinity = parts.opt_text()?;
    node.conductor_group = parts.text()?;
    node.instance_uuid = parts.opt_text()?;
    node.instance_name = parts.opt_text()?;
    node.protected_reason = parts.opt_text()?;
    node.retired_reason = parts.opt_text()?;
    node.chassis_uuid = parts.opt_text()?;
    node.allocation_uuid = parts.opt_text()?;
    node.parent_node = parts.opt_text()?;
    node.resource_class = parts.opt_text()?;
    node.description = parts.opt_text()?;
    node.owner = parts.opt_text()?;
    node.lessee = parts.opt_text()?;
    node.shard = parts.opt_text()?;
    node.bios_interface = parts.opt_text()?;
    node.boot_interface = parts.opt_text()?;
    node.console_interface = parts.opt_text()?;
    node.deploy_interface = parts.opt_text()?;
    node.firmware_interface = parts.opt_text()?;
    node.inspect_interface = parts.opt_text()?;
    node.management_interface = parts.opt_text()?;
    node.network_interface = parts.opt_text()?;
    node.power_interface = parts.opt_text()?;
    node.raid_interface = parts.opt_text()?;
    node.rescue_interface = parts.opt_text()?;
    node.storage_interface = parts.opt_text()?;
    node.vendor_interface = parts.opt_text()?;

    node.driver_info = parts.object()?;
    node.driver_internal_info = parts.object()?;
    node.properties = parts.object()?;
    node.extra = parts.object()?;
    node.instance_info = parts.object()?;
    node.network_data = parts.object()?;
    node.raid_config = parts.object()?;
    node.target_raid_config = parts.object()?;
    node.clean_step = parts.object()?;
    node.deploy_step = parts.object()?;
    node.service_step = parts.object()?;
    node.traits = parts.rest().map(str::to_owned).collect();
    node.traits.sort();
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

/// Everything of a line.
fn parts() -> impl Iterator<Item = String> {
    let numbers = ["id".to_owned(), "fence".to_owned()].into_iter();
    let times = TIMES.iter().map(|column| number_part(column));
    let texts = TEXTS.iter().map(|column| text_part(column));
    let objects = OBJECTS.iter().map(|column| (*column).to_owned());
    numbers
        .chain(times)
        .chain([FLAGS.to_owned()])
        .chain(texts)
        .chain(objects)
        .chain([TRAITS.to_owned()])
}

fn line_of_page() -> String {
    let lengths: Vec<String> = OBJECTS
        .iter()
        .map(|column| format!("octet_length({column})"))
        .collect();
    format!(
        "CASE WHEN {} > {LARGE} THEN CAST(id AS TEXT) ELSE {} END",
        lengths.join(" + "),
        join(["revision".to_owned()].into_iter().chain(parts()))
    )
}

fn select(column: &str) -> Arc<str> {
    format!("SELECT {} FROM nodes WHERE {column} = $1", *LINE).into()
}
