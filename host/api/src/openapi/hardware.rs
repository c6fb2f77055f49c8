//! What is below a node about its hardware.

use serde_json::{Value, json};

use super::operation::{Operation, delete, get, operation, post, put};
use super::schema::{listed, page, reference};
use crate::gates::hardware::{BIOS, FIRMWARE};
use crate::nodes::{boot_mode, indicators, virtual_media};

pub(crate) fn operations() -> Vec<Operation> {
    let mut all = console_and_boot();
    all.extend(lights());
    all.extend(settings_and_media());
    all.extend(vendor(
        "nodes/{node}/vendor_passthru",
        "nodes/{node}/vendor_passthru/{method}",
    ));
    all.push(
        get(
            "nodes/{node}/vendor_passthru/methods",
            "List the vendor methods of a node's driver",
        )
        .asks_machine()
        .ok(json!({"type": "object", "additionalProperties": {"type": "object"}})),
    );
    all
}

fn console_and_boot() -> Vec<Operation> {
    vec![
        get(
            "nodes/{node}/states/console",
            "Show where a node's console is",
        )
        .asks_machine()
        .ok(json!({
            "type": "object",
            "required": ["console_enabled", "console_info"],
            "properties": {
                "console_enabled": {"type": "boolean"},
                "console_info": {"type": ["object", "null"]},
            },
            "additionalProperties": false,
        })),
        put(
            "nodes/{node}/states/console",
            "Switch a node's console on or off",
        )
        .body(arguments(
            json!({"enabled": {"type": "boolean"}}),
            &["enabled"],
        ))
        .asks_machine()
        .accepted(),
        put(
            "nodes/{node}/states/raid",
            "Say which RAID volumes a node shall have",
        )
        .body(json!({"type": "object"}))
        .asks_machine()
        .no_content(),
        put("nodes/{node}/states/boot_mode", "Change a node's boot mode")
            .body(arguments(
                json!({"target": {"enum": boot_mode::MODES}}),
                &["target"],
            ))
            .asks_machine()
            .accepted(),
        put(
            "nodes/{node}/states/secure_boot",
            "Switch a node's secure boot on or off",
        )
        .body(arguments(
            json!({"target": {"type": "boolean"}}),
            &["target"],
        ))
        .asks_machine()
        .accepted(),
        get(
            "nodes/{node}/management/boot_device",
            "Show what a node boots from",
        )
        .asks_machine()
        .ok(json!({
            "type": "object",
            "required": ["boot_device", "persistent"],
            "properties": {
                "boot_device": {"type": ["string", "null"]},
                "persistent": {"type": ["boolean", "null"]},
            },
            "additionalProperties": false,
        })),
        put(
            "nodes/{node}/management/boot_device",
            "Say what a node shall boot from",
        )
        .body(arguments(
            json!({
                "boot_device": {"type": "string"},
                "persistent": {"type": ["boolean", "null"]},
            }),
            &["boot_device"],
        ))
        .asks_machine()
        .no_content(),
        get(
            "nodes/{node}/management/boot_device/supported",
            "List what a node can boot from",
        )
        .asks_machine()
        .ok(listed("supported_boot_devices", json!({"type": "string"}))),
        put("nodes/{node}/management/inject_nmi", "Send a node an NMI")
            .may_have_body(json!({"type": "object", "additionalProperties": false}))
            .asks_machine()
            .no_content(),
    ]
}

fn lights() -> Vec<Operation> {
    vec![
        get(
            "nodes/{node}/management/indicators",
            "List a node's indicators",
        )
        .asks_machine()
        .ok(listed(
            "indicators",
            json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "component": {"type": "string"},
                    "readonly": {"type": "boolean"},
                    "states": {"type": "array", "items": {"type": "string"}},
                    "links": super::shown::links(),
                },
                "additionalProperties": false,
            }),
        )),
        get(
            "nodes/{node}/management/indicators/{indicator}",
            "Show an indicator",
        )
        .asks_machine()
        .ok(json!({
            "type": "object",
            "required": ["state"],
            "properties": {"state": {"type": ["string", "null"]}},
            "additionalProperties": false,
        })),
        put(
            "nodes/{node}/management/indicators/{indicator}",
            "Set an indicator",
        )
        .body(arguments(
            json!({"state": {"enum": indicators::STATES}}),
            &["state"],
        ))
        .asks_machine()
        .no_content(),
    ]
}

fn settings_and_media() -> Vec<Operation> {
    vec![
        get("nodes/{node}/vifs", "List the virtual interfaces attached to a node")
            .asks_machine()
            .ok(listed(
                "vifs",
                json!({
                    "type": "object",
                    "required": ["id"],
                    "properties": {"id": {"type": "string"}},
                    "additionalProperties": false,
                }),
            )),
        post("nodes/{node}/vifs", "Attach a virtual interface to a node")
            .body(json!({
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "minLength": 1, "maxLength": 255},
                    "port_uuid": {"type": "string", "format": "uuid"},
                    "portgroup_uuid": {"type": "string", "format": "uuid"},
                },
            }))
            .asks_machine()
            .no_content(),
        delete("nodes/{node}/vifs/{vif}", "Detach a virtual interface from a node")
            .asks_machine()
            .no_content(),
        get("nodes/{node}/bios", "List a node's BIOS settings as last read")
            .detail()
            .fields(BIOS)
            .ok(page("bios", "BiosSetting")),
        get("nodes/{node}/bios/{setting}", "Show one BIOS setting as last read").ok(json!({
            "type": "object",
            "additionalProperties": reference("BiosSetting"),
        })),
        get("nodes/{node}/firmware", "List a node's firmware components as last read")
            .fields(FIRMWARE)
            .ok(page("firmware", "FirmwareComponent")),
        get("nodes/{node}/vmedia", "List a node's virtual media")
            .asks_machine()
            .ok(json!({"type": ["object", "array"]})),
        post("nodes/{node}/vmedia", "Insert virtual media into a node")
            .body(arguments(
                json!({
                    "device_type": {"enum": virtual_media::DEVICES},
                    "image_url": {"type": "string", "minLength": 1, "maxLength": virtual_media::MAX_URL},
                    "image_download_source": {"enum": virtual_media::SOURCES},
                }),
                &["device_type", "image_url"],
            ))
            .asks_machine()
            .no_content(),
        delete("nodes/{node}/vmedia", "Eject a node's virtual media")
            .query("device_types", json!({"type": "string"}))
            .asks_machine()
            .no_content(),
    ]
}

/// What drivers define: any method, any JSON.
pub(crate) fn vendor(by_query: &'static str, by_path: &'static str) -> Vec<Operation> {
    const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
    let call = |method: &'static str, pattern: &'static str| {
        let call = operation(method, pattern, "Call a vendor method");
        let call = if method == "GET" {
            call
        } else {
            call.may_have_body(json!({"type": ["object", "null"]}))
        };
        call.asks_machine().ok(json!({})).or_file().taken()
    };
    let name = || json!({"type": "string", "minLength": 1});
    METHODS
        .iter()
        .flat_map(|method| {
            [
                call(method, by_query).needs("method", name()),
                call(method, by_path),
            ]
        })
        .collect()
}

/// Arguments of an action.
fn arguments(properties: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}
