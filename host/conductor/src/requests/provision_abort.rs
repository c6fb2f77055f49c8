//! Accepting `abort` and `unhold`: what an operator does about work that waits.

use ironbark_model::history::HistoryEntry;
use ironbark_model::operation::{OperationKind, WaitOn};
use ironbark_model::{Error, Event, JsonObject, Operation, ProvisionState, Result, Timestamp};
use serde_json::{Value, json};

use super::provision::Accepting;
use crate::failure;
use crate::operations::restore::{self, GivenUp};
use crate::operations::{self, phase, states};

/// Accepts an abort. A step that can't be given up in the middle ends first.
pub(super) async fn abort(mut accepting: Accepting<'_>) -> Result<()> {
    if accepting.node.provision_state == ProvisionState::ServiceFailed {
        return give_up_failed_service(accepting).await;
    }
    let operation = accepting.ctx.db.operation_of(&accepting.node.uuid).await?;
    let Some(mut operation) = operation else {
        let message = "By request, the operation was aborted.";
        return failure::fail_without_operation(accepting.held, accepting.node, message).await;
    };
    let kind = operation.kind;
    let running = (operation.phase == phase::STEPS)
        .then(|| operation.current_step())
        .flatten()
        .map(|planned| (planned.step.abortable, planned.step.full_name()));
    if let Some((false, _)) = running {
        abort_after(&mut accepting.node, &mut operation);
        let mut tx = accepting.held.begin().await?;
        tx.save_node(&accepting.node).await?;
        tx.operation_update(&operation).await?;
        return accepting.held.commit_and_release(tx).await;
    }
    let message = match running {
        Some((_, step)) => {
            format!("By request, the {kind} operation was aborted during the step {step}.")
        }
        None => format!("By request, the {kind} operation was aborted."),
    };
    if kind == OperationKind::Service {
        return give_up_service(accepting, Some(&operation), &message).await;
    }
    // Given up on purpose, where it may be: the machine is in no doubtful state.
    accepting.node.clean_step = JsonObject::new();
    let entry = failure::apply(&mut accepting.node, kind, &message, accepting.ctx.host());
    let entry = HistoryEntry {
        user: accepting.asked.user.clone(),
        ..failure::ended(entry, &operation)
    };
    operation.wait = None;
    phase::FAILING.clone_into(&mut operation.phase);
    operation
        .args
        .insert(phase::FAILURE.to_owned(), Value::from(message));
    operation
        .args
        .insert(phase::APPLIED.to_owned(), Value::Bool(true));
    operations::accept_change(
        accepting.permit,
        accepting.held,
        accepting.node,
        operation,
        Some(entry),
    )
    .await
}

/// Accepts the end of a hold: the node waits again, and goes on at once.
pub(super) async fn unhold(mut accepting: Accepting<'_>) -> Result<()> {
    let operation = accepting.ctx.db.operation_of(&accepting.node.uuid).await?;
    let mut operation = operation.ok_or_else(|| {
        Error::conflict("There is no record of what the node was held in: abort it instead.")
    })?;
    states::advance(&mut accepting.node, Event::Unhold)?;
    let now = Timestamp::now();
    let uuid = accepting.node.uuid.clone();
    if let Some(wait) = &mut operation.wait {
        wait.on = WaitOn::PollAfter;
        wait.poll_at = Some(now);
        wait.message = None;
    }
    let mut tx = accepting.held.begin().await?;
    tx.save_node(&accepting.node).await?;
    tx.operation_update(&operation).await?;
    accepting.held.commit_and_release(tx).await?;
    accepting.ctx.alarm.set(now, &uuid);
    Ok(())
}

/// The running step shows, and the journal keeps, that it is to be the last one.
fn abort_after(node: &mut ironbark_model::Node, operation: &mut Operation) {
    if let Some(planned) = operation.steps.get_mut(operation.step_index) {
        planned.step.abort_after = true;
    }
    let shown = match operation.kind {
        OperationKind::Deploy => &mut node.deploy_step,
        OperationKind::Service => &mut node.service_step,
        _ => &mut node.clean_step,
    };
    if !shown.is_empty() {
        shown.insert("abort_after".to_owned(), json!(true));
    }
}

/// A service that failed is given up. What is wrong with the machine the operator has seen to.
async fn give_up_failed_service(accepting: Accepting<'_>) -> Result<()> {
    if accepting.node.maintenance {
        return Err(Error::conflict(format!(
            "Node {} is in maintenance: clear that before its failed service is aborted.",
            accepting.node.uuid
        )));
    }
    let message = "By request, the service operation was aborted after it had failed.";
    give_up_service(accepting, None, message).await
}

/// The machine runs its instance again.
async fn give_up_service(
    accepting: Accepting<'_>,
    before: Option<&Operation>,
    message: &str,
) -> Result<()> {
    let given_up = GivenUp {
        before,
        message,
        request_id: &accepting.asked.request_id,
        user: accepting.asked.user.as_deref(),
    };
    restore::begin(
        accepting.permit,
        accepting.held,
        accepting.node,
        accepting.ports,
        given_up,
    )
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::Node;
    use ironbark_model::operation::PlannedStep;
    use ironbark_model::step::OnInterrupt;

    use super::*;

    #[test]
    fn a_step_that_can_not_be_aborted_is_marked_as_the_last_one() {
        let step = json!({"interface": "deploy", "step": "erase"});
        let mut operation = Operation::new(OperationKind::Clean, "n", "r", JsonObject::new());
        operation.steps = vec![PlannedStep {
            step: serde_json::from_value(step.clone()).unwrap(),
            on_interrupt: OnInterrupt::Fail,
            implementation: "fake".into(),
        }];
        let mut node = Node {
            clean_step: step.as_object().unwrap().clone(),
            ..Node::default()
        };
        abort_after(&mut node, &mut operation);
        assert!(operation.current_step().unwrap().step.abort_after);
        assert_eq!(node.clean_step.get("abort_after"), Some(&json!(true)));
    }
}
