//! Steps that the metadata declares are there.

use ironbark_drivers::Implementation;
use ironbark_model::operation::PlannedStep;
use ironbark_model::step::StepKind;
use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_sandbox::{CallError, DriverError, Lock, Outcome};
use serde_json::Value;

use super::{Checked, Stop, Suite, refused, returned};
use crate::kit::Kit;
use crate::machine::Machine;

/// How often a step that waits is called again: enough to see that it takes its own cursor.
const CALLS: usize = 3;
const KINDS: [StepKind; 4] = [
    StepKind::Clean,
    StepKind::Deploy,
    StepKind::Service,
    StepKind::Verify,
];

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for kind in InterfaceKind::ALL {
        for implementation in kit.implementations(*kind) {
            let of = &implementation;
            for step_kind in KINDS {
                for planned in of.steps(step_kind) {
                    let (name, step) = (planned.step.step.as_str(), step_kind.as_str());
                    if needs_arguments(&planned) {
                        let name = format!("the {step} step '{name}' asks for its arguments");
                        let check = asks(kit, of, step_kind, &planned);
                        suite.check(of, name, check).await;
                    } else {
                        let name = format!("the {step} step '{name}' runs");
                        let check = runs(kit, of, step_kind, &planned);
                        suite.check(of, name, check).await;
                    }
                }
            }
        }
    }
}

/// Without its arguments a step must not do anything.
async fn asks(kit: &Kit, of: &Implementation, kind: StepKind, planned: &PlannedStep) -> Checked {
    let machine = kit.machine().await?;
    let result = execute(&machine, of, kind, planned, None).await;
    match refused("execute-step without arguments", result)? {
        DriverError::MissingParameter(_) | DriverError::InvalidParameter(_) => Ok(()),
        other => Err(Stop::Failed(format!(
            "without arguments it must return missing-parameter or invalid-parameter, not: {other}"
        ))),
    }
}

async fn runs(kit: &Kit, of: &Implementation, kind: StepKind, planned: &PlannedStep) -> Checked {
    let machine = kit.machine().await?;
    let mut cursor = None;
    for _ in 0..CALLS {
        match execute(&machine, of, kind, planned, cursor.take()).await {
            Ok(Outcome::Done) => break,
            Ok(Outcome::Wait(wait)) => cursor = Some(wait.cursor),
            // A simulated BMC doesn't know the vendor's own commands: then the driver has tried.
            Err(CallError::Driver(_)) if machine.simulated().asked() > 0 => break,
            Err(CallError::Driver(DriverError::Unsupported(reason))) => {
                return Err(Stop::Failed(format!(
                    "the metadata declares it, and the driver doesn't know it: {reason}"
                )));
            }
            other => return returned("execute-step", other).map(drop),
        }
    }
    Ok(())
}

async fn execute(
    machine: &Machine,
    of: &Implementation,
    kind: StepKind,
    planned: &PlannedStep,
    cursor: Option<Value>,
) -> Result<Outcome, CallError> {
    let context = machine.context(Lock::Exclusive);
    let step = &planned.step.step;
    machine
        .call(of.execute_step(context, kind, step, JsonObject::new(), cursor))
        .await
}

fn needs_arguments(planned: &PlannedStep) -> bool {
    let required = |info: &Value| info.get("required") == Some(&Value::Bool(true));
    planned
        .step
        .argsinfo
        .as_ref()
        .is_some_and(|arguments| arguments.values().any(required))
}
