//! Reading the audit: pages in the order in which rows were written, and the ends of chains.

use ironbark_model::audit::chain::AuditHead;
use ironbark_model::audit::{AuditEntry, AuditKind, AuditRow, BEGUN};
use ironbark_model::{Result, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{CONTENT, content_from};
use crate::error::told;
use crate::page::Conditions;
use crate::sql::{Bind, Columns, Statement};
use crate::{Database, SortDir};

/// Which rows. What isn't given doesn't narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// A chain's name. Rows of one chain come without a gap, whatever is being written meanwhile.
    pub chain: Option<String>,
    /// A node's UUID.
    pub node: Option<String>,
    /// A package's name.
    pub package: Option<String>,
    /// `req-…`
    pub request_id: Option<String>,
    /// What rows tell of.
    pub kind: Option<AuditKind>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Which page of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// At most so many rows.
    pub limit: u32,
    /// The `id` of the last row of the page before.
    pub after: Option<i64>,
    /// Oldest or newest first.
    pub sort_dir: SortDir,
}

impl Database {
    /// A page of the audit.
    pub async fn audit_list(&self, filter: &AuditFilter, page: AuditPage) -> Result<Vec<AuditRow>> {
        let mut all = conditions(filter);
        let (word, beyond) = match page.sort_dir {
            SortDir::Ascending => ("ASC", ">"),
            SortDir::Descending => ("DESC", "<"),
        };
        if let Some(after) = page.after {
            let place = all.bind(Bind::Int(after));
            all.add(format!("id {beyond} {place}"));
        }
        let limit = all.bind(Bind::Int(i64::from(page.limit)));
        let text = format!(
            "SELECT id, chain, seq, hash, {} FROM audit{} ORDER BY id {word} LIMIT {limit}",
            CONTENT.join(", "),
            all.text()
        );
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(text))
            .bind_all(all.into_binds())
            .rows(&mut connection)
            .await
            .map_err(told)?;
        rows.iter().map(row_from).collect()
    }

    /// The newest row of every chain.
    pub async fn audit_heads(&self) -> Result<Vec<AuditHead>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new("SELECT chain, seq, hash FROM audit_chains ORDER BY chain")
            .rows(&mut connection)
            .await
            .map_err(told)?;
        let head = |row: &AnyRow| {
            let mut columns = Columns::of(row);
            Ok(AuditHead {
                chain: columns.text()?,
                seq: columns.int()?,
                hash: columns.text()?,
            })
        };
        rows.iter().map(head).collect()
    }

    /// Number and content of what was begun, among a chain's newest `among` rows, and whose outcome isn't there.
    pub async fn audit_unanswered(
        &self,
        chain: &str,
        among: u32,
    ) -> Result<Vec<(i64, AuditEntry)>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {}, seq FROM audit WHERE chain = $1 ORDER BY seq DESC LIMIT $2",
            CONTENT.join(", ")
        )))
        .bind(chain)
        .bind(i64::from(among))
        .rows(&mut connection)
        .await
        .map_err(told)?;
        let mut answered = Vec::new();
        let mut open = Vec::new();
        // Newest first: an outcome is met before its intent.
        for row in &rows {
            let mut columns = Columns::of(row);
            let entry = content_from(&mut columns)?;
            let seq = columns.int()?;
            if entry.kind != AuditKind::Pruned {
                answered.extend(entry.refers_to);
            }
            if entry.outcome == BEGUN && !answered.contains(&seq) {
                open.push((seq, entry));
            }
        }
        Ok(open)
    }
}

fn conditions(filter: &AuditFilter) -> Conditions {
    let mut all = Conditions::default();
    let texts = [
        ("chain", filter.chain.as_deref()),
        ("node", filter.node.as_deref()),
        ("package", filter.package.as_deref()),
        ("request_id", filter.request_id.as_deref()),
        ("kind", filter.kind.map(AuditKind::as_str)),
        ("outcome", filter.outcome.as_deref()),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            all.equals(column, value);
        }
    }
    for (operator, time) in [(">=", filter.since), ("<", filter.until)] {
        if let Some(time) = time {
            let place = all.bind(Bind::Int(time.0));
            all.add(format!("at {operator} {place}"));
        }
    }
    all
}

fn row_from(row: &AnyRow) -> Result<AuditRow> {
    let mut columns = Columns::of(row);
    Ok(AuditRow {
        id: columns.int()?,
        chain: columns.text()?,
        seq: columns.int()?,
        hash: columns.text()?,
        entry: content_from(&mut columns)?,
    })
}
