//! What a failure makes of a node: its state, `last_error`, history, and whether it goes into maintenance.
//!
//! [`apply`] is the rule, pure. [`fail_waiting`] is for what runs by the clock and finds that a node waited too long.

use std::sync::Arc;

use ironbark_model::history::HistoryEntry;
use ironbark_model::node::fault;
use ironbark_model::operation::{OperationKind, WaitOn};
use ironbark_model::{Event, JsonObject, Node, Operation, ProvisionState, Result, Timestamp};

use crate::context::Context;
use crate::operations::{self, states};
use crate::reserve::Held;

/// Longest text that `last_error` takes, in characters; a driver's message may be of any length.
const MAX_LAST_ERROR: usize = 4000;

/// Puts the node into the state that a failed operation of `kind` leads to, with `message` as its `last_error`.
///
/// The node is in maintenance afterwards only if a cleaning or service step was running: then nobody knows what the machine
/// is like. Returns the record for the node's history.
pub fn apply(node: &mut Node, kind: OperationKind, message: &str, host: &str) -> HistoryEntry {
    let entry = history_error(node, event_type(kind), message, host);
    let message = shorten(message);
    match kind {
        OperationKind::Power => node.target_power_state = None,
        OperationKind::Clean => {
            if !node.clean_step.is_empty() {
                set_fault(node, fault::CLEAN_FAILURE, &message);
            }
            node.clean_step = JsonObject::new();
        }
        OperationKind::Service => {
            if !node.service_step.is_empty() {
                set_fault(node, fault::SERVICE_FAILURE, &message);
            }
            node.service_step = JsonObject::new();
        }
        OperationKind::Deploy => node.deploy_step = JsonObject::new(),
        OperationKind::TearDown => operations::forget_instance(node),
        OperationKind::Adopt => node.power_state = None,
        OperationKind::Rescue => operations::rescue::forget_password(node),
        // Nobody knows what the machine runs.
        OperationKind::CleanUp => set_fault(node, fault::SERVICE_FAILURE, &message),
        OperationKind::Verify
        | OperationKind::Inspect
        | OperationKind::Unrescue
        | OperationKind::TakeOver
        | OperationKind::ChildStep => {}
    }
    operations::forget_steps(node);
    let provisioning = !matches!(
        kind,
        OperationKind::Power
            | OperationKind::TakeOver
            | OperationKind::ChildStep
            | OperationKind::CleanUp
    );
    if provisioning {
        // What is held can't fail, but it can be given up, which leads to the same states. Elsewhere the node stays.
        let state = node.provision_state;
        let way = [Event::Fail, Event::Abort]
            .into_iter()
            .find(|event| state.next(*event).is_some());
        if let Some(event) = way {
            let _ = states::advance(node, event);
        }
    }
    node.last_error = Some(message);
    entry
}

/// Fails the operation of a node that waits, because `reason`; `false` if it doesn't wait any more, or is held by somebody.
///
/// For time-outs of wait states. A step that named a deadline of its own, and waits for a time or an event, is left alone:
/// it fails by that deadline.
pub async fn fail_waiting(ctx: &Arc<Context>, node_uuid: &str, reason: &str) -> Result<bool> {
    let permit = ctx.workers.permit()?;
    let held = match Held::try_acquire(ctx, node_uuid).await {
        Ok(held) => held,
        Err(error) if error.kind() == ironbark_model::ErrorKind::NodeLocked => return Ok(false),
        Err(error) => return Err(error),
    };
    let (node, operation) = operations::read_held(&held).await?;
    if !node.provision_state.is_waiting() {
        held.release().await?;
        return Ok(false);
    }
    let Some(operation) = operation else {
        fail_without_operation(held, node, reason).await?;
        return Ok(true);
    };
    let own_deadline = operation
        .wait
        .as_ref()
        .is_some_and(|wait| wait.on != WaitOn::Agent && wait.deadline > Timestamp::now());
    if own_deadline {
        held.release().await?;
        return Ok(false);
    }
    operations::launch_failure(permit, held, node, operation, reason).await?;
    Ok(true)
}

