//! How a [`NodeRef`] is read: the few columns by which a conductor decides what to do with a node.

use std::sync::LazyLock;

use ironbark_model::Result;

use crate::NodeRef;
use crate::sql::{Columns, pack};

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

static REF_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "n.id, n.fence, n.provision_updated_at, n.updated_at, n.maintenance, \
         CASE WHEN n.last_error IS NULL THEN 0 ELSE 1 END, {}",
        pack("n.", REF_TEXTS.iter().copied())
    )
});

/// Columns for [`node_ref_from`], of the table `n`.
pub(crate) fn ref_columns() -> &'static str {
    &REF_COLUMNS
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
