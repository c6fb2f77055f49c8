//! Adding rows to a chain.

use ironbark_model::audit::chain::{GENESIS, hash_of};
use ironbark_model::audit::{AuditEntry, AuditRepeats};
use ironbark_model::{Error, Result};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{CONTENT, bind_content, placeholders, repeats};
use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement, within};

/// Rows that one statement inserts; what doesn't fill one goes row by row, so that there are two texts and no more.
const ROWS: usize = 16;

impl Database {
    /// Adds rows to a chain, and to the counts of what happens again and again, in one transaction. Answers with the number of
    /// the first row. Texts must be [tidy](AuditEntry::tidy).
    ///
    /// Any number of processes may do it at once: the chain's row in `audit_chains` lets one at a time through.
    pub async fn audit_append(
        &self,
        chain: &str,
        entries: &[AuditEntry],
        repeated: &[AuditRepeats],
    ) -> Result<i64> {
        if entries.is_empty() && repeated.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        repeats::add(&mut transaction, chain, repeated).await?;
        let first = append(&mut transaction, chain, entries).await?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(first)
    }
}

/// Adds rows at a chain's end; answers with the number of the first.
pub(super) async fn append(
    connection: &mut AnyConnection,
    chain: &str,
    entries: &[AuditEntry],
) -> Result<i64> {
    if entries.is_empty() {
        return Ok(0);
    }
    let (first, mut hash) = take_numbers(connection, chain, entries.len()).await?;
    let mut hashes = Vec::with_capacity(entries.len());
    for (seq, entry) in (first..).zip(entries) {
        hash = hash_of(&hash, chain, seq, entry);
        hashes.push(hash.clone());
    }
    let mut rows: Vec<Row<'_>> = (first..).zip(entries).zip(&hashes).collect();
    while !rows.is_empty() {
        let many = if rows.len() >= ROWS { ROWS } else { 1 };
        let rest = rows.split_off(many);
        insert(connection, chain, &rows).await?;
        rows = rest;
    }
    Statement::new("UPDATE audit_chains SET hash = $1 WHERE chain = $2")
        .bind(hash)
        .bind(chain)
        .run(connection)
        .await
        .map_err(told)?;
    Ok(first)
}

type Row<'r> = ((i64, &'r AuditEntry), &'r String);

/// Numbers for so many rows, and the hash of the row before them. From here to the end of the transaction nobody else adds
/// rows to this chain.
async fn take_numbers(
    connection: &mut AnyConnection,
    chain: &str,
    count: usize,
) -> Result<(i64, String)> {
    let count = i64::try_from(count)
        .map_err(|error| Error::internal("Too many rows for the audit.").caused_by(error))?;
    let row = Statement::new(
        "INSERT INTO audit_chains (chain, seq, hash) VALUES ($1, $2, $3) \
         ON CONFLICT (chain) DO UPDATE SET seq = audit_chains.seq + excluded.seq RETURNING seq, hash",
    )
    .bind(chain)
    .bind(count)
    .bind(GENESIS)
    .row(connection)
    .await
    .map_err(told)?
    .ok_or_else(|| Error::internal("The audit's chain has no end."))?;
    let mut columns = Columns::of(&row);
    let last = columns.int()?;
    Ok((
        last.saturating_sub(count).saturating_add(1),
        columns.text()?,
    ))
}

async fn insert(connection: &mut AnyConnection, chain: &str, rows: &[Row<'_>]) -> Result<()> {
    let text = format!(
        "INSERT INTO audit (chain, seq, hash, {}) VALUES {}",
        CONTENT.join(", "),
        placeholders(rows.len(), CONTENT.len() + 3)
    );
    let mut statement = Statement::new(AssertSqlSafe(text));
    for ((seq, entry), hash) in rows {
        statement = statement.bind(chain).bind(*seq).bind(hash.as_str());
        statement = bind_content(statement, entry);
    }
    statement.run(connection).await.map_err(told)?;
    Ok(())
}
