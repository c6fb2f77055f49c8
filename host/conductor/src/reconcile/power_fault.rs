//! Power sync gives a node up, and takes it back.

use std::sync::Arc;

use ironbark_db::NodeRef;
use ironbark_model::history::HistoryEntry;
use ironbark_model::node::fault;
use ironbark_model::{Node, PowerState, Result};

use super::power_decision;
use crate::context::Context;
use crate::reserve::Held;

/// Holds the node that was looked at; `None` if somebody held it since: then what was seen says nothing about it any more.
pub(super) async fn acquire_unchanged(ctx: &Arc<Context>, seen: &NodeRef) -> Result<Option<Held>> {
    let held = Held::try_acquire(ctx, &seen.uuid).await?;
    if held.reservation()?.fence == seen.fence.saturating_add(1) {
        return Ok(Some(held));
    }
    held.release().await?;
    Ok(None)
}

/// Puts a node into maintenance with the fault `power failure`. Answers false if it changed meanwhile and nothing was done;
/// an error of kind `NodeLocked` if somebody holds it.
pub(super) async fn give_up(
    ctx: &Arc<Context>,
    seen: &NodeRef,
    power_state: Option<PowerState>,
    why: &str,
) -> Result<bool> {
    let Some(held) = acquire_unchanged(ctx, seen).await? else {
        return Ok(false);
    };
    let uuid = &seen.uuid;
    let mut tx = held.begin().await?;
    let mut node = tx.node().await?;
    if node.maintenance || node.target_power_state.is_some() || !is_synced_state(&node) {
        drop(tx);
        held.release().await?;
        return Ok(false);
    }
    let message = format!(
        "During sync_power_state, max retries exceeded for node {uuid}: {why}. Updating DB state to '{}', \
         and putting the node into maintenance; it leaves it by itself when its power can be read again.",
        power_state.map_or("None", PowerState::as_str)
    );
    tracing::error!(node = %uuid, reason = %message, "power sync gives this node up");
    node.power_state = power_state;
    node.maintenance = true;
    node.maintenance_reason = Some(message.clone());
    node.fault = Some(fault::POWER_FAILURE.to_owned());
    node.last_error = Some(message.clone());
    tx.save_node(&node).await?;
    tx.history_add(&record(ctx, &node, "ERROR", message))
        .await?;
    held.commit_and_release(tx).await?;
    Ok(true)
}

/// Takes a node whose power can be read again out of maintenance. Answers false if there is nothing to take back.
pub(super) async fn take_back(
    ctx: &Arc<Context>,
    seen: &NodeRef,
    state: PowerState,
) -> Result<bool> {
    let Some(held) = acquire_unchanged(ctx, seen).await? else {
        return Ok(false);
    };
    let uuid = &seen.uuid;
    let mut tx = held.begin().await?;
    let mut node = tx.node().await?;
    if !node.maintenance || node.fault.as_deref() != Some(fault::POWER_FAILURE) {
        drop(tx);
        held.release().await?;
        return Ok(false);
    }
    node.power_state = Some(state);
    node.maintenance = false;
    node.maintenance_reason = None;
    node.fault = None;
    node.last_error = None;
    tx.save_node(&node).await?;
    let message = format!("Power can be read again ({state}): the node left maintenance.");
    tx.history_add(&record(ctx, &node, "INFO", message)).await?;
    held.commit_and_release(tx).await?;
    tracing::info!(node = %uuid, power_state = %state, "power can be read again: the node left maintenance");
    Ok(true)
}

fn is_synced_state(node: &Node) -> bool {
    power_decision::is_synced_in(node.provision_state)
}

fn record(ctx: &Context, node: &Node, severity: &str, event: String) -> HistoryEntry {
    HistoryEntry {
        uuid: ironbark_model::ident::new_uuid(),
        node_uuid: node.uuid.clone(),
        severity: severity.to_owned(),
        event_type: "monitoring".to_owned(),
        event,
        conductor: Some(ctx.host().to_owned()),
        state: Some(node.provision_state.as_str().to_owned()),
        target_provision_state: node
            .target_provision_state
            .map(|state| state.as_str().to_owned()),
        ..HistoryEntry::default()
    }
}
