//! Deletes what of the audit is too old or too much: of this conductor's chain, and of chains whose conductor is gone.

use std::sync::Arc;

use ironbark_model::audit::hour_of;
use ironbark_model::{Result, Timestamp};

use crate::context::Context;

/// Rows that one transaction deletes, or makes of counts: others get their turn in between.
const BATCH: u32 = 1000;
/// Transactions in one pass; what is left goes in the next.
const BATCHES: usize = 200;

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    let alive = ctx.db.conductors_all().await?;
    let mut deleted = 0;
    for head in ctx.db.audit_heads().await? {
        let ours = head.chain == ctx.host();
        if !ours && alive.iter().any(|one| one.hostname == head.chain) {
            continue;
        }
        if !ours {
            let hour = hour_of(Timestamp::now());
            while ctx.db.audit_seal(&head.chain, hour, BATCH).await? > 0 {}
        }
        deleted += prune(ctx, &head.chain).await?;
    }
    if deleted > 0 {
        tracing::info!(rows = deleted, "pruned the audit");
    }
    Ok(())
}

async fn prune(ctx: &Context, chain: &str) -> Result<u64> {
    let older_than = Timestamp::now().minus(ctx.config.audit_max_age);
    let mut deleted = 0;
    for _ in 0..BATCHES {
        let count = ctx
            .db
            .audit_prune(chain, older_than, ctx.config.audit_max_rows, BATCH)
            .await?;
        deleted += count;
        if count < u64::from(BATCH) {
            break;
        }
    }
    Ok(deleted)
}
