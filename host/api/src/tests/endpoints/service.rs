//! The roots, drivers, conductors, shards, events.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::case::{Case, case, get, post};
use super::world::PORT;

pub(super) fn cases() -> Vec<Case> {
    vec![
        get("/"),
        case("HEAD", "/"),
        get("/v1"),
        case("HEAD", "/v1"),
        get("/healthcheck"),
        get("/openapi.json").shown_as(contents),
        get("/v1/drivers"),
        get("/v1/drivers/{driver}"),
        get("/v1/drivers/{driver}/properties"),
        get("/v1/drivers/{driver}/raid/logical_disk_properties"),
        get("/v1/conductors"),
        get("/v1/conductors/{conductor}"),
        get("/v1/shards"),
        post("/v1/events").body(json!({"events": [{
            "event": "network.bind_port", "port_id": PORT, "mac_address": "52:54:00:00:00:01",
            "status": "ACTIVE",
        }]})),
    ]
}

/// What the document describes, and what it says may be answered: a line for each operation.
fn contents(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap();
    let mut lines = String::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let statuses: Vec<&str> = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let method = method.to_uppercase();
            writeln!(lines, "{method} {path}: {}", statuses.join(" ")).unwrap();
        }
    }
    lines
}
