//! What happens again and again in the current hour: counted, and made a row of the audit when the hour is over.

use ironbark_model::Result;
use ironbark_model::audit::{AuditEntry, AuditRepeats};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::append::append;
use super::placeholders;
use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement, within};

const COLUMNS: &str =
    "hour, kind, node, package, digest, operation, outcome, count, first_at, last_at";
/// Counts that one statement adds; see `append`.
const ROWS: usize = 32;

impl Database {
    /// Makes rows of at most `batch` counts of hours before this one; answers how many. Called again until it answers 0.
    pub async fn audit_seal(&self, chain: &str, hour: i64, batch: u32) -> Result<u64> {
        if over(&mut *self.reader().await?, chain, hour, 1)
            .await?
            .is_empty()
        {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        // Takes the counts out first: who else seals this chain finds them gone.
        let rows = Statement::new(AssertSqlSafe(format!(
            "DELETE FROM audit_repeats WHERE chain = $1 AND hour < $2 AND (chain, hour, node, digest, kind, operation, \
             outcome) IN (SELECT chain, hour, node, digest, kind, operation, outcome FROM audit_repeats \
             WHERE chain = $1 AND hour < $2 ORDER BY hour, node LIMIT $3) RETURNING {COLUMNS}"
        )))
        .bind(chain)
        .bind(hour)
        .bind(i64::from(batch))
        .rows(&mut transaction)
        .await
        .map_err(told)?;
        let counts = rows.iter().map(from_row).collect::<Result<Vec<_>>>()?;
        let entries: Vec<AuditEntry> = counts.into_iter().map(AuditRepeats::into_entry).collect();
        append(&mut transaction, chain, &entries).await?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(u64::try_from(entries.len()).unwrap_or(u64::MAX))
    }

    /// The counts of the current hour that no row stands for yet.
    pub async fn audit_repeats(&self, chain: &str) -> Result<Vec<AuditRepeats>> {
        over(&mut *self.reader().await?, chain, i64::MAX, u32::MAX).await
    }
}

/// Adds counts to those that are there.
pub(super) async fn add(
    connection: &mut AnyConnection,
    chain: &str,
    counts: &[AuditRepeats],
) -> Result<()> {
    let mut left = counts;
    while !left.is_empty() {
        let many = if left.len() >= ROWS { ROWS } else { 1 };
        let (now, rest) = left.split_at(many);
        left = rest;
        let text = format!(
            "INSERT INTO audit_repeats (chain, {COLUMNS}) VALUES {} \
             ON CONFLICT (chain, hour, node, digest, kind, operation, outcome) DO UPDATE SET \
             count = audit_repeats.count + excluded.count, last_at = excluded.last_at",
            placeholders(now.len(), 11)
        );
        let mut statement = Statement::new(AssertSqlSafe(text));
        for count in now {
            statement = statement
                .bind(chain)
                .bind(count.hour)
                .bind(count.kind.as_str())
                .bind(count.node.as_str())
                .bind(count.package.as_str())
                .bind(count.digest.as_str())
                .bind(count.operation.as_str())
                .bind(count.outcome.as_str())
                .bind(count.count)
                .bind(count.first_at.0)
                .bind(count.last_at.0);
        }
        statement.run(connection).await.map_err(told)?;
    }
    Ok(())
}

async fn over(
    connection: &mut AnyConnection,
    chain: &str,
    hour: i64,
    limit: u32,
) -> Result<Vec<AuditRepeats>> {
    let rows = Statement::new(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM audit_repeats WHERE chain = $1 AND hour < $2 ORDER BY hour, node LIMIT $3"
    )))
    .bind(chain)
    .bind(hour)
    .bind(i64::from(limit))
    .rows(connection)
    .await
    .map_err(told)?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &AnyRow) -> Result<AuditRepeats> {
    let mut columns = Columns::of(row);
    Ok(AuditRepeats {
        hour: columns.int()?,
        kind: columns.parsed()?,
        node: columns.text()?,
        package: columns.text()?,
        digest: columns.text()?,
        operation: columns.text()?,
        outcome: columns.text()?,
        count: columns.int()?,
        first_at: columns.time()?,
        last_at: columns.time()?,
    })
}
