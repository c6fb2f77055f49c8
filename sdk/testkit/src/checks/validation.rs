//! Validating looks at what the operator wrote, and at nothing else.

use ironbark_drivers::Implementation;
use ironbark_model::InterfaceKind;
use ironbark_sandbox::{CallError, DriverError, Lock};

use super::{Checked, Stop, Suite};
use crate::kit::Kit;

const VALIDATED: [InterfaceKind; 4] = [
    InterfaceKind::Power,
    InterfaceKind::Management,
    InterfaceKind::Boot,
    InterfaceKind::Deploy,
];

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for kind in VALIDATED {
        for implementation in kit.implementations(kind) {
            let quiet = quiet(kit, &implementation);
            suite
                .check(
                    &implementation,
                    "validating a node doesn't talk to its BMC",
                    quiet,
                )
                .await;
        }
    }
}

async fn quiet(kit: &Kit, implementation: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    let validated = implementation
        .validate(machine.context(Lock::Shared), machine.driver_info())
        .await;
    // First: a driver that is refused by the BMC has talked to it as well.
    let contacts = machine.simulated().contacts();
    if contacts > 0 {
        return Err(Stop::Failed(format!(
            "it sent {contacts} packets or opened connections: a node must be valid also while its BMC is away"
        )));
    }
    match validated {
        Ok(_) => Ok(()),
        Err(CallError::Driver(
            error @ (DriverError::MissingParameter(_) | DriverError::InvalidParameter(_)),
        )) => Err(Stop::Failed(format!(
            "{error}; say with --driver-info what a node of yours has"
        ))),
        Err(error) => Err(Stop::Failed(error.to_string())),
    }
}
