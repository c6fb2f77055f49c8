//! What is below a node about its hardware.

use ironbark_rpc::Reply;
use serde_json::{Value, json};

use super::case::{Case, delete, get, post, put};
use super::world::NEW;

fn json(value: Value) -> Reply {
    Reply::Json(value)
}

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    vec![
        get("/v1/nodes/{node}/states/console")
            .conductor(json(json!({"console_enabled": true, "console_info": {"type": "vnc", "url": "https://192.0.2.1/console"}}))),
        get("/v1/nodes/{node}/management/boot_device"),
        get("/v1/nodes/{node}/management/boot_device/supported"),
        get("/v1/nodes/{node}/management/indicators")
            .conductor(json(json!({"system": {"led": {"readonly": false, "states": ["on", "off"]}}}))),
        get("/v1/nodes/{node}/management/indicators/{indicator}"),
        get("/v1/nodes/{node}/vifs").conductor(json(json!([NEW]))),
        get("/v1/nodes/{node}/bios"),
        get("/v1/nodes/{node}/bios/{setting}"),
        get("/v1/nodes/{node}/firmware"),
        get("/v1/nodes/{node}/vmedia")
            .conductor(json(json!([{"media_types": ["CD"], "inserted": false, "image": ""}]))),
        put("/v1/nodes/{node}/states/console").body(json!({"enabled": true})),
        put("/v1/nodes/{node}/states/raid").body(json!({"logical_disks": [{"size_gb": 100, "raid_level": "1"}]})),
        put("/v1/nodes/{node}/states/boot_mode").body(json!({"target": "uefi"})),
        put("/v1/nodes/{node}/states/secure_boot").body(json!({"target": true})),
        put("/v1/nodes/{node}/management/boot_device").body(json!({"boot_device": "disk", "persistent": true})),
        put("/v1/nodes/{node}/management/inject_nmi").body(json!({})),
        put("/v1/nodes/{node}/management/indicators/{indicator}").body(json!({"state": "blinking"})),
        post("/v1/nodes/{node}/vifs").body(json!({"id": NEW})),
        delete("/v1/nodes/{node}/vifs/{vif}"),
        post("/v1/nodes/{node}/vmedia").body(json!({"device_type": "cdrom", "image_url": "http://files/a.iso"})),
        delete("/v1/nodes/{node}/vmedia").query("device_types=cdrom"),
    ]
}
