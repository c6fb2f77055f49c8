//! Running the steps of an operation, one after another.
//!
//! Before a step is handed to its driver the journal says that it was, and with which package. When it returns, one transaction
//! stores what it did and that the next one is handed over. So an interruption finds either a step that ended, or one of which
//! it is known that it may have begun.

use std::time::Duration;

use ironbark_model::operation::{OperationKind, PlannedStep, Wait, WaitOn};
use ironbark_model::step::{ReservedStep, StepKind};
use ironbark_model::{
    Error, ErrorKind, Event, InterfaceKind, JsonObject, Operation, PowerState, PowerTarget,
    Timestamp,
};
use ironbark_sandbox as sandbox;
use serde_json::{Value, json};

use super::power::FirstLook;
use super::steps::{self, CONDUCTOR};
use super::{
    Next, Phase, Run, Trouble, caches, children, failing, family, forget_agent, phase, power,
    restore,
};

/// A time that never comes: holds have no deadline.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// How long between two looks when the driver waits for something that it doesn't name a time for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How a step, or a part of it, ended.
pub(super) enum Ended {
    Done,
    Wait(Wait, Value),
    Hold,
}

/// Runs the current step. With none left the next phase is `finish`.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let Some(planned) = run.op.current_step().cloned() else {
        run.enter(phase::FINISH);
        return Ok(Next::Phase);
    };
    if !run.op.step_started {
        hand_over(run, run.op.step_index)?;
        run.commit().await?;
    }
    let step = planned.step.full_name();
    tracing::info!(step = %step, cursor = run.op.cursor.is_some(), "running a step");
    match execute(run, &planned).await {
        Ok(Ended::Done) => end(run).await,
        Ok(Ended::Wait(wait, cursor)) => {
            run.op.cursor = Some(cursor);
            run.raise(Event::Wait)?;
            run.part(wait).await
        }
        Ok(Ended::Hold) => {
            run.op.cursor = Some(json!({"held": true}));
            run.raise(Event::Hold)?;
            run.part(Wait {
                on: WaitOn::External,
                poll_at: None,
                deadline: NEVER,
                message: Some("held until the operator says unhold".to_owned()),
            })
            .await
        }
        // All checks run, so that the operator reads of all problems at once.
        Err(Trouble::Failed(error)) if run.op.kind == OperationKind::Verify => {
            note_failure(&mut run.op.args, &format!("{step}: {error}"));
            end(run).await
        }
        Err(trouble) => Err(trouble),
    }
}

/// Marks the step at `index` as handed to its driver, and pins the package that begins it; not stored yet.
///
/// Without a step at `index` all are done, and the next phase is `finish`.
pub(super) fn hand_over(run: &mut Run, index: usize) -> Result<(), Trouble> {
    run.op.step_index = index;
    run.op.cursor = None;
    run.op.package_digest = None;
    let Some(planned) = run.op.current_step().cloned() else {
        run.op.step_started = false;
        run.enter(phase::FINISH);
        show(run, JsonObject::new());
        return Ok(());
    };
    run.enter(phase::STEPS);
    run.op.step_started = true;
    if planned.implementation != CONDUCTOR {
        run.op.package_digest = run
            .call()
            .package_of(planned.step.interface, &planned.implementation)?;
    }
    let shown = serde_json::to_value(&planned.step)
        .ok()
        .and_then(|value| value.as_object().cloned())
        .unwrap_or_default();
    show(run, shown);
    Ok(())
}

/// Checks that steps noted as failed while the others went on.
pub(super) fn noted_failures(run: &Run) -> Option<String> {
    let failures: Vec<&str> = run
        .op
        .args
        .get("failures")?
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    (!failures.is_empty()).then(|| failures.join("; "))
}

/// What a driver waits for when the whole operation is one wait after another: the first deadline holds, however often it waits
/// again.
pub(super) fn within_first_deadline(run: &mut Run, wait: Wait) -> Result<Wait, Trouble> {
    let deadline = *run.op.deadline.get_or_insert(wait.deadline);
    if deadline <= Timestamp::now() {
        return Err(Trouble::Failed(Error::new(
            ErrorKind::GatewayTimeout,
            "the driver was not done by its own deadline",
        )));
    }
    Ok(Wait {
        deadline: wait.deadline.min(deadline),
        ..wait
    })
}

