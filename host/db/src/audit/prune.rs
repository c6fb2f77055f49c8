//! Deleting a chain's oldest rows.

use ironbark_model::audit::{AuditEntry, AuditKind, OK};
use ironbark_model::{Result, Timestamp};

use super::append::append;
use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement, within};

impl Database {
    /// Deletes at most `batch` of a chain's oldest rows: those from before `older_than`, and those beyond its newest
    /// `keep`. The chain gets a row that says up to where, and with which hash, so that it can still be verified. Answers
    /// how many were deleted; called again until that is less than `batch`.
    pub async fn audit_prune(
        &self,
        chain: &str,
        older_than: Timestamp,
        keep: u64,
        batch: u32,
    ) -> Result<u64> {
        let Some((last, hash)) = self.prunable(chain, older_than, keep, batch).await? else {
            return Ok(0);
        };
        let mut transaction = self.begin().await?;
        let deleted = Statement::new("DELETE FROM audit WHERE chain = $1 AND seq <= $2")
            .bind(chain)
            .bind(last)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        // Another process was faster.
        if deleted == 0 {
            return Ok(0);
        }
        let mut anchor = AuditEntry::new(Timestamp::now(), AuditKind::Pruned, "prune", OK);
        anchor.refers_to = Some(last);
        anchor.detail = Some(hash);
        anchor.count = i64::try_from(deleted).ok();
        append(&mut transaction, chain, &[anchor]).await?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(deleted)
    }

    /// Number and hash of the last row that is to go now. The newest row of a chain stays.
    async fn prunable(
        &self,
        chain: &str,
        older_than: Timestamp,
        keep: u64,
        batch: u32,
    ) -> Result<Option<(i64, String)>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(
            "SELECT a.seq, a.at, a.hash, c.seq FROM audit a JOIN audit_chains c ON c.chain = a.chain \
             WHERE a.chain = $1 ORDER BY a.seq LIMIT $2",
        )
        .bind(chain)
        .bind(i64::from(batch))
        .rows(&mut connection)
        .await
        .map_err(told)?;
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        let mut last = None;
        for row in &rows {
            let mut columns = Columns::of(row);
            let (seq, at, hash, head) = (
                columns.int()?,
                columns.time()?,
                columns.text()?,
                columns.int()?,
            );
            let goes = seq < head && (at < older_than || seq <= head.saturating_sub(keep));
            if !goes {
                break;
            }
            last = Some((seq, hash));
        }
        Ok(last)
    }
}
