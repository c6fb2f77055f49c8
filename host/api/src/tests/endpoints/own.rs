//! Ironbark's own paths.

use serde_json::json;

use super::case::{Case, delete, get, post, put};
use super::world::COMPONENT;
use crate::tests::reports::report;

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
