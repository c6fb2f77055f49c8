//! What Ironbark's own paths answer with: these resources have no microversions, and so no table of fields.

use ironbark_model::lifecycle::VersionState;
use serde_json::{Value, json};

use super::own::KINDS;
use super::schema::reference;
use super::shown::links;

/// By their names in `components/schemas`.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("AuditRow", audit_row()),
        ("Package", package()),
        ("PackageVersion", version()),
        ("PackageChange", change()),
        ("PackageEvent", event()),
        ("Task", task()),
        ("Publisher", publisher()),
    ]
}

fn text() -> Value {
    json!({"type": "string"})
}

fn text_or_null() -> Value {
    json!({"type": ["string", "null"]})
}

fn number_or_null() -> Value {
    json!({"type": ["integer", "null"]})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn time_or_null() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

/// Entries as in the metadata of packages: a name, or what exactly is meant under it.
fn capabilities() -> Value {
    json!({"type": "array", "items": {"type": ["string", "object"]}})
}

/// An object with these properties and no others.
fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn states() -> Value {
    let all = [
        VersionState::Installed,
        VersionState::AwaitingApproval,
        VersionState::Disabled,
        VersionState::Quarantined,
    ];
    json!({"enum": all.map(VersionState::as_str)})
}

fn audit_row() -> Value {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).collect();
    object(json!({
        "id": {"type": "integer"},
        "chain": text(),
        "seq": {"type": "integer"},
        "hash": text(),
        "at": time(),
        "kind": {"enum": kinds},
        "request_id": text_or_null(),
        "actor": text_or_null(),
        "node": text_or_null(),
        "package": text_or_null(),
        "digest": text_or_null(),
        "operation": text(),
        "outcome": text(),
        "detail": text_or_null(),
        "refers_to": number_or_null(),
        "duration_us": number_or_null(),
        "count": number_or_null(),
        "first_at": time_or_null(),
        "last_at": time_or_null(),
    }))
}

/// The last four are in the answer for one package only.
fn package() -> Value {
    object(json!({
        "name": text(),
        "version": text_or_null(),
        "vendor": text_or_null(),
        "digest": text_or_null(),
        "size": number_or_null(),
        "granted": texts(),
        "grants": capabilities(),
        "owner": text_or_null(),
        "hardware_types": texts(),
        "source": text_or_null(),
        "file": text_or_null(),
        "created_at": time_or_null(),
        "canary": {"anyOf": [
            {"type": "null"},
            object(json!({"version": text(), "scope": {"type": "object"}, "created_at": time()})),
        ]},
        "versions": {"type": "array", "items": reference("PackageVersion")},
        "links": links(),
        "limits": {"type": "array", "items": figures(json!({"conductor": text()}))},
        "usage": {"type": "array", "items": figures(json!({
            "conductor": text(),
            "package": text(),
            "version": text(),
            "role": {"enum": ["active", "canary", "pinned"]},
            "faults": {"type": "object", "additionalProperties": {"type": "integer"}},
        }))},
        "tasks": {"type": "array", "items": reference("Task")},
        "unanswered": texts(),
    }))
}

/// These properties, and figures.
fn figures(properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": {"type": "number"}})
}

fn version() -> Value {
    object(json!({
        "version": text(),
        "digest": text(),
        "size": {"type": "integer"},
        "vendor": text(),
        "asked": texts(),
        "capabilities": capabilities(),
        "hardware_types": texts(),
        "implementations": texts(),
        "state_schema": text(),
        "source": text(),
        "file": text_or_null(),
        "publisher": text_or_null(),
        "state": states(),
        "reason": text_or_null(),
        "active": {"type": "boolean"},
        "canary": {"type": "boolean"},
        "created_at": time(),
        "activated_at": time_or_null(),
        "failing_on": {"type": "array", "items": object(json!({"conductor": text(), "reason": text()}))},
        "used": {"anyOf": [
            {"type": "null"},
            figures(json!({
                "faults": {"type": "object", "additionalProperties": {"type": "integer"}},
                "counted_at": time(),
            })),
        ]},
    }))
}

/// What an action came to, or with `dry_run` would come to; each tells its part of this.
fn change() -> Value {
    let mut change = object(json!({
        "package": text(),
        "version": text_or_null(),
        "state": states(),
        // After a quarantine it is the version that is used instead.
        "active": {"type": ["boolean", "string", "null"]},
        "granted": texts(),
        "scope": {"type": "object"},
        "canary_ended": text(),
        "dry_run": {"type": "boolean"},
        "replaces": text_or_null(),
        "hardware_types_added": texts(),
        "hardware_types_removed": texts(),
        "implementations_removed": texts(),
        "nodes": object(json!({
            "checked": {"type": "integer"},
            "failing": {"type": "integer"},
            "failing_already": {"type": "integer"},
            "examples": {"type": "array", "items": object(json!({"node": text(), "reason": text()}))},
        })),
        "refused": text_or_null(),
    }));
    if let Some(change) = change.as_object_mut() {
        change.insert("required".to_owned(), json!(["package"]));
    }
    change
}

fn event() -> Value {
    object(json!({
        "created_at": time(),
        "version": text_or_null(),
        "digest": text_or_null(),
        "action": text(),
        "actor": text(),
        "request_id": text_or_null(),
        "detail": text_or_null(),
    }))
}

fn task() -> Value {
    object(json!({
        "conductor": text(),
        "package": text(),
        "version": text(),
        "name": text(),
        "on": text(),
        "scope": text(),
        "schedule": text(),
        "parallel": {"type": "boolean"},
        "running_since": time_or_null(),
        "last_run": {"anyOf": [
            {"type": "null"},
            object(json!({
                "started_at": time(),
                "duration": {"type": "number"},
                "outcome": text(),
                "nodes": {"type": "integer"},
                "failed_nodes": {"type": "integer"},
                "error": text_or_null(),
            })),
        ]},
        "next_run": time_or_null(),
        "left_out": {"type": "integer"},
    }))
}

fn publisher() -> Value {
    object(json!({
        "name": text(),
        "public_key": text(),
        "packages": texts(),
        "expires_at": time_or_null(),
        "expired": {"type": "boolean"},
        "created_at": time(),
    }))
}
