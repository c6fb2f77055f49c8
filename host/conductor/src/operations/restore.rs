//! The end of a service that was given up: the machine runs its instance again. It is switched off, its driver takes away what was
//! prepared and has it boot its instance, and it is switched on.
//!
//! The node is `active` from the beginning, as clients know it from Ironic, and held until it is over.

use ironbark_db::Afterwards;
use ironbark_model::history::HistoryEntry;
use ironbark_model::operation::OperationKind;
use ironbark_model::{
    ErrorKind, Event, InterfaceKind, JsonObject, Node, Operation, PowerState, PowerTarget,
    ProvisionState, Result,
};
use ironbark_sandbox::Lock;
use serde_json::Value;

use super::clean::needs_ramdisk;
use super::phase::{self, restore as phases};
use super::power::FirstLook;
use super::step_run::{reboot, switch_too};
use super::{Next, Phase, Run, Trouble, drive, forget_ramdisk, forget_steps, states};
use crate::agent_token;
use crate::call::{Called, NodeCall, Patience, Ports};
use crate::failure;
use crate::reserve::Held;
use crate::workers::Permit;

/// Key of the arguments: whether the machine is on in the end.
const POWER_ON: &str = "power_on";

/// A request that gives a service up.
pub(crate) struct GivenUp<'a> {
    /// The service, if it isn't over.
    pub(crate) before: Option<&'a Operation>,
    /// What `last_error` says from now on.
    pub(crate) message: &'a str,
    /// The request.
    pub(crate) request_id: &'a str,
    /// Whose it is, if that is known.
    pub(crate) user: Option<&'a str>,
}

