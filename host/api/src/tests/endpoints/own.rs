//! Ironbark's own paths.

use ironbark_model::Timestamp;
use ironbark_rpc::{LimitsReport, PackageReport, Reply, TaskReport, TaskRun, UsageReport};
use serde_json::json;

use super::case::{Case, delete, get, post, put};
use super::world::COMPONENT;

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    vec![
        get("/ironbark/v1/audit"),
        get("/ironbark/v1/audit/chains"),
        get("/ironbark/v1/consoles/{node}").query("token=t0ken"),
        get("/ironbark/v1/packages"),
        get("/ironbark/v1/packages/{name}").conductor(report()),
        get("/ironbark/v1/packages/{name}/history"),
        get("/ironbark/v1/publishers"),
        get("/ironbark/v1/publishers/{name}/history"),
        get("/ironbark/v1/tasks").conductor(report()),

        put("/ironbark/v1/packages/{name}/grants").body(json!({"granted": ["ipmi"]})),
        post("/ironbark/v1/packages/{name}/activate").body(json!({"dry_run": true})),
        post("/ironbark/v1/packages/{name}/rollback").body(json!({"version": "1.0.0"})),
        post("/ironbark/v1/packages/{name}/canary").body(json!({"nodes": ["rack-1"]})),
        post("/ironbark/v1/packages/{name}/promote").body(json!({})),
        post("/ironbark/v1/packages/{name}/disable").body(json!({"force": true})),
        post("/ironbark/v1/packages/{name}/quarantine").body(json!({"now": true})),
        post("/ironbark/v1/packages/{name}/release").body(json!({"version": "1.0.0"})),
        post("/ironbark/v1/publishers").body(json!({"name": "other", "public_key": "RWQ", "packages": ["other"]})),
        delete("/ironbark/v1/publishers/{name}").query("quarantine=true"),
        delete("/ironbark/v1/packages/{name}"),
        post("/ironbark/v1/packages").query("grant=state").file("application/wasm", COMPONENT),
    ]
}

fn report() -> Reply {
    let report = PackageReport {
        limits: [(
            "acme".to_owned(),
            LimitsReport {
                call_timeout: 60.0,
                host_calls_per_second: 10_000,
                ..LimitsReport::default()
            },
        )]
        .into(),
        usage: vec![UsageReport {
            package: "acme".to_owned(),
            version: "1.0.0".to_owned(),
            role: "active".to_owned(),
            calls: 7,
            faults: [("trap".to_owned(), 2)].into(),
            ..UsageReport::default()
        }],
        tasks: vec![TaskReport {
            package: "acme".to_owned(),
            version: "1.0.0".to_owned(),
            name: "poll".to_owned(),
            on: "power/acme".to_owned(),
            scope: "node".to_owned(),
            schedule: "every 60 s".to_owned(),
            last_run: Some(TaskRun {
                started_at: Timestamp(1_000_000),
                duration: 0.5,
                outcome: "ok".to_owned(),
                nodes: 3,
                failed_nodes: 0,
                error: None,
            }),
            next_run: Some(Timestamp(61_000_000)),
            ..TaskReport::default()
        }],
    };
    Reply::Json(serde_json::to_value(report).unwrap())
}
