//! Ports, port groups, volumes, chassis.

use serde_json::json;

use super::case::{Case, delete, get, patch, post};
use super::world::{BUSY, NEW, RACK};

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    let note = || json!([{"op": "add", "path": "/extra/note", "value": "n"}]);
    vec![
        get("/v1/ports").query("limit=2"),
        get("/v1/ports/detail").query("address=52:54:00:00:00:01"),
        get("/v1/ports/{port}"),
        get("/v1/portgroups"),
        get("/v1/portgroups/detail"),
        get("/v1/portgroups/{portgroup}"),
        get("/v1/portgroups/{portgroup}/ports"),
        get("/v1/portgroups/{portgroup}/ports/detail"),
        get("/v1/chassis"),
        get("/v1/chassis/detail"),
        get("/v1/chassis/{chassis}"),
        get("/v1/chassis/{chassis}/nodes"),
        get("/v1/chassis/{chassis}/nodes/detail").query("limit=1"),
        get("/v1/volume"),
        get("/v1/volume/connectors"),
        get("/v1/volume/connectors/{connector}"),
        get("/v1/volume/targets"),
        get("/v1/volume/targets/{target}"),

        post("/v1/ports").body(json!({"uuid": NEW, "node_ident": "rack-1", "address": "52:54:00:00:00:0A"})),
        patch("/v1/ports/{port}").body(note()),
        delete("/v1/ports/{port}"),
        post("/v1/portgroups").body(json!({"uuid": NEW, "node_uuid": RACK, "name": "bond-2"})),
        patch("/v1/portgroups/{portgroup}").body(note()),
        delete("/v1/portgroups/{portgroup}"),
        post("/v1/chassis").body(json!({"uuid": NEW, "description": "Rack 8"})),
        patch("/v1/chassis/{chassis}").body(note()),
        delete("/v1/chassis/{chassis}").on("chassis", NEW),
        post("/v1/volume/connectors").body(json!({"uuid": NEW, "node_uuid": BUSY, "type": "mac", "connector_id": "52:54:00:00:00:02"})),
        patch("/v1/volume/connectors/{connector}").body(note()),
        delete("/v1/volume/connectors/{connector}"),
        post("/v1/volume/targets").body(json!({"uuid": NEW, "node_uuid": BUSY, "volume_type": "iscsi", "boot_index": 1, "volume_id": "disk-2"})),
        patch("/v1/volume/targets/{target}").body(note()),
        delete("/v1/volume/targets/{target}"),
    ]
}
