//! Changes of power. Each phase looks at the machine, acts if it must, and looks again until the target is reached: so each may
//! run again after an interruption, and a restart never ends half-way.

use std::sync::Arc;
use std::time::Duration;

use ironbark_model::operation::OperationKind;
use ironbark_model::{
    Error, ErrorKind, InterfaceKind, JsonObject, Node, Operation, PowerState, PowerTarget, Result,
    Timestamp,
};
use ironbark_sandbox::PowerReading;
use serde_json::{Value, json};

use super::phase::power as phases;
use super::{Next, Phase, Run, Trouble, accept_instead, family, forget_agent, volumes};
use crate::call::{Called, Ports};
use crate::config::Config;
use crate::context::Context;
use crate::reserve::Held;
use crate::workers::Permit;

/// First and longest pause between two looks at the machine.
const POLL_FIRST: Duration = Duration::from_millis(100);
const POLL_LONGEST: Duration = Duration::from_secs(2);

/// Accepts a change of power: afterwards the node shows the target, and a worker is at it.
pub(crate) async fn begin_power(
    permit: Permit,
    held: Held,
    mut node: Node,
    ports: Ports,
    request: PowerRequest<'_>,
) -> Result<()> {
    let PowerRequest {
        target,
        timeout,
        native_reboot,
        waiting,
        request_id,
        user,
    } = request;
    let mut args = JsonObject::new();
    args.insert("target".to_owned(), json!(target.as_str()));
    if let Some(seconds) = timeout {
        args.insert("timeout".to_owned(), json!(seconds));
    }
    let mut operation = Operation::new(OperationKind::Power, &node.uuid, request_id, args).by(user);
    operation.phase = first_phase(target, native_reboot).to_owned();
    node.target_power_state = Some(target.reached());
    // In a failed state the error says why the node is there: it stays.
    if !node.provision_state.is_failed() {
        node.last_error = None;
    }
    if let Some(waiting) = &waiting {
        operation.park(waiting)?;
    }
    accept_instead(permit, held, node, operation, ports, waiting.as_ref()).await
}

/// The operation that waits on a node that is held (in a wait state, or parked): its power may be changed meanwhile.
///
/// Nothing waits in a stable state, so nobody looks; where something is there all the same, opening another is a conflict.
///
/// # Errors
/// `Conflict` while work whose conductor stopped wasn't taken over yet.
pub(crate) async fn waiting_on(ctx: &Context, node: &Node) -> Result<Option<Operation>> {
    if node.provision_state.is_stable() {
        return Ok(None);
    }
    match ctx.db.operation_of(&node.uuid).await? {
        Some(operation) if operation.wait.is_none() => Err(Error::conflict(format!(
            "Node {} has an operation ({}) that is about to be carried on; ask again in some seconds.",
            node.uuid, operation.kind
        ))),
        waiting => Ok(waiting),
    }
}

/// A change of power that is asked for.
pub(crate) struct PowerRequest<'a> {
    /// What is wanted.
    pub(crate) target: PowerTarget,
    /// How long it may take, in seconds.
    pub(crate) timeout: Option<u32>,
    /// The driver restarts in one go.
    pub(crate) native_reboot: bool,
    /// An operation that waits on the node: it waits on when the change is over.
    pub(crate) waiting: Option<Operation>,
    /// The request that this is part of.
    pub(crate) request_id: &'a str,
    /// Whose request that is, if it is known.
    pub(crate) user: Option<&'a str>,
}

/// One phase of a change of power.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let target = read_target(&run.op)?;
    let timeout = read_timeout(&run.op);
    if run.op.phase != phases::ON {
        family::prepare(run, target).await?;
    }
    match run.op.phase.as_str() {
        phases::RESTART => {
            restart(run, target, timeout).await?;
            done(run, target).await
        }
        phases::OFF => {
            let off = if target.is_soft() {
                PowerTarget::SoftOff
            } else {
                PowerTarget::Off
            };
            change(
                run,
                off,
                limit(off, timeout, &run.ctx().config),
                first_look(run),
            )
            .await?;
            // Also if it never comes up again: what ran before is gone.
            forget_agent(&mut run.node);
            run.enter(phases::ON);
            run.op.deadline = None;
            run.commit().await?;
            Ok(Next::Phase)
        }
        phases::ON => {
            change(
                run,
                PowerTarget::On,
                limit(PowerTarget::On, None, &run.ctx().config),
                // The machine lost its power just now: its BMC may need a moment.
                FirstLook::Patient,
            )
            .await?;
            done(run, target).await
        }
        _ => {
            change(
                run,
                target,
                limit(target, timeout, &run.ctx().config),
                first_look(run),
            )
            .await?;
            done(run, target).await
        }
    }
}

