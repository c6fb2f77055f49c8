//! An agent's heartbeat: whether it is the node's, what is remembered of it, and the work that waited for it.

use std::sync::Arc;

use ironbark_model::operation::WaitOn;
use ironbark_model::{
    Error, ErrorKind, Event, JsonObject, Node, ProvisionState, Result, Timestamp,
};
use ironbark_rpc::{Heartbeat, Reply};
use serde_json::Value;

use super::find;
use crate::agent_token;
use crate::config::Config;
use crate::context::Context;
use crate::operations;
use crate::reserve::Held;

/// Keys of `driver_internal_info`.
const URL: &str = "agent_url";
const VERSION: &str = "agent_version";
const VERIFY_CA: &str = "agent_verify_ca";
const STATUS: &str = "agent_status";
const STATUS_MESSAGE: &str = "agent_status_message";

/// Hears an agent. One that is the node's is answered well also where there is nothing to do for it.
pub(super) async fn hear(ctx: &Arc<Context>, uuid: &str, beat: Heartbeat) -> Result<Reply> {
    let node = find(ctx, uuid).await?;
    check(&node, &beat, &ctx.config)?;
    if !node.provision_state.hears_agent() {
        return Ok(Reply::Done);
    }
    let held = Held::try_acquire_and_read(ctx, &node.uuid).await;
    let (held, mut node) = match held {
        // It comes again. One that was never heard is told so, and comes sooner.
        Err(locked)
            if locked.kind() == ErrorKind::NodeLocked && remembered(&node, URL).is_some() =>
        {
            return Ok(Reply::Done);
        }
        held => held?,
    };
    // The node may have moved on since it was looked at.
    check(&node, &beat, &ctx.config)?;
    if !node.provision_state.hears_agent() {
        held.release().await?;
        return Ok(Reply::Done);
    }
    let now = Timestamp::now();
    remember(&mut node, beat, now);
    if node.maintenance && !ctx.config.allow_provisioning_in_maintenance {
        return give_up(ctx, held, node).await;
    }
    let operation = ctx.db.operation_of(&node.uuid).await?.filter(|operation| {
        let waits = operation.wait.as_ref();
        waits.is_some_and(|wait| wait.on == WaitOn::Agent)
            && !node.maintenance
            && node.provision_state.next(Event::Resume).is_some()
    });
    let Some(mut operation) = operation else {
        held.save_and_release(&node).await?;
        return Ok(Reply::Done);
    };
    if let Some(wait) = &mut operation.wait {
        wait.poll_at = Some(now);
    }
    let mut tx = held.begin().await?;
    tx.save_node(&node).await?;
    tx.operation_update(&operation).await?;
    held.commit_and_release(tx).await?;
    ctx.alarm.set(now, &node.uuid);
    Ok(Reply::Done)
}

/// The node is in maintenance, where the operator wants no work: what waits for an agent ends, and its driver cleans up.
async fn give_up(ctx: &Arc<Context>, held: Held, mut node: Node) -> Result<Reply> {
    let waits = waits_for_agent(node.provision_state);
    let operation = ctx.db.operation_of(&node.uuid).await?;
    let Some(operation) = operation.filter(|operation| waits && operation.wait.is_some()) else {
        held.save_and_release(&node).await?;
        return Ok(Reply::Done);
    };
    let permit = ctx.workers.permit()?;
    let reason = format!(
        "The {} operation was aborted, since the node is in maintenance mode.",
        operation.kind
    );
    // The operator's reason for the maintenance stays.
    node.clean_step = JsonObject::new();
    node.service_step = JsonObject::new();
    operations::launch_failure(permit, held, node, operation, &reason).await?;
    Ok(Reply::Done)
}

