//! Deletes what a node's history holds beyond its newest records.

use std::sync::Arc;

use ironbark_model::Result;

use crate::context::Context;

/// Records that one statement deletes: others get their turn in between.
const BATCH: u32 = 1000;
/// Batches in one pass; what is left goes in the next.
const BATCHES: usize = 100;

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    let mut deleted = 0;
    for _ in 0..BATCHES {
        let count = ctx
            .db
            .history_prune(ctx.config.node_history_max_entries, BATCH)
            .await?;
        deleted += count;
        if count < u64::from(BATCH) {
            break;
        }
    }
    if deleted > 0 {
        tracing::info!(records = deleted, "pruned node histories");
    }
    Ok(())
}