/// What becomes of a change if the first look at the machine tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    /// It fails at once: nobody told the machine anything that could keep it busy.
    Strict,
    /// It is borne as at every later look: the machine was told something just before.
    Patient,
}

/// Looks, asks for `target` unless it is there already, and waits until it is reached. For `on`, `off` and `soft off`. Gives what
/// the first look found.
pub(super) async fn change(
    run: &mut Run,
    target: PowerTarget,
    limit: Duration,
    first: FirstLook,
) -> Result<PowerState, Trouble> {
    let wanted = target.reached();
    let now = match first {
        FirstLook::Strict => run.known_power().await?,
        FirstLook::Patient => first_known(run, wanted, limit).await?,
    };
    if now == wanted {
        return Ok(now);
    }
    volumes::attach_if_active(run, target).await?;
    let called = run
        .call()
        .set_power_state(target, timeout_seconds(Some(limit)))
        .await?;
    keep_or_settle(run, called).await?;
    reach(run, wanted, limit).await?;
    Ok(now)
}

/// Has the driver restart the machine in one go, and waits until it is on. Whatever ran on it before is gone from then on.
pub(super) async fn restart(
    run: &mut Run,
    target: PowerTarget,
    timeout: Option<Duration>,
) -> Result<(), Trouble> {
    volumes::attach_if_active(run, target).await?;
    let called = run.call().reboot(timeout_seconds(timeout)).await?;
    forget_agent(&mut run.node);
    keep_or_settle(run, called).await?;
    let limit = limit(target, timeout, &run.ctx().config);
    reach(run, PowerState::On, limit).await
}

/// What a driver noted about a machine that it told something is stored at once. One that reaches no machine has only its notes:
/// they may come with what follows.
async fn keep_or_settle(run: &mut Run, called: Called<()>) -> Result<(), Trouble> {
    if run.call().reaches_machine(InterfaceKind::Power)? {
        run.settle(called).await
    } else {
        run.keep(called);
        Ok(())
    }
}

/// How long a change to `target` may take if the caller didn't say.
pub(super) fn limit(target: PowerTarget, asked: Option<Duration>, config: &Config) -> Duration {
    asked.unwrap_or(if target.is_soft() {
        config.soft_power_off_timeout
    } else {
        config.power_state_change_timeout
    })
}

/// Brings the power of a node back to what the database says, as power sync does.
pub(crate) async fn correct(
    ctx: &Arc<Context>,
    held: Held,
    node: Node,
    target: PowerTarget,
    request_id: &str,
) -> Result<()> {
    let permit = ctx.workers.permit()?;
    let request = PowerRequest {
        target,
        timeout: None,
        native_reboot: false,
        waiting: None,
        request_id,
        user: None,
    };
    begin_power(permit, held, node, Ports::default(), request).await
}

async fn done(run: &mut Run, target: PowerTarget) -> Phase {
    let before = run.node.power_state;
    run.node.power_state = Some(target.reached());
    run.node.target_power_state = None;
    let lost_power = target != PowerTarget::On || before == Some(PowerState::Off);
    if lost_power {
        forget_agent(&mut run.node);
    }
    tracing::info!(wanted = %target, "the power change is reached");
    run.finish().await
}

/// A change that is carried on may have told the machine already.
fn first_look(run: &Run) -> FirstLook {
    if run.op.resumes > 0 {
        FirstLook::Patient
    } else {
        FirstLook::Strict
    }
}