/// Moves a node whose work left no journal to its fail state. Takes the holding with it.
pub async fn fail_without_operation(held: Held, mut node: Node, reason: &str) -> Result<()> {
    let kind = kind_of(node.provision_state);
    let host = held.context().host().to_owned();
    let entry = apply(&mut node, kind, reason, &host);
    node.target_power_state = None;
    operations::forget_ramdisk(&mut node);
    let mut tx = held.begin().await?;
    tx.save_node(&node).await?;
    tx.history_add(&entry).await?;
    held.commit_and_release(tx).await
}

/// Gives up what waited beneath another operation and can't be read any more: the node goes to its fail state, and says why.
pub(crate) fn lose_parked(
    node: &mut Node,
    error: &ironbark_model::Error,
    host: &str,
) -> HistoryEntry {
    let reason = format!(
        "What the node waited for in the state {} is given up: {error}",
        node.provision_state
    );
    apply(node, kind_of(node.provision_state), &reason, host)
}

/// A record of an error for the node's history. The node's state is that before the failure.
pub fn history_error(node: &Node, event_type: &str, message: &str, host: &str) -> HistoryEntry {
    history(node, "ERROR", event_type, message, host)
}

/// A record that an operation began, for the node's history.
pub(crate) fn history_started(operation: &Operation, node: &Node, host: &str) -> HistoryEntry {
    let message = format!("Started: {}", operation.kind);
    let entry = history(node, "INFO", event_type(operation.kind), &message, host);
    asked_by(entry, operation)
}

/// A record that an operation is over and went well, for the node's history.
pub(crate) fn history_finished(operation: &Operation, node: &Node, host: &str) -> HistoryEntry {
    let message = format!("Finished: {}", operation.kind);
    let entry = history(node, "INFO", event_type(operation.kind), &message, host);
    ended(entry, operation)
}

/// The record of an operation's end, with who asked for the operation and how many whole seconds it took.
pub(crate) fn ended(entry: HistoryEntry, operation: &Operation) -> HistoryEntry {
    let took = operation.created_at.age_at(Timestamp::now());
    HistoryEntry {
        duration_seconds: i64::try_from(took.as_secs()).ok(),
        ..asked_by(entry, operation)
    }
}

fn asked_by(entry: HistoryEntry, operation: &Operation) -> HistoryEntry {
    HistoryEntry {
        user: operation.asked_by().map(str::to_owned),
        ..entry
    }
}

/// What history calls work of this kind.
pub(crate) fn event_type(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Power => "power",
        OperationKind::Verify => "verify",
        OperationKind::Deploy => "deploying",
        OperationKind::TearDown => "unprovision",
        OperationKind::Clean => "cleaning",
        OperationKind::Inspect => "introspection",
        OperationKind::Adopt => "adoption",
        OperationKind::Rescue | OperationKind::Unrescue => "rescue",
        OperationKind::Service | OperationKind::CleanUp => "servicing",
        OperationKind::TakeOver => "takeover",
        OperationKind::ChildStep => "conductor",
    }
}

fn history(
    node: &Node,
    severity: &str,
    event_type: &str,
    message: &str,
    host: &str,
) -> HistoryEntry {
    HistoryEntry {
        uuid: ironbark_model::ident::new_uuid(),
        node_uuid: node.uuid.clone(),
        created_at: Some(Timestamp::now()),
        severity: severity.to_owned(),
        event_type: event_type.to_owned(),
        event: message.to_owned(),
        conductor: Some(host.to_owned()),
        state: Some(node.provision_state.to_string()),
        target_provision_state: node.target_provision_state.map(|state| state.to_string()),
        ..HistoryEntry::default()
    }
}

