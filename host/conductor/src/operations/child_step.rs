//! One step on a node, for the operation of its parent (`children`). The node keeps its provision state; while the step runs it is
//! held, as for any other work, and the step's own deadlines hold.

use std::sync::Arc;

use futures::future::BoxFuture;
use ironbark_model::operation::{OperationKind, PlannedStep, WaitOn};
use ironbark_model::step::StepKind;
use ironbark_model::{Error, ErrorKind, InterfaceKind, JsonObject, Node, Operation};
use ironbark_sandbox as sandbox;
use ironbark_sandbox::Lock;
use serde_json::{Value, json};

use super::step_run::{Ended, execute_reserved, sit_out, waiting};
use super::steps::CONDUCTOR;
use super::{Next, Phase, Run, Trouble, accept, caches, children, phase as phases};
use crate::call::{NodeCall, Patience, Ports};
use crate::context::Context;
use crate::reserve::Held;

/// Key of `driver_internal_info`: what came of the last step for the parent.
const OUTCOME: &str = "parent_step";

/// Key of the arguments: of what kind the step is.
const KIND: &str = "step_kind";

/// Opens the operation `uuid` on the child, and starts it.
///
/// # Errors
/// What is wrong with the child; nothing has begun then.
pub(super) fn begin<'a>(
    ctx: &'a Arc<Context>,
    parent: &'a Run,
    child: &'a str,
    kind: StepKind,
    planned: &'a PlannedStep,
    uuid: &'a str,
) -> BoxFuture<'a, ironbark_model::Result<()>> {
    // Boxed: it starts work like that which called it.
    Box::pin(begin_unboxed(ctx, parent, child, kind, planned, uuid))
}

async fn begin_unboxed(
    ctx: &Arc<Context>,
    parent: &Run,
    child: &str,
    kind: StepKind,
    planned: &PlannedStep,
    uuid: &str,
) -> ironbark_model::Result<()> {
    let permit = ctx.workers.permit()?;
    let (held, mut node) = Held::acquire_and_read(ctx, child).await?;
    if node.parent_node.as_deref() != Some(parent.node.uuid.as_str()) {
        return Err(Error::conflict("it is no child of the node any more"));
    }
    if node.maintenance {
        return Err(Error::conflict("it is in maintenance"));
    }
    if let Some(other) = ctx.db.operation_of(child).await? {
        return Err(Error::conflict(format!(
            "it has an operation of its own ({})",
            other.kind
        )));
    }
    children::check_served(ctx, &node)?;
    let step = children::on_child(ctx, &node, kind, &planned.step)?;
    let args = JsonObject::from_iter([
        ("parent".to_owned(), json!(parent.node.uuid)),
        (KIND.to_owned(), json!(kind.as_str())),
    ]);
    let request_id = &parent.op.request_id;
    let mut operation =
        Operation::new(OperationKind::ChildStep, child, request_id, args).by(parent.op.asked_by());
    uuid.clone_into(&mut operation.uuid);
    phases::STEPS.clone_into(&mut operation.phase);
    operation.step_started = true;
    let ports = Ports::default();
    if step.implementation != CONDUCTOR {
        let call = NodeCall {
            ctx,
            node: &node,
            ports: &ports,
            request_id,
            lock: Lock::Exclusive,
            reservation: held.reservation().ok(),
            pending: &[],
            seen: None,
            deadline: None,
            patience: Patience::Operation,
        };
        operation.package_digest = call.package_of(step.step.interface, &step.implementation)?;
    }
    operation.steps = vec![step];
    node.last_error = None;
    accept(permit, held, node, operation, ports).await
}

/// What came of the operation `uuid` on the node; `None` if it isn't over, or never began.
pub(super) fn outcome(node: &Node, uuid: &str) -> Option<Result<(), String>> {
    let outcome = node.driver_internal_info.get(OUTCOME)?;
    if outcome.get("operation").and_then(Value::as_str) != Some(uuid) {
        return None;
    }
    Some(match outcome.get("error").and_then(Value::as_str) {
        None => Ok(()),
        Some(error) => Err(error.to_owned()),
    })
}

/// Writes down what came of a step for the parent, with the end of its operation: nothing for other operations.
pub(crate) fn note(node: &mut Node, operation: &Operation, error: Option<&str>) {
    if operation.kind == OperationKind::ChildStep {
        node.driver_internal_info.insert(
            OUTCOME.to_owned(),
            json!({"operation": operation.uuid, "error": error}),
        );
    }
}

/// One phase of it.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let step = match run.op.phase.as_str() {
        phases::STEPS => run.op.current_step().cloned(),
        _ => None,
    };
    let Some(planned) = step else {
        note(&mut run.node, &run.op, None);
        return run.finish().await;
    };
    execute(run, &planned).await?;
    run.enter(phases::FINISH);
    let interface = planned.step.interface;
    let changes_what_is_known = matches!(
        interface,
        InterfaceKind::Bios | InterfaceKind::Firmware | InterfaceKind::Raid
    );
    if changes_what_is_known {
        caches::note_changed(&mut run.op, interface);
        run.commit().await?;
        caches::read_changed(run).await?;
    }
    Ok(Next::Phase)
}

/// Runs the step until it is over. There is no state to wait in: the worker keeps the node meanwhile.
async fn execute(run: &mut Run, planned: &PlannedStep) -> Result<(), Trouble> {
    let kind = read_kind(&run.op)?;
    loop {
        let ended = match planned.step.reserved() {
            Some(reserved) if planned.implementation == CONDUCTOR => {
                execute_reserved(run, reserved, &planned.step.args).await?
            }
            _ => {
                let (cursor, digest) = (run.op.cursor.clone(), run.op.package_digest.clone());
                let called = run
                    .call()
                    .execute_step(kind, planned, digest.as_deref(), cursor)
                    .await?;
                match run.keep(called) {
                    sandbox::Outcome::Done => Ended::Done,
                    sandbox::Outcome::Wait(wait) => {
                        let (wait, cursor) = waiting(wait);
                        Ended::Wait(wait, cursor)
                    }
                }
            }
        };
        match ended {
            Ended::Done => return Ok(()),
            Ended::Wait(wait, cursor) if wait.on == WaitOn::PollAfter => {
                sit_out(run, wait, cursor, "run the step").await?;
            }
            Ended::Wait(..) | Ended::Hold => {
                return Err(Trouble::Failed(Error::new(
                    ErrorKind::Unsupported,
                    "the step waits for an agent or for an operator, which nobody can do for a child: run it on the node itself",
                )));
            }
        }
    }
}

fn read_kind(operation: &Operation) -> Result<StepKind, Trouble> {
    let written = operation.args.get(KIND).and_then(Value::as_str);
    written.unwrap_or_default().parse().map_err(Trouble::Failed)
}
