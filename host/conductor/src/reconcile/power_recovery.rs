//! Tries nodes again that power sync gave up: whose power can be read leaves maintenance by itself.

use std::sync::Arc;

use futures::StreamExt;
use ironbark_db::{NodeFilter, NodeRef};
use ironbark_model::node::fault;
use ironbark_model::{ErrorKind, PowerState, Result};

use super::power_decision::Reading;
use super::power_fault;
use super::power_reading::{DriverMachines, Machines};
use super::spawn::chain;
use crate::context::Context;

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    pass_with(ctx, &DriverMachines).await.map(drop)
}

/// Answers how many nodes left maintenance.
pub(super) async fn pass_with(ctx: &Arc<Context>, machines: &impl Machines) -> Result<usize> {
    let filter = NodeFilter {
        maintenance: Some(true),
        fault: Some(fault::POWER_FAILURE.to_owned()),
        reserved: Some(false),
        include_children: true,
        ..NodeFilter::default()
    };
    let mut nodes = ctx.db.nodes_owned_candidates(&filter).await?;
    nodes.retain(|node| ctx.ring.owns(node));
    let at_once = ctx.config.sync_power_state_workers.max(1);
    let taken_back: Vec<bool> = futures::stream::iter(nodes)
        .map(async |node| try_again(ctx, machines, &node).await)
        .buffer_unordered(at_once)
        .collect()
        .await;
    Ok(taken_back.into_iter().filter(|taken| *taken).count())
}

async fn try_again(ctx: &Arc<Context>, machines: &impl Machines, node: &NodeRef) -> bool {
    let state = match machines.read(ctx, node).await {
        Reading::State(state) if state != PowerState::Error => state,
        _ => return false,
    };
    match power_fault::take_back(ctx, node, state).await {
        Ok(taken) => taken,
        Err(error) => {
            if error.kind() != ErrorKind::NodeLocked {
                tracing::warn!(node = %node.uuid, error = %chain(&error), "could not take this node out of maintenance");
            }
            false
        }
    }
}
