//! The steps that a node's implementations bring.

use ironbark_model::operation::PlannedStep;
use ironbark_model::step::{OnInterrupt, Step, StepKind};
use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_package::StepEntry;
use serde_json::json;

use crate::implementation::{CORE_DEPLOY_STEP, Implementation};

/// Priority of the core deploy step, as in Ironic.
const CORE_DEPLOY_PRIORITY: u32 = 100;

impl Implementation {
    /// The steps of `kind` that this implementation brings, with their declared priorities.
    ///
    /// Every deploy implementation that does something has the core deploy step `deploy`.
    pub fn steps(&self, kind: StepKind) -> Vec<PlannedStep> {
        let declared = self
            .package()
            .map(|package| package.metadata().steps.as_slice());
        let mut steps: Vec<PlannedStep> = declared
            .unwrap_or_default()
            .iter()
            .filter(|entry| entry.kind == kind && entry.interface == self.kind())
            .filter(|entry| {
                entry
                    .implementation
                    .as_deref()
                    .is_none_or(|name| name == self.name())
            })
            .map(|entry| self.planned(entry))
            .collect();
        let has_core = steps
            .iter()
            .any(|planned| planned.step.step == CORE_DEPLOY_STEP);
        let needs_core = kind == StepKind::Deploy
            && self.kind() == InterfaceKind::Deploy
            && self.name() != "no-deploy";
        if needs_core && !has_core {
            steps.push(self.core_deploy_step());
        }
        steps
    }

    fn planned(&self, entry: &StepEntry) -> PlannedStep {
        let is_core = entry.kind == StepKind::Deploy
            && entry.interface == InterfaceKind::Deploy
            && entry.step == CORE_DEPLOY_STEP;
        let argsinfo = entry.argsinfo.as_ref().map(|arguments| {
            arguments
                .iter()
                .map(|(name, info)| {
                    let info = json!({"description": info.description, "required": info.required});
                    (name.clone(), info)
                })
                .collect::<JsonObject>()
        });
        PlannedStep {
            step: Step {
                interface: entry.interface,
                step: entry.step.clone(),
                args: JsonObject::new(),
                priority: if is_core && entry.priority == 0 {
                    CORE_DEPLOY_PRIORITY
                } else {
                    entry.priority
                },
                abortable: entry.abortable.unwrap_or(entry.kind == StepKind::Deploy),
                requires_ramdisk: entry.requires_ramdisk,
                argsinfo,
                abort_after: false,
                execute_on_child_nodes: false,
                limit_child_node_execution: Vec::new(),
            },
            on_interrupt: entry.on_interrupt,
            implementation: self.name().to_owned(),
        }
    }

    fn core_deploy_step(&self) -> PlannedStep {
        PlannedStep {
            step: Step {
                interface: InterfaceKind::Deploy,
                step: CORE_DEPLOY_STEP.to_owned(),
                args: JsonObject::new(),
                priority: CORE_DEPLOY_PRIORITY,
                abortable: true,
                requires_ramdisk: true,
                argsinfo: None,
                abort_after: false,
                execute_on_child_nodes: false,
                limit_child_node_execution: Vec::new(),
            },
            // The host's own does nothing, so doing it again does no harm.
            on_interrupt: if self.package().is_some() {
                OnInterrupt::Fail
            } else {
                OnInterrupt::Rerun
            },
            implementation: self.name().to_owned(),
        }
    }
}
