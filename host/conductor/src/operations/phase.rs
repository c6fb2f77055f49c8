//! Names of phases, as they stand in the journal.

use ironbark_model::Operation;

/// Before the first step: what has to be ready.
pub const PREPARE: &str = "prepare";
/// What was prepared outside is ready: the list of steps is made.
pub const PLAN: &str = "plan";
/// The steps, one after another.
pub const STEPS: &str = "steps";
/// After the last step.
pub const FINISH: &str = "finish";
/// It failed: what is left behind is cleaned up, then the node goes to its fail state.
pub const FAILING: &str = "failing";
/// The machine is inspected.
pub const INSPECT: &str = "inspect";
/// What an inspection ramdisk posted, which is stored, is handed to the driver.
pub const CONTINUE: &str = "continue";
/// The rescue ramdisk is booted.
pub const RESCUE: &str = "rescue";
/// The instance is booted again after a rescue.
pub const UNRESCUE: &str = "unrescue";
/// The instance is taken away.
pub const TEAR_DOWN: &str = "tear-down";
/// The node's instance is taken in, or taken over.
pub const TAKE_OVER: &str = "take-over";

/// Phases of a change of power. Each looks at the machine before it acts, so that each may run again.
pub mod power {
    /// One change: on, off or soft off, until it is reached.
    pub const SET: &str = "set";
    /// First half of a restart: off, until it is reached.
    pub const OFF: &str = "off";
    /// Second half of a restart: on, until it is reached.
    pub const ON: &str = "on";
    /// A restart that the driver does in one go.
    pub const RESTART: &str = "restart";
}

/// Phases of bringing an instance back after a service that was given up. Each may run again.
pub mod restore {
    /// The machine, which may run a ramdisk, is switched off.
    pub const OFF: &str = "off";
    /// What was prepared for the service is taken away, and the machine is to boot its instance.
    pub const BACK: &str = "back";
    /// The machine is switched on.
    pub const ON: &str = "on";
}

/// Key of the arguments under which an operation that is failing keeps the reason.
pub(crate) const FAILURE: &str = "failure";
/// Key of the arguments: the node shows its fail state already (after an abort).
pub(crate) const APPLIED: &str = "applied";

/// Why the operation is failing, if it is.
pub fn failure(operation: &Operation) -> Option<&str> {
    if operation.phase != FAILING {
        return None;
    }
    operation
        .args
        .get(FAILURE)
        .and_then(serde_json::Value::as_str)
}
