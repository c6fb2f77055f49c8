//! The way into a fail state: what is left behind is cleaned up first, and the reason is kept over an interruption.

use ironbark_model::node::fault;
use ironbark_model::operation::OperationKind;
use ironbark_model::{Error, Operation};
use serde_json::Value;

use super::phase::{self, APPLIED, FAILURE};
use super::restore::take;
use super::{Next, Phase, Run, Trouble, note_child_step, volumes};
use crate::{failure, vifs};

/// An operation failed with `error`: the next phase is failing, or it is over already.
pub(super) async fn begin(run: &mut Run, error: &Error) -> Phase {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        phase = %run.op.phase,
        "the operation failed"
    );
    let message = describe(run, error);
    if run.op.phase == phase::FAILING || !has_clean_up(run.op.kind) {
        return end(run, &message).await;
    }
    mark(&mut run.op, &message);
    run.commit().await?;
    Ok(Next::Phase)
}

/// Sends the operation into phase `failing` because `reason`; not stored yet.
pub(super) fn mark(operation: &mut Operation, reason: &str) {
    phase::FAILING.clone_into(&mut operation.phase);
    operation.wait = None;
    operation
        .args
        .insert(FAILURE.to_owned(), Value::from(reason));
}

/// The phase itself.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let mut message = phase::failure(&run.op)
        .unwrap_or("The operation failed.")
        .to_owned();
    let aborted = run.op.args.contains_key(APPLIED);
    if has_clean_up(run.op.kind) || (aborted && run.op.kind == OperationKind::Inspect) {
        match clean_up(run).await {
            Ok(()) => {}
            Err(Trouble::Failed(error)) => {
                tracing::warn!(error = %error, "cleaning up after a failure failed too");
                if aborted && run.op.kind == OperationKind::Rescue {
                    failure::set_fault(&mut run.node, fault::RESCUE_ABORT_FAILURE, &message);
                }
                message = format!("{message} Cleaning up after it failed too: {error}");
            }
            Err(trouble) => return Err(trouble),
        }
    }
    end(run, &message).await
}

async fn end(run: &mut Run, message: &str) -> Phase {
    let applied = run.op.args.contains_key(APPLIED);
    if applied {
        run.node.last_error = Some(message.to_owned());
    } else {
        let host = run.ctx().host().to_owned();
        let entry = failure::apply(&mut run.node, run.op.kind, message, &host);
        run.record(failure::ended(entry, &run.op));
    }
    note_child_step(&mut run.node, &run.op, Some(message));
    run.finish().await
}

fn has_clean_up(kind: OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::Deploy
            | OperationKind::TearDown
            | OperationKind::Clean
            | OperationKind::Service
            | OperationKind::Rescue
    )
}

async fn clean_up(run: &mut Run) -> Result<(), Trouble> {
    let called = match run.op.kind {
        OperationKind::Deploy => run.call().deploy_clean_up().await,
        // The instance is given up all the same.
        OperationKind::TearDown => {
            volumes::detach(run).await?;
            return vifs::detach_all(run).await;
        }
        OperationKind::Clean => run.call().tear_down_cleaning().await,
        OperationKind::Service => run.call().tear_down_service().await,
        OperationKind::Rescue => run.call().rescue_clean_up().await,
        OperationKind::Inspect => run.call().inspect_abort().await,
        _ => return Ok(()),
    };
    // Nothing to clean up is as good as cleaned up.
    take(run, called)
}

/// What `last_error` says: what was going on, and what went wrong.
fn describe(run: &Run, error: &Error) -> String {
    if let Some(earlier) = phase::failure(&run.op) {
        return format!("{earlier} Then: {error}");
    }
    match run.op.current_step() {
        Some(planned) if run.op.kind == OperationKind::ChildStep => format!(
            "Failed to run the step {} for the parent node: {error}",
            planned.step.full_name()
        ),
        Some(planned) if run.op.phase == phase::STEPS => {
            let kind = run.op.kind;
            format!(
                "Failed to run the {kind} step {}: {error}",
                planned.step.full_name()
            )
        }
        _ => match run.op.kind {
            OperationKind::Power => {
                let target = run
                    .op
                    .args
                    .get("target")
                    .and_then(Value::as_str)
                    .unwrap_or("unknown");
                format!("Failed to change power state to '{target}': {error}")
            }
            OperationKind::Verify => {
                format!("Failed to verify the node: {error}")
            }
            OperationKind::CleanUp => format!(
                "The service was aborted, and bringing the instance back failed in the phase {}: {error}",
                run.op.phase
            ),
            kind => format!(
                "The operation {kind} failed in its phase {}: {error}",
                run.op.phase
            ),
        },
    }
}