pub(crate) fn set_fault(node: &mut Node, fault: &str, message: &str) {
    node.maintenance = true;
    node.maintenance_reason = Some(message.to_owned());
    node.fault = Some(fault.to_owned());
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(MAX_LAST_ERROR) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

fn kind_of(state: ProvisionState) -> OperationKind {
    use ProvisionState as S;
    match state {
        S::Verifying => OperationKind::Verify,
        S::Deploying | S::WaitCallBack | S::DeployHold => OperationKind::Deploy,
        S::Cleaning | S::CleanWait | S::CleanHold => OperationKind::Clean,
        S::Inspecting | S::InspectWait => OperationKind::Inspect,
        S::Adopting => OperationKind::Adopt,
        S::Rescuing | S::RescueWait => OperationKind::Rescue,
        S::Unrescuing => OperationKind::Unrescue,
        S::Deleting => OperationKind::TearDown,
        S::Servicing | S::ServiceWait | S::ServiceHold => OperationKind::Service,
        _ => OperationKind::Power,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn step() -> JsonObject {
        json!({"step": "erase", "interface": "deploy"})
            .as_object()
            .unwrap()
            .clone()
    }

    #[test]
    fn each_kind_of_work_fails_into_its_own_state() {
        use OperationKind as K;
        use ProvisionState as S;
        for (kind, from, to) in [
            (K::Verify, S::Verifying, S::Enroll),
            (K::Deploy, S::Deploying, S::DeployFailed),
            (K::Deploy, S::WaitCallBack, S::DeployFailed),
            (K::Clean, S::Cleaning, S::CleanFailed),
            (K::Clean, S::CleanWait, S::CleanFailed),
            (K::TearDown, S::Deleting, S::Error),
            (K::Adopt, S::Adopting, S::AdoptFailed),
            (K::Service, S::Servicing, S::ServiceFailed),
            (K::Service, S::ServiceHold, S::ServiceFailed),
            (K::Rescue, S::Rescuing, S::RescueFailed),
            (K::Unrescue, S::Unrescuing, S::UnrescueFailed),
            (K::Inspect, S::Inspecting, S::InspectFailed),
            (K::Power, S::Active, S::Active),
            (K::TakeOver, S::Active, S::Active),
            (K::CleanUp, S::Active, S::Active),
        ] {
            let mut node = Node {
                provision_state: from,
                ..Node::default()
            };
            let entry = apply(&mut node, kind, "it broke", "host-a");
            assert_eq!(node.provision_state, to, "{kind}");
            assert_eq!(node.last_error.as_deref(), Some("it broke"));
            assert_eq!(node.maintenance, kind == K::CleanUp, "{kind}: no step ran");
            assert_eq!(entry.severity, "ERROR");
            assert_eq!(entry.state.as_deref(), Some(from.as_str()));
        }
    }

    #[test]
    fn a_cleaning_or_service_step_that_was_running_brings_maintenance() {
        let mut node = Node {
            provision_state: ProvisionState::Cleaning,
            clean_step: step(),
            ..Node::default()
        };
        apply(&mut node, OperationKind::Clean, "no", "h");
        assert!(node.maintenance && node.clean_step.is_empty());
        assert_eq!(node.fault.as_deref(), Some(fault::CLEAN_FAILURE));
        assert_eq!(node.maintenance_reason.as_deref(), Some("no"));

        let mut node = Node {
            provision_state: ProvisionState::Servicing,
            service_step: step(),
            ..Node::default()
        };
        apply(&mut node, OperationKind::Service, "no", "h");
        assert_eq!(node.fault.as_deref(), Some(fault::SERVICE_FAILURE));

        let mut node = Node {
            provision_state: ProvisionState::Deploying,
            deploy_step: step(),
            ..Node::default()
        };
        apply(&mut node, OperationKind::Deploy, "no", "h");
        assert!(!node.maintenance && node.deploy_step.is_empty());
    }

    #[test]
    fn a_failed_tear_down_forgets_the_instance_all_the_same() {
        let mut node = Node {
            provision_state: ProvisionState::Deleting,
            instance_uuid: Some("i".into()),
            instance_info: step(),
            ..Node::default()
        };
        apply(&mut node, OperationKind::TearDown, "no", "h");
        assert!(node.instance_uuid.is_none() && node.instance_info.is_empty());
    }

    #[test]
    fn a_failed_power_change_leaves_no_target_and_keeps_the_state() {
        let mut node = Node {
            provision_state: ProvisionState::Active,
            target_power_state: Some(ironbark_model::PowerState::On),
            power_state: Some(ironbark_model::PowerState::Off),
            ..Node::default()
        };
        apply(&mut node, OperationKind::Power, "no", "h");
        assert_eq!(node.target_power_state, None);
        assert_eq!(node.power_state, Some(ironbark_model::PowerState::Off));
    }

    #[test]
    fn endless_messages_are_cut_between_characters() {
        let mut node = Node::default();
        apply(&mut node, OperationKind::Power, &"ü".repeat(10_000), "h");
        assert_eq!(node.last_error.unwrap().chars().count(), MAX_LAST_ERROR + 1);
    }
}