/// Accepts that a service is given up: the node is active, and what is to be done for that goes on in a worker.
pub(crate) async fn begin(
    permit: Permit,
    held: Held,
    mut node: Node,
    ports: Ports,
    given_up: GivenUp<'_>,
) -> Result<()> {
    let GivenUp {
        before,
        message,
        request_id,
        user,
    } = given_up;
    let ramdisk = match before {
        Some(before) => {
            let call = NodeCall {
                ctx: held.context(),
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
            had_ramdisk(&call, before)?
        }
        // Nobody wrote down what ran.
        None => true,
    };
    let host = held.context().host().to_owned();
    let entry = HistoryEntry {
        user: user.map(str::to_owned),
        ..record(&node, before, message, &host)
    };
    let operation = give_up(&mut node, ramdisk, message, request_id)?.by(user);
    let mut tx = held.begin_saving(&node, Afterwards::Keep).await?;
    if let Some(before) = before {
        tx.operation_close(&before.uuid).await?;
    }
    tx.operation_open(&operation).await?;
    tx.history_add(&entry).await?;
    tx.commit().await?;
    permit.spawn(drive(Run::of(held, node, operation, ports)));
    Ok(())
}

/// The same for a service under way, after a step at which it was to end.
pub(super) async fn instead(run: &mut Run, message: &str) -> Phase {
    let ramdisk = had_ramdisk(&run.call(), &run.op)?;
    let host = run.ctx().host().to_owned();
    let entry = record(&run.node, Some(&run.op), message, &host);
    run.record(entry);
    let request_id = run.op.request_id.clone();
    let next = give_up(&mut run.node, ramdisk, message, &request_id)?.by(run.op.asked_by());
    run.become_operation(next).await?;
    Ok(Next::Phase)
}

/// One phase of it.
pub(super) async fn phase(run: &mut Run) -> Phase {
    match run.op.phase.as_str() {
        phases::OFF => {
            if !run.node.disable_power_off {
                switch_too(run, PowerTarget::Off, FirstLook::Strict).await?;
            }
            run.enter(phases::BACK);
            run.commit().await?;
            Ok(Next::Phase)
        }
        phases::BACK => {
            let called = run.call().tear_down_service().await;
            take(run, called)?;
            if run.node.interface(InterfaceKind::Boot).is_some() {
                let called = run.call().prepare_instance().await;
                take(run, called)?;
            }
            let is_on = run.op.args.get(POWER_ON) == Some(&Value::Bool(true));
            run.enter(if is_on { phases::ON } else { phase::FINISH });
            run.commit().await?;
            Ok(Next::Phase)
        }
        phases::ON => {
            if run.node.disable_power_off {
                reboot(run, false).await?;
            } else {
                switch_too(run, PowerTarget::On, FirstLook::Patient).await?;
            }
            run.finish().await
        }
        _ => run.finish().await,
    }
}

/// Moves the node to `active`, where no ramdisk has access to it, and makes the operation that does what is to be done.
fn give_up(node: &mut Node, ramdisk: bool, message: &str, request_id: &str) -> Result<Operation> {
    // Unknown is never off.
    let was_on = node.power_state != Some(PowerState::Off) || has_agent(node);
    node.service_step = JsonObject::new();
    forget_steps(node);
    forget_ramdisk(node);
    if node.provision_state != ProvisionState::ServiceFailed {
        states::advance(node, Event::Fail)?;
    }
    states::advance(node, Event::Abort)?;
    node.last_error = Some(message.to_owned());
    let args = JsonObject::from_iter([(POWER_ON.to_owned(), Value::Bool(was_on))]);
    let mut operation = Operation::new(OperationKind::CleanUp, &node.uuid, request_id, args);
    let first = if ramdisk { phases::OFF } else { phase::FINISH };
    first.clone_into(&mut operation.phase);
    Ok(operation)
}

/// Whether a ramdisk may have run for a service: if its steps need one, or if an agent reported.
fn had_ramdisk(call: &NodeCall<'_>, service: &Operation) -> Result<bool> {
    Ok(has_agent(call.node) || needs_ramdisk(call, service)?)
}

fn has_agent(node: &Node) -> bool {
    agent_token::of(node).is_some() || node.driver_internal_info.contains_key("agent_url")
}

fn record(node: &Node, service: Option<&Operation>, message: &str, host: &str) -> HistoryEntry {
    let event_type = failure::event_type(OperationKind::Service);
    let entry = failure::history_error(node, event_type, message, host);
    match service {
        Some(service) => failure::ended(entry, service),
        None => entry,
    }
}

/// Keeps what a call wrote. What the driver doesn't have needn't be done.
pub(super) fn take(run: &mut Run, called: Result<Called<()>>) -> std::result::Result<(), Trouble> {
    match called {
        Ok(called) => {
            run.keep(called);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn node(state: ProvisionState, power_state: Option<PowerState>) -> Node {
        Node {
            provision_state: state,
            power_state,
            ..Node::default()
        }
    }

    #[test]
    fn what_was_given_up_is_active_and_has_no_agent() {
        use ProvisionState as S;
        for state in [
            S::Servicing,
            S::ServiceWait,
            S::ServiceHold,
            S::ServiceFailed,
        ] {
            let mut node = node(state, Some(PowerState::Off));
            agent_token::mint(&mut node);
            let operation = give_up(&mut node, true, "given up", "req-1").unwrap();
            assert_eq!(node.provision_state, S::Active, "{state}");
            assert!(!has_agent(&node));
            assert_eq!(node.last_error.as_deref(), Some("given up"));
            assert_eq!(operation.phase, phases::OFF);
            assert_eq!(operation.args[POWER_ON], true, "its agent ran");
        }
    }

    #[test]
    fn a_machine_without_a_ramdisk_is_left_alone_and_one_that_was_off_stays_off() {
        let on = |power_state| {
            let mut node = node(ProvisionState::ServiceHold, power_state);
            let operation = give_up(&mut node, false, "given up", "req-1").unwrap();
            assert_eq!(operation.phase, phase::FINISH);
            operation.args[POWER_ON].as_bool().unwrap()
        };
        assert!(on(Some(PowerState::On)) && on(None));
        assert!(!on(Some(PowerState::Off)));
    }
}
