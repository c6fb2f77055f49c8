//! The journal: work in progress on a node, so that what remains can be read from the database alone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provision::wire_enum;
use crate::step::{OnInterrupt, Step};
use crate::{Error, JsonObject, Result, Timestamp};

wire_enum! {
    /// What kind of work an operation is.
    OperationKind, "kind of operation" {
        /// A change of power.
        Power = "power",
        /// enroll → verifying → manageable.
        Verify = "verify",
        /// available → deploying → active, and rebuild.
        Deploy = "deploy",
        /// active → deleting → cleaning.
        TearDown = "tear-down",
        /// Automated or manual cleaning.
        Clean = "clean",
        /// Inspection.
        Inspect = "inspect",
        /// Adoption.
        Adopt = "adopt",
        /// Rescue.
        Rescue = "rescue",
        /// Coming back from rescue.
        Unrescue = "unrescue",
        /// Service steps.
        Service = "service",
        /// Taking an active node over from another conductor.
        TakeOver = "take-over",
        /// One step on a node, for the operation of its parent.
        ChildStep = "child-step",
        /// Bringing the instance back after a service that was given up.
        CleanUp = "clean-up",
    }
}

wire_enum! {
    /// What a waiting step waits for.
    WaitOn, "reason to wait" {
        /// The agent's next heartbeat.
        Agent = "agent",
        /// A time, after which the step is called again.
        PollAfter = "poll-after",
        /// An operator or something else outside.
        External = "external",
    }
}

/// A step in an operation's list, with what recovery needs to know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step as it is shown.
    #[serde(flatten)]
    pub step: Step,
    /// What may be done with it after an interruption.
    pub on_interrupt: OnInterrupt,
    /// Name of the implementation that runs it.
    pub implementation: String,
}

/// Why and how long a step waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// For what.
    pub on: WaitOn,
    /// When to call the step again (`poll-after`).
    pub poll_at: Option<Timestamp>,
    /// When the step has failed.
    pub deadline: Timestamp,
    /// What an operator may want to know.
    pub message: Option<String>,
}

/// Key of the arguments under which an operation that waits is kept while this one runs.
const PARKED: &str = "parked";

/// Key of the arguments: the user whose request began it.
const ASKED_BY: &str = "asked_by";

/// One open operation. There is at most one for a node.
///
/// Never holds a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its UUID.
    pub uuid: String,
    /// The node that it is about.
    pub node_uuid: String,
    /// What kind of work.
    pub kind: OperationKind,
    /// Validated arguments; their form depends on the kind.
    pub args: JsonObject,
    /// Where within the kind's flow it is (`accepted`, `prepare`, `steps`, `finish`, …).
    pub phase: String,
    /// The steps, in the order in which they run.
    pub steps: Vec<PlannedStep>,
    /// Index of the current step; `steps.len()` when all are done.
    pub step_index: usize,
    /// The current step was handed to its driver at least once.
    pub step_started: bool,
    /// What the step said to be called with again.
    pub cursor: Option<Value>,
    /// What it waits for, if it waits.
    pub wait: Option<Wait>,
    /// SHA-256 of the package that the current step began with; that package's bytes can't be deleted meanwhile.
    pub package_digest: Option<String>,
    /// When the whole operation has failed, if there is such a time.
    pub deadline: Option<Timestamp>,
    /// The request that began it.
    pub request_id: String,
    /// How often it was carried on after an interruption.
    pub resumes: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// The journal's last write.
    pub updated_at: Timestamp,
}

impl Operation {
    /// A new operation of `kind` on `node_uuid` that begins now.
    pub fn new(kind: OperationKind, node_uuid: &str, request_id: &str, args: JsonObject) -> Self {
        let now = Timestamp::now();
        Self {
            uuid: crate::ident::new_uuid(),
            node_uuid: node_uuid.to_owned(),
            kind,
            args,
            phase: "accepted".to_owned(),
            steps: Vec::new(),
            step_index: 0,
            step_started: false,
            cursor: None,
            wait: None,
            package_digest: None,
            deadline: None,
            request_id: request_id.to_owned(),
            resumes: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Puts an operation that waits beneath this one: it goes on waiting when this one is over. Until then the package of its
    /// step stays pinned by this one.
    ///
    /// # Errors
    /// `Internal`, if it can't be written as JSON.
    pub fn park(&mut self, waiting: &Operation) -> Result<()> {
        let written = serde_json::to_value(waiting).map_err(|error| {
            Error::internal("An operation can't be written as JSON.").caused_by(error)
        })?;
        self.args.insert(PARKED.to_owned(), written);
        self.package_digest.clone_from(&waiting.package_digest);
        Ok(())
    }

    /// The operation that waits beneath this one.
    ///
    /// # Errors
    /// `Internal`, if the journal holds something else there.
    pub fn parked(&self) -> Result<Option<Operation>> {
        self.args
            .get(PARKED)
            .map(|written| {
                Operation::deserialize(written).map_err(|error| {
                    Error::internal("The journal holds a waiting operation that can't be read.")
                        .caused_by(error)
                })
            })
            .transpose()
    }

    /// Writes down whose request began it, if the API knows its users.
    #[must_use]
    pub fn by(mut self, user: Option<&str>) -> Self {
        if let Some(user) = user {
            self.args.insert(ASKED_BY.to_owned(), Value::from(user));
        }
        self
    }

    /// The user whose request began it.
    pub fn asked_by(&self) -> Option<&str> {
        self.args.get(ASKED_BY).and_then(Value::as_str)
    }

    /// The current step, if any is left.
    pub fn current_step(&self) -> Option<&PlannedStep> {
        self.steps.get(self.step_index)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_parked_is_what_comes_back_and_its_package_stays_pinned() {
        let mut waiting = Operation::new(OperationKind::Clean, "n", "req-1", JsonObject::new());
        waiting.package_digest = Some("d".to_owned());
        waiting.wait = Some(Wait {
            on: WaitOn::External,
            poll_at: None,
            deadline: Timestamp(7),
            message: Some("held".to_owned()),
        });
        let mut power = Operation::new(OperationKind::Power, "n", "req-2", JsonObject::new());
        assert_eq!(power.parked().unwrap(), None);
        power.park(&waiting).unwrap();
        assert_eq!(power.parked().unwrap(), Some(waiting));
        assert_eq!(power.package_digest.as_deref(), Some("d"));
        power.args.insert(PARKED.to_owned(), Value::from("torn"));
        assert!(power.parked().is_err());
    }
}
