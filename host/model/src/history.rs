//! What happened to a node.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One record of a node's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // The wire names are the field's own terms.
pub struct HistoryEntry {
    pub id: i64,
    pub uuid: String,
    pub node_uuid: String,
    pub created_at: Option<Timestamp>,
    /// `ERROR` or `INFO`.
    pub severity: String,
    /// `deploying`, `cleaning`, `monitoring`, `verify`, `transition`, …
    pub event_type: String,
    /// The text, at most 65,535 bytes.
    pub event: String,
    /// Host name of the conductor that wrote it.
    pub conductor: Option<String>,
    pub user: Option<String>,
    pub project: Option<String>,
    /// The node's provision state when it was written.
    pub state: Option<String>,
    pub target_provision_state: Option<String>,
    pub duration_seconds: Option<i64>,
}
