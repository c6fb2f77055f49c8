//! Goes on looking for nodes for allocations whose conductor died or started anew.

use std::sync::Arc;

use ironbark_model::Result;

use crate::allocations;
use crate::context::Context;

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    let unfinished = ctx.db.allocations_unfinished().await?;
    if unfinished.is_empty() {
        return Ok(());
    }
    // Who is dead is to be known as late as possible.
    ctx.ring.refresh(&ctx.db).await?;
    for mut allocation in unfinished {
        let holder = allocation.conductor.as_deref();
        let mine = holder == Some(ctx.host());
        if !mine && holder.is_some_and(|host| !ctx.ring.is_dead(host)) {
            continue;
        }
        let Some(search) = ctx.searches.claim(&allocation.uuid) else {
            continue;
        };
        let Ok(permit) = ctx.workers.permit() else {
            // There is other work enough; the next pass sees to the rest.
            return Ok(());
        };
        if !mine {
            let db = &ctx.db;
            if !db
                .allocation_take_over(&allocation.uuid, holder, ctx.host())
                .await?
            {
                continue;
            }
            allocation.conductor = Some(ctx.host().to_owned());
        }
        tracing::info!(allocation = %allocation.uuid, "goes on looking for a node");
        allocations::begin(ctx, permit, search, allocation);
    }
    Ok(())
}
