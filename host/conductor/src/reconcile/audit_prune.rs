//! Deletes what of the audit is too old or too much: of this conductor's chain, and of chains whose conductor is gone.

use std::sync::Arc;

use ironbark_model::audit::hour_of;
use ironbark_model::{Result, Timestamp};

use crate::context::Context;

/// Rows that one transaction deletes, or makes of counts: others get their turn in between.
const BATCH: u32 = 1000;

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
        deleted += prune(ctx, &head.chain, BATCH).await?;
    }
    if deleted > 0 {
        tracing::info!(rows = deleted, "pruned the audit");
    }
    Ok(())
}

/// Until the bounds hold, however much that is: what is written meanwhile is less than what a batch deletes.
async fn prune(ctx: &Context, chain: &str, batch: u32) -> Result<u64> {
    let older_than = Timestamp::now().minus(ctx.config.audit_max_age);
    let mut deleted = 0;
    loop {
        let count = ctx
            .db
            .audit_prune(chain, older_than, ctx.config.audit_max_rows, batch)
            .await?;
        deleted += count;
        if count < u64::from(batch) {
            return Ok(deleted);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use ironbark_db::testing;
    use ironbark_model::audit::{AuditEntry, AuditKind, OK};

    use super::*;
    use crate::testing::{config, registered};

    #[tokio::test]
    async fn old_rows_go_unless_their_conductor_sees_to_them() {
        let db = testing::sqlite().await;
        let mut short = config("host-a");
        short.audit_max_age = Duration::from_secs(3600);
        let ctx = registered(&db, short, &[]).await;
        registered(&db, config("host-b"), &[]).await;
        let entry = |at| AuditEntry::new(at, AuditKind::Read, "ipmi 0x00 0x01", OK);
        let rows = [Timestamp(1), Timestamp(2), Timestamp::now()].map(entry);
        for chain in ["host-a", "host-b", "gone"] {
            db.audit_append(chain, &rows, &[]).await.unwrap();
        }
        pass(&ctx).await.unwrap();
        let ends: Vec<(String, i64)> = db
            .audit_heads()
            .await
            .unwrap()
            .into_iter()
            .map(|head| (head.chain, head.seq))
            .collect();
        // Pruning adds a row that says so.
        let expected = [("gone", 4), ("host-a", 4), ("host-b", 3)];
        assert_eq!(ends, expected.map(|(chain, seq)| (chain.to_owned(), seq)));
    }

    #[tokio::test]
    async fn one_pass_deletes_until_the_bound_holds() {
        const ROWS: i64 = 500;
        let db = testing::sqlite().await;
        let mut few = config("host-a");
        few.audit_max_rows = 10;
        let ctx = registered(&db, few, &[]).await;
        let entry = AuditEntry::new(Timestamp::now(), AuditKind::Read, "ipmi 0x00 0x01", OK);
        let rows = vec![entry; ROWS.unsigned_abs().try_into().unwrap()];
        db.audit_append("host-a", &rows, &[]).await.unwrap();
        // Many more batches than one expects of a pass; each adds a row that says so.
        let deleted = prune(&ctx, "host-a", 2).await.unwrap();
        let head = db.audit_heads().await.unwrap().pop().unwrap();
        let left = head.seq - i64::try_from(deleted).unwrap();
        assert!((10..=11).contains(&left), "{left} rows are left");
    }
}
