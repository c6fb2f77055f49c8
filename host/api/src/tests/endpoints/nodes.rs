//! Nodes: their records, states, traits, and what belongs to them.

use serde_json::json;

use super::case::{Case, delete, get, patch, post, put};
use super::world::NEW;

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    vec![
        get("/v1/nodes").query("limit=2&sort_key=name"),
        get("/v1/nodes/detail").query("limit=1"),
        get("/v1/nodes/{node}"),
        get("/v1/nodes/{node}/validate"),
        get("/v1/nodes/validate").query("node=rack-1"),
        get("/v1/nodes/{node}/states"),
        get("/v1/nodes/{node}/traits"),
        get("/v1/nodes/{node}/history"),
        get("/v1/nodes/{node}/history/{event}"),
        get("/v1/nodes/{node}/children"),
        get("/v1/nodes/{node}/ports"),
        get("/v1/nodes/{node}/ports/detail"),
        get("/v1/nodes/{node}/portgroups"),
        get("/v1/nodes/{node}/portgroups/detail"),
        get("/v1/nodes/{node}/volume"),
        get("/v1/nodes/{node}/volume/connectors"),
        get("/v1/nodes/{node}/volume/targets"),
        get("/v1/nodes/{node}/inventory"),
        get("/v1/nodes/{node}/allocation").on("node", "busy"),
        post("/v1/nodes").body(json!({"uuid": NEW, "name": "rack-2", "driver": "fake-hardware", "extra": {"a": 1}})),
        patch("/v1/nodes/{node}").body(json!([
            {"op": "add", "path": "/extra/note", "value": "n"},
            {"op": "replace", "path": "/resource_class", "value": "silver"},
            {"op": "remove", "path": "/owner"},
        ])),
        put("/v1/nodes/{node}/maintenance").body(json!({"reason": "a new fan"})),
        delete("/v1/nodes/{node}/maintenance"),
        put("/v1/nodes/{node}/states/power").body(json!({"target": "power on"})),
        put("/v1/nodes/{node}/states/provision").body(json!({"target": "provide"})),
        put("/v1/nodes/{node}/traits").body(json!({"traits": ["CUSTOM_B", "CUSTOM_A"]})),
        put("/v1/nodes/{node}/traits/{trait}").on("trait", "CUSTOM_C"),
        delete("/v1/nodes/{node}/traits/{trait}").on("trait", "CUSTOM_A"),
        delete("/v1/nodes/{node}/traits"),
        delete("/v1/nodes/{node}/allocation").on("node", "busy"),
        delete("/v1/nodes/{node}").on("node", "rack-2"),
    ]
}