/// Waits where there is no state to wait in: the worker keeps the node, and what the driver noted is stored together with its
/// cursor. The first deadline holds, however often it waits again; `to` says what it is to do by then.
pub(super) async fn wait_in_worker(
    run: &mut Run,
    wait: sandbox::Wait,
    to: &str,
) -> Result<(), Trouble> {
    let (wait, cursor) = waiting(wait);
    sit_out(run, wait, cursor, to).await
}

/// As [`wait_in_worker`], for what is in the journal's terms already.
pub(super) async fn sit_out(
    run: &mut Run,
    mut wait: Wait,
    cursor: Value,
    to: &str,
) -> Result<(), Trouble> {
    if let Some(before) = &run.op.wait {
        wait.deadline = before.deadline.min(wait.deadline);
    }
    let now = Timestamp::now();
    if wait.deadline <= now {
        return Err(Trouble::Failed(Error::new(
            ErrorKind::GatewayTimeout,
            format!("the driver did not {to} before its own deadline"),
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
    Ok(())
}

/// Translates what a driver waits for into the journal's terms.
pub(super) fn waiting(wait: sandbox::Wait) -> (Wait, Value) {
    let now = Timestamp::now();
    let in_seconds = |seconds: u32| now.plus(Duration::from_secs(u64::from(seconds)));
    let (on, poll_at) = match wait.on {
        sandbox::WaitOn::Agent => (WaitOn::Agent, None),
        sandbox::WaitOn::PollAfter(seconds) => (WaitOn::PollAfter, Some(in_seconds(seconds))),
        sandbox::WaitOn::External => (WaitOn::External, None),
    };
    let waits = Wait {
        on,
        poll_at,
        deadline: in_seconds(wait.deadline),
        message: wait.message,
    };
    (waits, wait.cursor)
}

/// The kind of the steps of an operation.
pub(crate) fn step_kind(kind: OperationKind) -> StepKind {
    match kind {
        OperationKind::Deploy => StepKind::Deploy,
        OperationKind::Service => StepKind::Service,
        OperationKind::Verify => StepKind::Verify,
        _ => StepKind::Clean,
    }
}

async fn end(run: &mut Run) -> Phase {
    let interface = run.op.current_step().map(|planned| planned.step.interface);
    let abort_after = run
        .op
        .current_step()
        // After the last one there is nothing to give up any more.
        .filter(|planned| planned.step.abort_after && !is_last(&run.op))
        .map(|planned| planned.step.full_name());
    if let Some(step) = abort_after {
        let kind = run.op.kind;
        // The step ended well: the machine is in no doubtful state, so that no maintenance is needed.
        show(run, JsonObject::new());
        let message =
            format!("By request, the {kind} operation was aborted after the step {step}.");
        if kind == OperationKind::Service {
            return restore::instead(run, &message).await;
        }
        failing::mark(&mut run.op, &message);
        run.commit().await?;
        return Ok(Next::Phase);
    }
    let next = run.op.step_index.saturating_add(1);
    hand_over(run, next)?;
    let changed = interface.filter(|interface| {
        matches!(
            interface,
            InterfaceKind::Bios | InterfaceKind::Firmware | InterfaceKind::Raid
        )
    });
    // In the journal, so that it is looked at even if nobody gets to it here.
    if let Some(interface) = changed {
        caches::note_changed(&mut run.op, interface);
    }
    // What ends without another driver call is stored together with its end.
    let ends_at_once = run.op.phase == phase::FINISH
        && matches!(run.op.kind, OperationKind::Deploy | OperationKind::Verify)
        && changed.is_none();
    if !ends_at_once {
        run.commit().await?;
    }
    // That the step ended is stored already: what it changed is only looked at.
    caches::read_changed(run).await?;
    Ok(Next::Phase)
}

fn is_last(operation: &Operation) -> bool {
    operation.step_index.saturating_add(1) >= operation.steps.len()
}

async fn execute(run: &mut Run, planned: &PlannedStep) -> Result<Ended, Trouble> {
    if planned.step.execute_on_child_nodes {
        return children::execute(run, planned).await;
    }
    if planned.implementation == CONDUCTOR {
        return match planned.step.reserved() {
            Some(reserved) => execute_reserved(run, reserved, &planned.step.args).await,
            None => Err(Trouble::Failed(Error::internal(
                "the conductor has no step of this name",
            ))),
        };
    }
    let cursor = run.op.cursor.clone();
    let digest = run.op.package_digest.clone();
    let kind = step_kind(run.op.kind);
    let called = run
        .call()
        .execute_step(kind, planned, digest.as_deref(), cursor)
        .await?;
    Ok(match run.keep(called) {
        sandbox::Outcome::Done => Ended::Done,
        sandbox::Outcome::Wait(wait) => {
            let (wait, cursor) = waiting(wait);
            Ended::Wait(wait, cursor)
        }
    })
}

/// The conductor's own steps. They look before they act, so that they are resumed after an interruption.
pub(super) async fn execute_reserved(
    run: &mut Run,
    step: ReservedStep,
    args: &JsonObject,
) -> Result<Ended, Trouble> {
    let came_back = run.op.cursor.is_some();
    match step {
        ReservedStep::Hold if came_back => {}
        ReservedStep::Hold => return Ok(Ended::Hold),
        ReservedStep::Wait if came_back => {}
        ReservedStep::Wait => {
            let now = Timestamp::now();
            let (on, poll_at, deadline) = match steps::wait_seconds(args)? {
                Some(seconds) => {
                    let end = now.plus(Duration::from_secs(u64::from(seconds)));
                    (WaitOn::PollAfter, Some(end), NEVER)
                }
                None => (WaitOn::Agent, None, NEVER),
            };
            let wait = Wait {
                on,
                poll_at,
                deadline,
                message: None,
            };
            return Ok(Ended::Wait(wait, json!({"waited": true})));
        }
        ReservedStep::PowerOn => {
            switch_too(run, PowerTarget::On, FirstLook::Strict).await?;
        }
        ReservedStep::PowerOff => {
            switch_too(run, PowerTarget::Off, FirstLook::Strict).await?;
        }
        ReservedStep::Reboot => {
            family::prepare(run, PowerTarget::Reboot).await?;
            reboot(run, came_back).await?;
        }
    }
    Ok(Ended::Done)
}

/// Switches the node, and first what has to be switched with it. Looks before it acts.
pub(super) async fn switch_too(
    run: &mut Run,
    target: PowerTarget,
    first: FirstLook,
) -> Result<(), Trouble> {
    family::prepare(run, target).await?;
    switch(run, target, first).await
}

/// Restarts the node as an operator's request does: in one go if its driver can, else off and on.
pub(super) async fn reboot(run: &mut Run, is_off: bool) -> Result<(), Trouble> {
    if run.call().native_reboot()? {
        power::restart(run, PowerTarget::Reboot, None).await?;
        run.node.power_state = Some(PowerState::On);
        return Ok(());
    }
    if !is_off {
        switch(run, PowerTarget::Off, FirstLook::Strict).await?;
        run.op.cursor = Some(json!({"off": true}));
        run.commit().await?;
    }
    switch(run, PowerTarget::On, FirstLook::Patient).await
}

async fn switch(run: &mut Run, target: PowerTarget, first: FirstLook) -> Result<(), Trouble> {
    if target == PowerTarget::Off && run.node.disable_power_off {
        return Err(Trouble::Failed(Error::conflict(
            "the node has disable_power_off set: it is not switched off",
        )));
    }
    let limit = power::limit(target, None, &run.ctx().config);
    let found = power::change(run, target, limit, first).await?;
    run.node.power_state = Some(target.reached());
    // What was on all the time may have an agent.
    if target == PowerTarget::Off || found != PowerState::On {
        forget_agent(&mut run.node);
    }
    Ok(())
}

/// Shows the step where the API has it.
fn show(run: &mut Run, step: JsonObject) {
    if let Some(shown) = run.node.step_mut(step_kind(run.op.kind)) {
        *shown = step;
    }
}

fn note_failure(args: &mut JsonObject, failure: &str) {
    let failures = args.entry("failures").or_insert_with(|| json!([]));
    if let Some(failures) = failures.as_array_mut() {
        failures.push(Value::from(failure));
    }
}
