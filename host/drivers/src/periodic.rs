//! Tasks that packages want to be run by the clock.

use std::str::FromStr as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ironbark_model::{InterfaceKind, ProvisionState};
use ironbark_package::{Metadata, MetadataError, Periodic, PeriodicLock, PeriodicScope};
use ironbark_sandbox::{CallContext, CallError, Completed};

use crate::implementation::Implementation;

/// A task of an active package.
#[derive(Clone)]
pub struct PeriodicTask {
    /// The package that brings it.
    pub package: String,
    /// The task's name, unique within the package.
    pub name: String,
    /// Whose nodes it is for.
    pub target: PeriodicTarget,
    /// When it is to be run.
    pub schedule: Schedule,
    /// May run beside other tasks; if not: one after another, at most 5 s each.
    pub parallel: bool,
    /// For each node, or once on each conductor.
    pub scope: PeriodicScope,
    /// Only for nodes in these states; empty means all.
    pub states: Vec<ProvisionState>,
    /// How the node is held meanwhile.
    pub lock: PeriodicLock,
    pub(crate) implementation: Implementation,
}

/// Whose nodes a task is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeriodicTarget {
    /// Nodes with this implementation of this interface.
    Implementation(InterfaceKind, String),
    /// Nodes with this hardware type.
    HardwareType(String),
}

/// When a task is to be run.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// So long after the start of the last run.
    Every(Duration),
    /// At these times (UTC).
    Cron(Box<cron::Schedule>),
}

impl Schedule {
    /// The first time after `last` at which the task is due; `None` if there never will be one.
    pub fn next_after(&self, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(spacing) => {
                last.checked_add_signed(chrono::Duration::from_std(*spacing).ok()?)
            }
            Self::Cron(schedule) => schedule.after(&last).next(),
        }
    }
}

impl PeriodicTask {
    /// What runs the task; also tells the package's version and digest.
    pub fn implementation(&self) -> &Implementation {
        &self.implementation
    }

    /// Runs the task once: for the context's node, or without one (scope `conductor`).
    pub async fn run(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        self.implementation
            .run_periodic(context, self.name.clone())
            .await
    }

    pub(crate) fn new(
        package: &str,
        task: &Periodic,
        implementation: Implementation,
    ) -> Option<Self> {
        let target = match task.on.split_once('/') {
            Some((kind, name)) => {
                PeriodicTarget::Implementation(kind.parse().ok()?, name.to_owned())
            }
            None => PeriodicTarget::HardwareType(task.on.clone()),
        };
        Some(Self {
            package: package.to_owned(),
            name: task.name.clone(),
            target,
            schedule: schedule(task)?,
            parallel: task.parallel,
            scope: task.scope,
            states: task
                .states
                .iter()
                .filter_map(|state| state.parse().ok())
                .collect(),
            lock: task.lock,
            implementation,
        })
    }
}

/// Refuses cron lines that can't be read: the metadata's own rules don't know cron.
pub(crate) fn check_schedules(metadata: &Metadata) -> Result<(), MetadataError> {
    for (index, task) in metadata.periodic.iter().enumerate() {
        if schedule(task).is_none() {
            return Err(MetadataError::Rule {
                path: format!("periodic[{index}].cron"),
                reason: "must be a cron line of 6 fields: second minute hour day month weekday"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

fn schedule(task: &Periodic) -> Option<Schedule> {
    match (&task.cron, task.spacing) {
        (Some(line), _) => cron::Schedule::from_str(line)
            .ok()
            .map(|schedule| Schedule::Cron(Box::new(schedule))),
        (None, Some(seconds)) => Some(Schedule::Every(Duration::from_secs(u64::from(seconds)))),
        (None, None) => None,
    }
}