/// Whether this is the agent that runs on the node, as far as that can be known. The token first: who doesn't have it learns
/// nothing else.
fn check(node: &Node, beat: &Heartbeat, config: &Config) -> Result<()> {
    let token = beat.agent_token.clone().map(|token| token.into_secret());
    if !agent_token::is_right(node, token.as_ref()) {
        return Err(Error::invalid(
            "Invalid or missing agent token received. An agent gets it when it looks its node up, once: boot it again.",
        ));
    }
    if beat.agent_version.is_none() && beat.agent_status.is_none() {
        return Err(Error::missing(
            "A heartbeat needs agent_version or agent_status.",
        ));
    }
    if config.agent_require_tls && !has_tls(&beat.callback_url) {
        return Err(Error::invalid(
            "The callback_url must begin with https://: [agent] require_tls asks for it.",
        ));
    }
    let changed = |key, given: Option<&str>| match (remembered(node, key), given) {
        (Some(known), Some(given)) => known != given,
        _ => false,
    };
    if changed(URL, Some(&beat.callback_url)) {
        return Err(Error::invalid(
            "The callback_url is another than before: an agent keeps its address until the machine boots again.",
        ));
    }
    if changed(VERIFY_CA, beat.agent_verify_ca.as_deref()) {
        return Err(Error::invalid(
            "The agent_verify_ca is another than before: an agent keeps its certificate until the machine boots again.",
        ));
    }
    Ok(())
}

fn has_tls(url: &str) -> bool {
    url.split_once("://")
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

fn remembered<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.driver_internal_info.get(key).and_then(Value::as_str)
}

/// States in which work waits for an agent.
fn waits_for_agent(state: ProvisionState) -> bool {
    matches!(
        state,
        ProvisionState::WaitCallBack
            | ProvisionState::CleanWait
            | ProvisionState::ServiceWait
            | ProvisionState::RescueWait
    )
}

/// Writes down who the agent is and when it was heard. A time-out of the state that the node waits in begins anew.
fn remember(node: &mut Node, beat: Heartbeat, now: Timestamp) {
    node.agent_heartbeat_at = Some(now);
    if waits_for_agent(node.provision_state) {
        node.provision_updated_at = Some(now);
    }
    for (key, value) in [
        (URL, Some(beat.callback_url)),
        (VERSION, beat.agent_version),
        (VERIFY_CA, beat.agent_verify_ca),
        (STATUS, beat.agent_status),
        (STATUS_MESSAGE, beat.agent_status_message),
    ] {
        if let Some(value) = value {
            node.driver_internal_info
                .insert(key.to_owned(), Value::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_rpc::Carried;

    use super::*;

    fn beat(node: &Node) -> Heartbeat {
        Heartbeat {
            callback_url: "https://192.0.2.1:9999".to_owned(),
            agent_token: agent_token::of(node).as_ref().map(Carried::from),
            agent_version: Some("13.0.0".to_owned()),
            agent_verify_ca: Some("PEM".to_owned()),
            ..Heartbeat::default()
        }
    }

    fn refusal(node: &Node, change: impl FnOnce(&mut Heartbeat)) -> String {
        let mut beat = beat(node);
        change(&mut beat);
        let refused = check(node, &beat, &Config::default()).unwrap_err();
        refused.message().to_owned()
    }

    #[test]
    fn an_agent_keeps_its_token_address_and_certificate() {
        let mut node = Node::default();
        agent_token::mint(&mut node);
        let first = beat(&node);
        check(&node, &first, &Config::default()).unwrap();
        remember(&mut node, first.clone(), Timestamp(7));
        check(&node, &first, &Config::default()).unwrap();
        assert_eq!(node.agent_heartbeat_at, Some(Timestamp(7)));
        assert!(refusal(&node, |beat| beat.agent_token = None).contains("token"));
        let moved = |beat: &mut Heartbeat| beat.callback_url = "https://192.0.2.2:9999".to_owned();
        assert!(refusal(&node, moved).contains("callback_url"));
        let other = |beat: &mut Heartbeat| beat.agent_verify_ca = Some("other".to_owned());
        assert!(refusal(&node, other).contains("agent_verify_ca"));
        assert!(refusal(&node, |beat| beat.agent_version = None).contains("agent_version"));
        let plain = |beat: &mut Heartbeat| beat.callback_url = "http://192.0.2.1:9999".to_owned();
        assert!(refusal(&node, plain).contains("require_tls"));
        // Without the token nobody learns what the address is.
        let stranger = |beat: &mut Heartbeat| {
            beat.agent_token = None;
            beat.callback_url = "https://192.0.2.2:9999".to_owned();
        };
        assert!(!refusal(&node, stranger).contains("callback_url"));
    }
}
