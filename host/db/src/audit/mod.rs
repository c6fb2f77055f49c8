//! The audit: rows that are written once, chained by their hashes, and deleted only from the beginning.

mod append;
mod prune;
mod read;
mod repeats;

use ironbark_model::Result;
use ironbark_model::audit::AuditEntry;

pub use read::{AuditFilter, AuditPage};

use crate::sql::{Columns, Statement};

/// A row's content, in the order in which it is written and read.
const CONTENT: &[&str] = &[
    "at",
    "kind",
    "request_id",
    "actor",
    "node",
    "package",
    "digest",
    "operation",
    "outcome",
    "detail",
    "refers_to",
    "duration_us",
    "count",
    "first_at",
    "last_at",
];

fn bind_content(statement: Statement, entry: &AuditEntry) -> Statement {
    statement
        .bind(entry.at.0)
        .bind(entry.kind.as_str())
        .bind(entry.request_id.as_deref())
        .bind(entry.actor.as_deref())
        .bind(entry.node.as_deref())
        .bind(entry.package.as_deref())
        .bind(entry.digest.as_deref())
        .bind(entry.operation.as_str())
        .bind(entry.outcome.as_str())
        .bind(entry.detail.as_deref())
        .bind(entry.refers_to)
        .bind(entry.duration_us)
        .bind(entry.count)
        .bind(entry.first_at.map(|time| time.0))
        .bind(entry.last_at.map(|time| time.0))
}

fn content_from(columns: &mut Columns<'_>) -> Result<AuditEntry> {
    Ok(AuditEntry {
        at: columns.time()?,
        kind: columns.parsed()?,
        request_id: columns.opt_text()?,
        actor: columns.opt_text()?,
        node: columns.opt_text()?,
        package: columns.opt_text()?,
        digest: columns.opt_text()?,
        operation: columns.text()?,
        outcome: columns.text()?,
        detail: columns.opt_text()?,
        refers_to: columns.opt_int()?,
        duration_us: columns.opt_int()?,
        count: columns.opt_int()?,
        first_at: columns.opt_time()?,
        last_at: columns.opt_time()?,
    })
}

/// `($1, $2), ($3, $4)`: `rows` times `columns` placeholders.
fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=columns)
            .map(|column| format!("${}", row * columns + column))
            .collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
