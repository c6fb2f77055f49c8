//! How the few columns of a node are read that lists show.

use std::sync::LazyLock;

use ironbark_model::{Node, Result};

use crate::sql::{Packed, join, text_part};

/// What [`summary_from`] reads, in its order, after the number and whether the node is in maintenance.
const SUMMARY_TEXTS: &[&str] = &[
    "uuid",
    "name",
    "instance_uuid",
    "power_state",
    "provision_state",
    "driver",
    "conductor_group",
];

/// What [`slim_from`] reads besides those in [`SUMMARY_TEXTS`]: what clients ask for while they wait for nodes.
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

static SUMMARY_LINE: LazyLock<String> = LazyLock::new(|| line(&[]));
static SLIM_LINE: LazyLock<String> = LazyLock::new(|| line(SLIM_TEXTS));

/// A line of a page for [`summary_from`].
pub(super) fn summary_line() -> &'static str {
    &SUMMARY_LINE
}

/// A line of a page for [`slim_from`].
pub(super) fn slim_line() -> &'static str {
    &SLIM_LINE
}

/// A node of which only the summary was read.
pub(super) fn summary_from(line: &str) -> Result<Node> {
    read_summary(&mut Packed::of(line))
}

/// A node of which the summary was read, and what clients wait for.
pub(super) fn slim_from(line: &str) -> Result<Node> {
    let mut texts = Packed::of(line);
    let node = read_summary(&mut texts)?;
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

fn line(others: &[&str]) -> String {
    let numbers = ["id", "maintenance"].map(str::to_owned).into_iter();
    let texts = SUMMARY_TEXTS.iter().chain(others);
    join(numbers.chain(texts.map(|column| text_part(column))))
}

fn read_summary(parts: &mut Packed<'_>) -> Result<Node> {
    Ok(Node {
        id: parts.int()?,
        maintenance: parts.int()? != 0,
        uuid: parts.text()?,
        name: parts.opt_text()?,
        instance_uuid: parts.opt_text()?,
        power_state: parts.opt_parsed()?,
        provision_state: parts.parsed()?,
        driver: parts.text()?,
        conductor_group: parts.text()?,
        ..Node::default()
    })
}
