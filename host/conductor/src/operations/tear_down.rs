//! Tear-down: the instance is taken away, then the node is cleaned.

use ironbark_model::operation::OperationKind;
use ironbark_model::{Event, JsonObject, Operation};
use ironbark_sandbox::Outcome;

use super::clean::{end_event, skips_cleaning};
use super::step_run::wait_in_worker;
use super::{Next, Phase, Run, forget_instance, forget_steps, phase as phases, volumes};
use crate::vifs;

/// The one phase of a tear-down. There is no state to wait in: the worker keeps the node while the driver waits.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let cleaned_up = run.call().deploy_clean_up().await?;
    run.settle(cleaned_up).await?;
    loop {
        let cursor = run.op.cursor.clone();
        let called = run.call().deploy_tear_down(cursor).await?;
        match run.keep(called) {
            Outcome::Done => break,
            Outcome::Wait(wait) => wait_in_worker(run, wait, "take the instance away").await?,
        }
    }
    volumes::detach(run).await?;
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
    )
    .by(run.op.asked_by());
    phases::PREPARE.clone_into(&mut clean.phase);
    run.become_operation(clean).await?;
    Ok(Next::Phase)
}
