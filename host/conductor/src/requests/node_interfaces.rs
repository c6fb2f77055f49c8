//! Which implementations a node gets: what it names must fit its hardware type, what it doesn't name is the type's default.

use ironbark_drivers::Drivers;
use ironbark_model::{Error, InterfaceKind, Node, Result};

/// Refuses a hardware type that this conductor doesn't drive.
pub(super) fn check_driver(drivers: &Drivers, driver: &str) -> Result<()> {
    if drivers
        .hardware_types()
        .iter()
        .any(|hardware_type| hardware_type.name == driver)
    {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "No valid host was found. Reason: no conductor here drives the hardware type '{driver}'; see GET /v1/drivers."
    )))
}

/// Checks the interfaces in `kinds` that the node names, and fills in every interface that it doesn't name.
pub(super) fn settle(drivers: &Drivers, node: &mut Node, kinds: &[InterfaceKind]) -> Result<()> {
    for kind in InterfaceKind::ALL {
        match node.interface(*kind) {
            Some(name) => {
                if kinds.contains(kind) {
                    drivers.check_interface(&node.driver, *kind, name)?;
                }
            }
            None => {
                let default = drivers.default_implementation(&node.driver, *kind)?;
                node.set_interface(*kind, Some(default));
            }
        }
    }
    Ok(())
}
