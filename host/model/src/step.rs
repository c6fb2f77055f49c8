//! Steps of cleaning, deployment, service and verification.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::provision::wire_enum;
use crate::{InterfaceKind, JsonObject};

wire_enum! {
    /// What kind of work a step belongs to.
    StepKind, "kind of step" {
        /// Automated and manual cleaning.
        Clean = "clean",
        /// Deployment.
        Deploy = "deploy",
        /// Service of a node that has an instance.
        Service = "service",
        /// Checks on the way from `enroll` to `manageable`.
        Verify = "verify",
    }
}

wire_enum! {
    /// What may be done with a step that was running when its conductor died.
    OnInterrupt, "answer to an interruption" {
        /// Running it again from the start does no harm.
        Rerun = "rerun",
        /// It is called again with its last cursor, and looks before it acts.
        Resume = "resume",
        /// It must not be started again: the operation fails and names it.
        Fail = "fail",
    }
}

/// One step, as it stands in an operation's list and in `clean_step`, `deploy_step`, `service_step`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The interface whose implementation runs it.
    pub interface: InterfaceKind,
    /// The step's name.
    pub step: String,
    /// Arguments; empty for most.
    #[serde(default)]
    pub args: JsonObject,
    /// Higher runs first; 0 runs only when asked for by name.
    #[serde(default)]
    pub priority: u32,
    /// May be given up in the middle.
    #[serde(default)]
    pub abortable: bool,
    /// Needs the deploy ramdisk. Ironic's default is true.
    #[serde(default = "yes")]
    pub requires_ramdisk: bool,
    /// What each argument means; null or an object of `{description, required}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argsinfo: Option<JsonObject>,
    /// The operator asked to stop after this step, which isn't abortable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abort_after: bool,
    /// It runs on the node's children, and not on the node itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub execute_on_child_nodes: bool,
    /// UUIDs of the children on which it runs; empty: on all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limit_child_node_execution: Vec<String>,
}

/// What the conductor itself does for a step of this name, on any interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedStep {
    /// Switch the node on.
    PowerOn,
    /// Switch the node off.
    PowerOff,
    /// Off, then on.
    Reboot,
    /// Stop here until the operator says `unhold`.
    Hold,
    /// Wait some seconds, or for the agent's heartbeat.
    Wait,
}

impl Step {
    /// Whether the conductor itself runs this step.
    pub fn reserved(&self) -> Option<ReservedStep> {
        match self.step.as_str() {
            "power_on" => Some(ReservedStep::PowerOn),
            "power_off" => Some(ReservedStep::PowerOff),
            "reboot" => Some(ReservedStep::Reboot),
            "hold" => Some(ReservedStep::Hold),
            "wait" => Some(ReservedStep::Wait),
            _ => None,
        }
    }

    /// `interface.step`, as messages name a step.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.interface, self.step)
    }
}

/// Orders steps as they run: priority descending, then the interface's rank descending; otherwise as they stood.
pub fn sort_by_priority(steps: &mut [Step]) {
    steps.sort_by_key(|step| {
        (
            std::cmp::Reverse(step.priority),
            std::cmp::Reverse(step.interface.step_rank()),
        )
    });
}

fn yes() -> bool {
    true
}
