//! Looking for a node: all that fit are tried in random order, each with its reservation; those that are reserved by
//! somebody else are tried again as often as configured.

use std::sync::Arc;

use ironbark_db::{Afterwards, Page};
use ironbark_model::{Allocation, ErrorKind, Node, Result};
use rand::seq::SliceRandom;

use super::fit;
use crate::context::Context;
use crate::reserve::Held;

/// How many nodes are read at once.
const PAGE: u32 = 500;

/// What came of trying one node.
enum Tried {
    /// It is the allocation's.
    Placed,
    /// Somebody holds it.
    Locked,
    /// It fits no more, or is gone.
    Unfit,
    /// There is nothing to look for any more: the allocation was deleted, or somebody else is at it.
    Over,
    /// It can't be had by any node, because of this.
    Refused(String),
}

/// Looks for a node until one is found, or it is clear that there is none, which the allocation then says.
pub(super) async fn seek(ctx: &Arc<Context>, allocation: &Allocation) -> Result<()> {
    ctx.standing.check()?;
    let mut left = candidates(ctx, allocation).await?;
    if left.is_empty() {
        return fail(ctx, allocation, &none(allocation)).await;
    }
    let attempts = ctx.config.node_locked_retry_attempts.max(1);
    for attempt in 1..=attempts {
        let mut locked = Vec::new();
        for node in left {
            match try_node(ctx, allocation, &node).await? {
                Tried::Placed => {
                    tracing::info!(node = %node, "found a node");
                    return Ok(());
                }
                Tried::Over => return Ok(()),
                Tried::Refused(reason) => return fail(ctx, allocation, &reason).await,
                Tried::Locked => locked.push(node),
                Tried::Unfit => {}
            }
        }
        left = locked;
        if left.is_empty() {
            break;
        }
        if attempt < attempts {
            tokio::time::sleep(ctx.config.node_locked_retry_interval).await;
        }
    }
    let reason = if left.is_empty() {
        "All nodes that fit were taken by others meanwhile; create the allocation anew to look again.".to_owned()
    } else {
        format!(
            "All nodes that fit are locked by other work ({} of them, each tried {attempts} times); create the allocation \
             anew to look again.",
            left.len()
        )
    };
    fail(ctx, allocation, &reason).await
}

/// The UUIDs of all nodes that fit, in the order in which they are tried.
async fn candidates(ctx: &Context, allocation: &Allocation) -> Result<Vec<String>> {
    let filter = fit::filter(allocation);
    let mut page = Page::first(PAGE);
    let mut found: Vec<(bool, String)> = Vec::new();
    loop {
        let nodes = match ctx.db.node_list_whole(&filter, &page).await {
            // The marker was deleted meanwhile: what was read is enough to begin with.
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            nodes => nodes?,
        };
        let last = nodes.last().map(|node| node.uuid.clone());
        let full = u32::try_from(nodes.len()).is_ok_and(|count| count >= PAGE);
        found.extend(
            nodes
                .iter()
                .filter(|node| fit::fits(node, allocation))
                .map(|node| (is_namesake(node, allocation), node.uuid.clone())),
        );
        match last {
            Some(last) if full => page = Page::first(PAGE).after(last),
            _ => break,
        }
    }
    // So that many searches at once don't all want the same node.
    found.shuffle(&mut rand::rng());
    found.sort_by_key(|(namesake, _)| !namesake);
    Ok(found.into_iter().map(|(_, uuid)| uuid).collect())
}

fn is_namesake(node: &Node, allocation: &Allocation) -> bool {
    allocation.prefers_name && node.name.is_some() && node.name == allocation.name
}

async fn try_node(ctx: &Arc<Context>, allocation: &Allocation, uuid: &str) -> Result<Tried> {
    let (held, mut node) = match Held::try_acquire_and_read(ctx, uuid).await {
        Ok(held) => held,
        Err(error) if error.kind() == ErrorKind::NodeLocked => return Ok(Tried::Locked),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Tried::Unfit),
        Err(error) => return Err(error),
    };
    if !fit::fits(&node, allocation) {
        held.release().await?;
        return Ok(Tried::Unfit);
    }
    fit::give(&mut node, allocation);
    let mut tx = match held.begin_saving(&node, Afterwards::Release).await {
        Ok(tx) => tx,
        Err(error) if error.kind() == ErrorKind::Conflict => {
            // Another node has this instance already.
            held.release().await?;
            return Ok(Tried::Refused(error.message().to_owned()));
        }
        Err(error) => return Err(error),
    };
    if !tx.allocation_place(&allocation.uuid, ctx.host()).await? {
        drop(tx);
        held.release().await?;
        return Ok(Tried::Over);
    }
    held.commit_and_release(tx).await?;
    Ok(Tried::Placed)
}

async fn fail(ctx: &Context, allocation: &Allocation, reason: &str) -> Result<()> {
    let host = ctx.host();
    if ctx
        .db
        .allocation_fail(&allocation.uuid, host, reason)
        .await?
    {
        tracing::info!(reason, "found no node");
    }
    Ok(())
}

fn none(allocation: &Allocation) -> String {
    let mut wanted = format!(
        "of resource class {}",
        allocation.resource_class.as_deref().unwrap_or("none")
    );
    if !allocation.traits.is_empty() {
        wanted.push_str(&format!(
            " with the traits {}",
            allocation.traits.join(", ")
        ));
    }
    if !allocation.candidate_nodes.is_empty() {
        wanted.push_str(" among the candidates");
    }
    if let Some(owner) = &allocation.owner {
        wanted.push_str(&format!(" owned by or leased to {owner}"));
    }
    format!(
        "No node {wanted} is available: it must also have no instance, be in no maintenance and have a known power state."
    )
}
