//! Allocations: created here or backfilled, and deleted.

use std::sync::Arc;

use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{Allocation, AllocationState, Error, Result};
use ironbark_rpc::{ChangeAllocation, Reply};

use super::hold;
use crate::allocations::{self, fit};
use crate::context::Context;
use crate::reserve::Held;

/// How often it is looked whether an allocation has a node, while it gets one.
const LOOKS: u32 = 3;

/// Carries out one change.
pub(super) async fn change(ctx: &Arc<Context>, change: ChangeAllocation) -> Result<Reply> {
    let stored = match change {
        ChangeAllocation::Create(new) => create(ctx, *new).await?,
        ChangeAllocation::Backfill { allocation, node } => {
            backfill(ctx, *allocation, &node).await?
        }
        ChangeAllocation::Destroy { uuid } => {
            destroy(ctx, &uuid).await?;
            return Ok(Reply::Done);
        }
    };
    Ok(Reply::Allocation(Box::new(stored)))
}

async fn create(ctx: &Arc<Context>, mut allocation: Allocation) -> Result<Allocation> {
    let permit = ctx.workers.permit()?;
    if allocation.uuid.is_empty() {
        allocation.uuid = new_uuid();
    }
    allocation.state = AllocationState::Allocating;
    allocation.node_uuid = None;
    allocation.last_error = None;
    allocation.conductor = Some(ctx.host().to_owned());
    // Before it is stored, so that the reconciler doesn't find it first. Whoever has it is about to store, or has stored,
    // an allocation of this UUID.
    let search = ctx.searches.claim(&allocation.uuid).ok_or_else(|| {
        Error::conflict(format!(
            "An allocation with UUID {} already exists.",
            allocation.uuid
        ))
    })?;
    let stored = ctx.db.allocation_create(&allocation).await?;
    allocations::begin(ctx, permit, search, stored.clone());
    Ok(stored)
}

async fn backfill(
    ctx: &Arc<Context>,
    mut allocation: Allocation,
    node: &str,
) -> Result<Allocation> {
    let (held, mut node) = hold(ctx, node).await?;
    if allocation.uuid.is_empty() {
        allocation.uuid = node.instance_uuid.clone().unwrap_or_else(new_uuid);
    }
    fit::check_backfill(&node, &allocation)?;
    allocation.state = AllocationState::Active;
    allocation.node_uuid = Some(node.uuid.clone());
    allocation.last_error = None;
    allocation.conductor = None;
    fit::give(&mut node, &allocation);
    let mut tx = held.begin().await?;
    tx.save_node(&node).await?;
    let stored = tx.allocation_create_placed(&allocation).await?;
    held.commit_and_release(tx).await?;
    Ok(stored)
}

async fn destroy(ctx: &Arc<Context>, uuid: &str) -> Result<()> {
    let not_found = || Error::not_found(format!("Allocation {uuid} could not be found."));
    let ident = Ident::parse(uuid)?;
    for _ in 0..LOOKS {
        let allocation = ctx.db.allocation_get(&ident).await?.ok_or_else(not_found)?;
        let Some(node) = allocation.node_uuid else {
            if ctx
                .db
                .allocation_delete_without_node(&allocation.uuid)
                .await?
            {
                return Ok(());
            }
            // It got a node just now, or is gone.
            continue;
        };
        let (held, mut node) = Held::acquire_and_read(ctx, &node).await?;
        if node.allocation_uuid.as_ref() != Some(&allocation.uuid) {
            return Err(not_found());
        }
        fit::check_release(&node)?;
        node.instance_uuid = None;
        // With this, the same transaction deletes the allocation.
        node.allocation_uuid = None;
        held.save_and_release(&node).await?;
        return Ok(());
    }
    Err(not_found())
}
