//! Ironbark's own paths: the audit, consoles, driver packages, publishers, tasks.

use ironbark_model::audit::AuditKind;
use serde_json::{Map, Value, json};

use super::operation::{Operation, delete, get, post, put};
use super::query::flag;
use super::schema::{listed, page, reference};

/// The media type of one JSON document a line.
const LINES: &str = "application/x-ndjson";

pub(crate) fn operations() -> Vec<Operation> {
    let mut all = audit();
    all.push(console());
    all.extend(packages());
    all.extend(changes());
    all.extend(publishers());
    all
}

fn audit() -> Vec<Operation> {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).collect();
    vec![
        get(
            "audit",
            "List what was asked of machines, refused, and done to packages",
        )
        .query("chain", text())
        .query("node", text())
        .query("package", text())
        .query("request_id", text())
        .query("kind", json!({"enum": kinds}))
        .query("outcome", text())
        .query("since", time())
        .query("until", time())
        .query("limit", json!({"type": "integer", "minimum": 1}))
        .query("marker", json!({"type": "integer", "minimum": 0}))
        .query("sort_dir", json!({"enum": ["asc", "desc"]}))
        .query("format", json!({"enum": ["json", "jsonl"]}))
        .ok(page("audit", "AuditRow"))
        .or(LINES, json!({})),
        get("audit/chains", "Show the newest row of each chain").ok(listed(
            "chains",
            json!({
                "type": "object",
                "required": ["chain", "seq", "hash"],
                "properties": {
                    "chain": {"type": "string"},
                    "seq": {"type": "integer"},
                    "hash": {"type": "string"},
                },
                "additionalProperties": false,
            }),
        )),
    ]
}

/// What rows of the audit tell of.
pub(crate) const KINDS: &[AuditKind] = &[
    AuditKind::Read,
    AuditKind::Intent,
    AuditKind::Outcome,
    AuditKind::Denied,
    AuditKind::Package,
    AuditKind::Pruned,
];

fn console() -> Operation {
    get("consoles/{node}", "Open a node's console, as a WebSocket")
        .needs("token", json!({"type": "string"}))
        .asks_machine()
        .becomes_web_socket()
}

fn packages() -> Vec<Operation> {
    vec![
        get("packages", "List driver packages").ok(listed("packages", reference("Package"))),
        post("packages", "Install a driver package")
            .query("grant", json!({"type": "string"}))
            .query("activate", flag())
            .query("force", flag())
            .query("take_over", flag())
            .header(
                "X-Ironbark-Signature",
                json!({"type": "string", "pattern": "^[A-Za-z0-9+/]+={0,2}$"}),
            )
            .file("application/wasm")
            .asks_machine()
            .created(reference("Package"))
            .awaits_approval(reference("Package")),
        get(
            "packages/{name}",
            "Show a driver package, and what conductors say of it",
        )
        .ok(reference("Package")),
        delete(
            "packages/{name}",
            "Remove a driver package, or one version of it",
        )
        .query("version", json!({"type": "string"}))
        .asks_machine()
        .no_content(),
        get(
            "packages/{name}/history",
            "List what was done to a driver package",
        )
        .query("limit", history_limit())
        .ok(listed("history", reference("PackageEvent"))),
        get(
            "tasks",
            "List what packages do by the clock, on each conductor",
        )
        .query("package", json!({"type": "string"}))
        .ok(json!({
            "type": "object",
            "required": ["tasks", "unanswered"],
            "properties": {
                "tasks": {"type": "array", "items": reference("Task")},
                "unanswered": {"type": "array", "items": {"type": "string"}},
            },
            "additionalProperties": false,
        })),
    ]
}

/// Each is an action of a conductor, which says what came of it.
fn changes() -> Vec<Operation> {
    let version = || ("version", json!({"type": ["string", "null"]}));
    let may = |name: &'static str| (name, json!({"type": ["boolean", "null"]}));
    let action = |pattern, summary, arguments: Vec<(&str, Value)>| {
        post(pattern, summary)
            .may_have_body(arguments_of(arguments, &[]))
            .asks_machine()
            .ok(reference("PackageChange"))
    };
    vec![
        put(
            "packages/{name}/grants",
            "Say what a driver package may use",
        )
        .body(arguments_of(
            vec![
                (
                    "granted",
                    json!({"type": "array", "items": {"type": "string"}}),
                ),
                version(),
            ],
            &["granted"],
        ))
        .asks_machine()
        .ok(reference("PackageChange")),
        action(
            "packages/{name}/activate",
            "Let all nodes use a version",
            vec![version(), may("force"), may("dry_run")],
        ),
        action(
            "packages/{name}/rollback",
            "End the canary, or go back to the last good version",
            vec![version(), may("force"), may("dry_run")],
        ),
        action(
            "packages/{name}/canary",
            "Let some nodes use a version",
            vec![
                version(),
                may("force"),
                (
                    "nodes",
                    json!({"type": ["array", "null"], "items": {"type": "string"}}),
                ),
                (
                    "percent",
                    json!({"type": ["integer", "null"], "minimum": 1, "maximum": 99}),
                ),
                ("conductor_group", json!({"type": ["string", "null"]})),
            ],
        ),
        action(
            "packages/{name}/promote",
            "Let all nodes use the canary",
            vec![may("force")],
        ),
        action(
            "packages/{name}/disable",
            "Take a version out of use",
            vec![version(), may("force")],
        ),
        action(
            "packages/{name}/quarantine",
            "Stop a version that does harm",
            vec![version(), may("now")],
        ),
        action(
            "packages/{name}/release",
            "Let a quarantined or disabled version be used again",
            vec![version()],
        ),
    ]
}

fn publishers() -> Vec<Operation> {
    vec![
        get("publishers", "List publishers whose signatures count")
            .ok(listed("publishers", reference("Publisher"))),
        post("publishers", "Trust a publisher")
            .body(arguments_of(
                vec![
                    (
                        "name",
                        json!({"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"}),
                    ),
                    ("public_key", json!({"type": "string"})),
                    (
                        "packages",
                        json!({
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 100,
                            "items": {"type": "string", "pattern": "^[A-Za-z0-9*-]{1,64}$"},
                        }),
                    ),
                    ("expires_at", json!({"type": ["string", "null"]})),
                ],
                &["name", "public_key", "packages"],
            ))
            .asks_machine()
            .created(reference("Publisher")),
        delete("publishers/{name}", "Trust a publisher no longer")
            .query("quarantine", flag())
            .asks_machine()
            .ok(json!({
                "type": "object",
                "required": ["name", "packages"],
                "properties": {
                    "name": {"type": "string"},
                    "packages": {"type": "array", "items": {
                        "type": "object",
                        "properties": {
                            "package": {"type": "string"},
                            "version": {"type": "string"},
                            "was_active": {"type": "boolean"},
                            "quarantined": {"type": "boolean"},
                        },
                        "additionalProperties": false,
                    }},
                },
                "additionalProperties": false,
            })),
        get(
            "publishers/{name}/history",
            "List who trusted a publisher with what",
        )
        .query("limit", history_limit())
        .ok(listed("history", reference("PackageEvent"))),
    ]
}

fn history_limit() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 1000})
}

fn arguments_of(arguments: Vec<(&str, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = arguments
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}
