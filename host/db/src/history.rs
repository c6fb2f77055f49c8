//! What happened to nodes.

use ironbark_model::history::HistoryEntry;
use ironbark_model::{Result, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::error::told;
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement};
use crate::{Database, Page};

/// What `sort_key` of a node's history may be.
pub const HISTORY_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "created_at",
    "severity",
    "event_type",
    "event",
    "conductor",
    "user",
    "project",
    "state",
    "target_provision_state",
    "duration_seconds",
];

/// Longest text of an event, in bytes; a longer one loses its middle.
const MAX_EVENT_BYTES: usize = 65_535;

const COLUMNS: &str = "h.id, h.uuid, n.uuid, h.created_at, h.severity, h.event_type, h.event, h.conductor, \
    h.\"user\", h.project, h.state, h.target_provision_state, h.duration_seconds";

const LISTING: Listing = Listing {
    from: "node_history h JOIN nodes n ON n.id = h.node_id",
    id: "h.id",
    marker: "h.uuid",
    what: "History entry",
    sort_keys: HISTORY_SORT_KEYS,
    always_set: &["uuid", "created_at", "severity", "event_type", "event"],
    prefix: "h.",
};

impl Database {
    /// A page of the node's history.
    pub async fn history_list(&self, node_uuid: &str, page: &Page) -> Result<Vec<HistoryEntry>> {
        let mut all = Conditions::default();
        all.equals("n.uuid", node_uuid);
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, page).await?;
        rows.iter().map(entry_from).collect()
    }

    /// One record, by its UUID.
    pub async fn history_get(&self, uuid: &str) -> Result<Option<HistoryEntry>> {
        let mut all = Conditions::default();
        all.equals("h.uuid", uuid);
        let page = Page::first(1);
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, &page).await?;
        rows.first().map(entry_from).transpose()
    }

    /// Deletes at most `batch` records that are older than their node's newest `keep_per_node`; answers how many.
    /// Called again until it answers 0, it never holds the writer for long.
    pub async fn history_prune(&self, keep_per_node: u32, batch: u32) -> Result<u64> {
        self.write(
            Statement::new(
                "DELETE FROM node_history WHERE id IN (SELECT id FROM (\
                   SELECT id, ROW_NUMBER() OVER (PARTITION BY node_id ORDER BY created_at DESC, id DESC) AS age \
                   FROM node_history) AS ranked WHERE age > $1 ORDER BY id LIMIT $2)",
            )
            .bind(i64::from(keep_per_node))
            .bind(i64::from(batch)),
        )
        .await
    }
}

/// Adds a record to the history of the node with this number. A record without a UUID or time gets one.
pub(crate) async fn insert(
    connection: &mut AnyConnection,
    node_id: i64,
    entry: &HistoryEntry,
) -> Result<()> {
    let uuid = if entry.uuid.is_empty() {
        ironbark_model::ident::new_uuid()
    } else {
        entry.uuid.clone()
    };
    Statement::new(
        "INSERT INTO node_history (uuid, node_id, created_at, severity, event_type, event, conductor, \"user\", \
         project, state, target_provision_state, duration_seconds) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(uuid)
    .bind(node_id)
    .bind(entry.created_at.unwrap_or_else(Timestamp::now).0)
    .bind(entry.severity.as_str())
    .bind(entry.event_type.as_str())
    .bind(without_middle(&entry.event, MAX_EVENT_BYTES))
    .bind(entry.conductor.as_deref())
    .bind(entry.user.as_deref())
    .bind(entry.project.as_deref())
    .bind(entry.state.as_deref())
    .bind(entry.target_provision_state.as_deref())
    .bind(entry.duration_seconds)
    .run(connection)
    .await
    .map_err(told)?;
    Ok(())
}

fn entry_from(row: &AnyRow) -> Result<HistoryEntry> {
    let mut columns = Columns::of(row);
    Ok(HistoryEntry {
        id: columns.int()?,
        uuid: columns.text()?,
        node_uuid: columns.text()?,
        created_at: columns.opt_time()?,
        severity: columns.text()?,
        event_type: columns.text()?,
        event: columns.text()?,
        conductor: columns.opt_text()?,
        user: columns.opt_text()?,
        project: columns.opt_text()?,
        state: columns.opt_text()?,
        target_provision_state: columns.opt_text()?,
        duration_seconds: columns.opt_int()?,
    })
}

/// `text` in at most `bytes` bytes: its beginning and its end, which say what was tried and how it failed.
fn without_middle(text: &str, bytes: usize) -> String {
    const GAP: &str = " ... ";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let half = bytes.saturating_sub(GAP.len()) / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len().saturating_sub(half));
    let (head, tail) = (text.get(..head), text.get(tail..));
    format!(
        "{}{GAP}{}",
        head.unwrap_or_default(),
        tail.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_both_ends() {
        assert_eq!(without_middle("short", 20), "short");
        let long = format!("begin{}end", "ä".repeat(100));
        let cut = without_middle(&long, 30);
        assert!(cut.len() <= 30, "{cut}");
        assert!(cut.starts_with("begin") && cut.ends_with("end"), "{cut}");
    }
}
