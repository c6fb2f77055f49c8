//! Tear-down: the instance is taken away, then the node is cleaned.

use std::time::Duration;

use ironbark_model::operation::OperationKind;
use ironbark_model::{Error, ErrorKind, Event, JsonObject, Operation, Timestamp};
use ironbark_sandbox::Outcome;

use super::clean::{end_event, skips_cleaning};
use super::step_run::waiting;
use super::{Next, Phase, Run, Trouble, forget_instance, forget_steps, phase as phases};
use crate::vifs;

/// How long between two looks when the driver waits for something that it doesn't name a time for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The one phase of a tear-down. There is no state to wait in: the worker keeps the node while the driver waits.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let cleaned_up = run.call().deploy_clean_up().await?;
    run.settle(cleaned_up).await?;
    loop {
        let cursor = run.op.cursor.clone();
        let called = run.call().deploy_tear_down(cursor).await?;
        // What it noted is stored together with its cursor.
        match run.keep(called) {
            Outcome::Done => break,
            Outcome::Wait(wait) => {
                let (mut wait, cursor) = waiting(wait);
                // The first deadline holds, however often the driver waits again.
                if let Some(before) = &run.op.wait {
                    wait.deadline = before.deadline.min(wait.deadline);
                }
                let now = Timestamp::now();
                if wait.deadline <= now {
                    return Err(Trouble::Failed(Error::new(
                        ErrorKind::GatewayTimeout,
                        "the driver did not take the instance away before its own deadline",
                    )));
                }
                let until = wait
                    .poll_at
                    .unwrap_or_else(|| now.plus(LOOK_AGAIN))
                    .min(wait.deadline);
                run.op.cursor = Some(cursor);
                run.op.wait = Some(wait);
                run.commit().await?;
                tokio::time::sleep(now.age_at(until)).await;
            }
        }
    }
    vifs::detach_all(run).await?;
    forget_instance(&mut run.node);
    forget_steps(&mut run.node);
    run.node.deploy_step = JsonObject::new();
    run.node.service_step = JsonObject::new();
    run.raise(Event::Clean)?;
    if skips_cleaning(&run.node, &run.ctx().config) {
        run.raise(end_event(&run.node, OperationKind::Clean))?;
        return run.finish().await;
    }
    let mut clean = Operation::new(
        OperationKind::Clean,
        &run.node.uuid,
        &run.op.request_id,
        JsonObject::new(),
    );
    phases::PREPARE.clone_into(&mut clean.phase);
    run.become_operation(clean).await?;
    Ok(Next::Phase)
}