/// Polls until the machine says how it is. A BMC that doesn't answer for a while is borne until the time is over.
async fn first_known(
    run: &mut Run,
    wanted: PowerState,
    limit: Duration,
) -> Result<PowerState, Trouble> {
    poll(run, wanted, limit, |_| true).await
}

/// Polls until the machine is as `wanted`, in the same way.
async fn reach(run: &mut Run, wanted: PowerState, limit: Duration) -> Result<(), Trouble> {
    poll(run, wanted, limit, |seen| seen == wanted)
        .await
        .map(drop)
}

async fn poll(
    run: &mut Run,
    wanted: PowerState,
    limit: Duration,
    enough: impl Fn(PowerState) -> bool,
) -> Result<PowerState, Trouble> {
    let deadline = match run.op.deadline {
        Some(deadline) if run.op.kind == OperationKind::Power => deadline,
        _ => Timestamp::now().plus(limit),
    };
    let mut pause = POLL_FIRST;
    loop {
        let seen = match run.read_power().await {
            Ok(PowerReading::Unknown(reason)) => reason,
            Ok(reading) => match reading.state() {
                Some(state) if enough(state) => return Ok(state),
                Some(state) => state.to_string(),
                None => "unknown".to_owned(),
            },
            Err(Trouble::Failed(error) | Trouble::Stranded(error)) if passes(error.kind()) => {
                error.to_string()
            }
            Err(error) => return Err(error),
        };
        if Timestamp::now() >= deadline {
            return Err(Trouble::Failed(Error::new(
                ErrorKind::GatewayTimeout,
                format!(
                    "the node did not reach '{wanted}' within {} s; last seen: {seen}",
                    limit.as_secs()
                ),
            )));
        }
        // A change that is reached at once is stored with its end; one that isn't may be interrupted meanwhile.
        run.store_kept().await?;
        let left = Timestamp::now().age_at(deadline);
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(POLL_LONGEST);
    }
}

/// Whether such an error of a look at the machine may be gone at the next one: a BMC that is busy with the change, or we.
fn passes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BadGateway | ErrorKind::GatewayTimeout | ErrorKind::Busy | ErrorKind::Overloaded
    )
}

fn first_phase(target: PowerTarget, native_reboot: bool) -> &'static str {
    match target {
        PowerTarget::On | PowerTarget::Off | PowerTarget::SoftOff => phases::SET,
        PowerTarget::Reboot if native_reboot => phases::RESTART,
        PowerTarget::Reboot | PowerTarget::SoftReboot => phases::OFF,
    }
}

fn read_target(operation: &Operation) -> Result<PowerTarget, Trouble> {
    operation
        .args
        .get("target")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .parse()
        .map_err(Trouble::Failed)
}

fn read_timeout(operation: &Operation) -> Option<Duration> {
    operation
        .args
        .get("timeout")
        .and_then(Value::as_u64)
        .map(Duration::from_secs)
}

fn timeout_seconds(timeout: Option<Duration>) -> Option<u32> {
    timeout.and_then(|timeout| u32::try_from(timeout.as_secs()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_off_and_on_unless_the_driver_does_it_in_one_go() {
        for (target, native, phase) in [
            (PowerTarget::On, false, phases::SET),
            (PowerTarget::Off, true, phases::SET),
            (PowerTarget::SoftOff, true, phases::SET),
            (PowerTarget::Reboot, false, phases::OFF),
            (PowerTarget::Reboot, true, phases::RESTART),
            (PowerTarget::SoftReboot, true, phases::OFF),
        ] {
            assert_eq!(first_phase(target, native), phase, "{target} {native}");
        }
    }

    #[test]
    fn soft_changes_take_longer_and_the_caller_decides() {
        let config = Config::default();
        assert_eq!(
            limit(PowerTarget::Off, None, &config),
            Duration::from_secs(60)
        );
        assert_eq!(
            limit(PowerTarget::SoftOff, None, &config),
            Duration::from_secs(600)
        );
        let asked = Some(Duration::from_secs(7));
        assert_eq!(
            limit(PowerTarget::SoftOff, asked, &config),
            Duration::from_secs(7)
        );
    }
}
