//! How a record of a node's history looks (facts §2.1).

use ironbark_model::history::HistoryEntry;

use super::links::Links;
use super::{Field, Selection, Shown};
use crate::gates::node as gate;
use crate::versions::Version;

/// What a record's look depends on besides the record.
pub(crate) struct Scene {
    pub(crate) base: String,
}

/// A record's fields in an answer.
pub(crate) type HistorySelection = Selection<HistoryEntry, Scene>;

/// How many characters of the text a list without details shows.
const SHORT: usize = 255;

/// What a list shows.
const SUMMARY: &[&str] = &["uuid", "created_at", "severity", "event", "links"];

/// The fields that a list shows with or without details.
pub(crate) fn selection(detail: bool, version: Version) -> HistorySelection {
    Selection::new(FIELDS, gate::HISTORY, version, |name| {
        detail || SUMMARY.contains(&name)
    })
}

/// Cuts the text of a record down to what a list shows; done before it is shown, so that it can be borrowed.
pub(crate) fn shorten(entry: &mut HistoryEntry) {
    if entry.event.chars().count() > SHORT {
        let kept: String = entry.event.chars().take(SHORT - 3).collect();
        entry.event = kept + "...";
    }
}

const FIELDS: &[Field<HistoryEntry, Scene>] = &[
    ("uuid", |h, _| Shown::Text(&h.uuid)),
    ("created_at", |h, _| Shown::time(h.created_at)),
    ("severity", |h, _| Shown::Text(&h.severity)),
    ("event", |h, _| Shown::Text(&h.event)),
    ("event_type", |h, _| Shown::Text(&h.event_type)),
    ("conductor", |h, _| Shown::text(h.conductor.as_deref())),
    ("user", |h, _| Shown::text(h.user.as_deref())),
    ("project", |h, _| Shown::text(h.project.as_deref())),
    ("state", |h, _| Shown::text(h.state.as_deref())),
    ("target_provision_state", |h, _| {
        Shown::text(h.target_provision_state.as_deref())
    }),
    ("duration_seconds", |h, _| {
        h.duration_seconds.map_or(Shown::Null, Shown::Number)
    }),
    ("links", |h, s| Shown::Links(links(h, s))),
];

fn links<'a>(entry: &'a HistoryEntry, scene: &'a Scene) -> Links<'a> {
    Links {
        self_only: true,
        ..Links::new(&scene.base, "nodes", &entry.node_uuid)
    }
    .to_history(&entry.uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        let mut entry = HistoryEntry {
            event: "ä".repeat(300),
            ..HistoryEntry::default()
        };
        shorten(&mut entry);
        assert_eq!(entry.event.chars().count(), 255);
        assert!(entry.event.ends_with("ä..."));
    }
}
