//! The published schema and the types accept and refuse the same documents.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use ironbark_package::{METADATA_SCHEMA, Metadata};
use serde_json::{Value, json};

fn full() -> Value {
    json!({
        "name": "acme", "version": "1.2.0-rc.1", "vendor": "Acme", "licence": "Apache-2.0", "description": "…",
        "interfaces": {
            "power": [{"name": "acme", "native_reboot": true}], "vendor": [{"name": "acme"}],
            "deploy": [{"name": "acme"}], "bios": [{"name": "acme"}]
        },
        "hardware_types": [{
            "name": "acme-x", "description": "…", "any_interface": false,
            "interfaces": {
                "power": ["acme"], "deploy": ["acme", "noop"],
                "vendor": [{"name": "other", "package": "others", "version": ">=1.2"}, "no-vendor"]
            }
        }],
        "properties": {"type": "object", "properties": {
            "acme_slot": {"type": "integer", "description": "Slot."},
            "acme_address": {"type": "string", "description": "Address."},
            "acme_key": {"type": "string", "description": "Key.", "writeOnly": true}
        }, "required": ["acme_slot"]},
        "properties_of": {"power/acme": {"type": "object", "properties": {"acme_delay": {"description": "Delay."}}}},
        "binds": {"redfish": {"address": "acme_address", "password": "acme_key"}},
        "capabilities": [
            "state", {"name": "ipmi", "commands": [{"netfn": 0, "command": 2}], "why": "power"}, "ipmi:users",
            {"name": "redfish", "rules": ["!PATCH /redfish/v1/Systems/{system}/SecureBoot", "* /redfish/v1/Systems/{system}/**"]},
            "redfish:accounts", {"name": "ssh", "templates": ["power-on", "power-off"]}, "agent", "boot-media"
        ],
        "state_schema": "1",
        "vendor_methods": [{"implementation": "acme", "name": "blink", "scope": "node", "http_methods": ["POST", "GET"],
            "async": false, "description": "…", "attach": false, "require_exclusive_lock": false}],
        "steps": [
            {"kind": "clean", "interface": "bios", "implementation": "acme", "step": "reset", "priority": 10,
             "abortable": true, "requires_ramdisk": false, "on_interrupt": "resume",
             "argsinfo": {"deep": {"description": "…", "required": false}}},
            {"kind": "deploy", "interface": "deploy", "step": "deploy", "argsinfo": null}
        ],
        "periodic": [
            {"name": "watch", "on": "power/acme", "spacing": 60, "parallel": false, "scope": "node", "states": ["active"], "lock": "exclusive"},
            {"name": "tidy", "on": "acme-x", "cron": "0 0 3 * * *", "scope": "conductor"}
        ]
    })
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(METADATA_SCHEMA).unwrap()).unwrap()
}

fn types_accept(document: &Value) -> Result<(), String> {
    Metadata::parse(document.to_string().as_bytes())
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn the_parsers_own_keys_are_refused() {
    let hidden = json!({"aaa": 1, "$serde_json::private::RawValue": "x"});
    let mut document = full();
    document["properties"]["properties"]["acme_slot"]["default"] = hidden;
    let refused = types_accept(&document).unwrap_err();
    assert!(refused.contains("reserved"), "{refused}");
    let mut document = full();
    let deep = (0..70).fold(json!(0), |inner, _| json!([inner]));
    document["properties"]["properties"]["acme_slot"]["default"] = deep;
    assert!(types_accept(&document).is_err());
}

#[test]
fn both_accept_a_full_document_and_a_small_one() {
    let schema = schema();
    for document in [
        full(),
        json!({"name": "a", "version": "0.1.0", "vendor": "A"}),
    ] {
        types_accept(&document).unwrap();
        if let Err(error) = schema.validate(&document) {
            panic!("{error}");
        }
    }
}

#[test]
fn every_connection_key_that_can_be_bound_is_in_the_schema() {
    let schema = schema();
    let mut document = full();
    let mut binds = json!({});
    for (capability, keys) in [
        (
            "ipmi",
            "address port username password priv_level cipher_suite hex_kg_key",
        ),
        (
            "redfish",
            "address system_id username password auth_type verify_ca certificate_sha256 tls_minimum_version tls_ciphers",
        ),
        (
            "ssh",
            "address port username password key_contents key_passphrase host_key virt_type domain",
        ),
    ] {
        for key in keys.split(' ') {
            let own = format!("acme_{capability}_{key}");
            document["properties"]["properties"][&own] =
                json!({"description": "One's own name.", "writeOnly": true});
            binds[capability][key] = json!(own);
        }
    }
    document["binds"] = binds;
    types_accept(&document).unwrap();
    if let Err(error) = schema.validate(&document) {
        panic!("{error}");
    }
}

#[test]
fn what_the_types_write_is_what_the_schema_accepts() {
    let metadata = Metadata::parse(full().to_string().as_bytes()).unwrap();
    let written = serde_json::to_value(&metadata).unwrap();
    if let Err(error) = schema().validate(&written) {
        panic!("{error}");
    }
    assert_eq!(
        Metadata::parse(written.to_string().as_bytes()).unwrap(),
        metadata
    );
}

/// Changes one place of the full document.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = full();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            object.insert(key.replace("~1", "/"), value);
        }
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    document
}

#[test]
fn both_refuse_the_same_mistakes_and_the_types_name_the_place() {
    let schema = schema();
    for (pointer, value, place) in [
        ("/name", json!("Acme"), "name"),
        ("/name", json!(""), "name"),
        ("/name", json!(1), "name"),
        ("/version", json!("1.2"), "version"),
        ("/vendor", json!(""), "vendor"),
        ("/colour", json!("red"), "colour"),
        ("/interfaces/engine", json!([]), "interfaces"),
        (
            "/interfaces/power/0/name",
            json!("noop"),
            "interfaces.power[0].name",
        ),
        (
            "/interfaces/power/0/name",
            json!("no-power"),
            "interfaces.power[0].name",
        ),
        ("/interfaces/power/0/speed", json!(1), "interfaces.power[0]"),
        (
            "/hardware_types/0/interfaces/power/0",
            json!({"name": "x", "pakage": "y"}),
            "hardware_types[0].interfaces.power",
        ),
        ("/properties/type", json!("array"), "properties"),
        (
            "/properties/properties/ipmi_address",
            json!({"description": "mine"}),
            "properties.properties.ipmi_address",
        ),
        (
            "/properties/properties/acme_slot",
            json!({"type": "integer"}),
            "properties.properties.acme_slot",
        ),
        ("/binds/telnet", json!({}), "binds.telnet"),
        (
            "/binds/redfish/colour",
            json!("acme_address"),
            "binds.redfish.colour",
        ),
        ("/capabilities/0", json!("sockets"), "capabilities[0]"),
        ("/capabilities/0", json!("ssh:root"), "capabilities[0]"),
        ("/capabilities/3", json!("redfish"), "capabilities[3].rules"),
        ("/capabilities/3/rules", json!([]), "capabilities[3].rules"),
        (
            "/capabilities/3/rules/0",
            json!("GET /redfish/v1/../x"),
            "capabilities[3].rules[0]",
        ),
        (
            "/capabilities/3/commands",
            json!([]),
            "capabilities[3].commands",
        ),
        ("/capabilities/5", json!("ssh"), "capabilities[5].templates"),
        (
            "/capabilities/5/templates",
            json!(["a b"]),
            "capabilities[5].templates",
        ),
        (
            "/capabilities/1/rules",
            json!(["GET /redfish"]),
            "capabilities[1].rules",
        ),
        (
            "/capabilities/1/commands/0/netfn",
            json!(7),
            "capabilities[1].commands",
        ),
        (
            "/vendor_methods/0/http_methods",
            json!(["HEAD"]),
            "vendor_methods[0].http_methods",
        ),
        (
            "/vendor_methods/0/http_methods",
            json!([]),
            "vendor_methods[0].http_methods",
        ),
        (
            "/vendor_methods/0/scope",
            json!("world"),
            "vendor_methods[0].scope",
        ),
        ("/steps/0/kind", json!("inspect"), "steps[0].kind"),
        ("/steps/0/step", json!("reboot"), "steps[0].step"),
        ("/steps/0/priority", json!(-1), "steps[0].priority"),
        (
            "/steps/0/on_interrupt",
            json!("pray"),
            "steps[0].on_interrupt",
        ),
        (
            "/steps/0/argsinfo/deep",
            json!({}),
            "steps[0].argsinfo.deep",
        ),
        ("/periodic/0/spacing", json!(0), "periodic[0].spacing"),
        ("/periodic/0/lock", json!("none"), "periodic[0].lock"),
    ] {
        let document = with(pointer, value);
        assert!(!schema.is_valid(&document), "the schema accepts {pointer}");
        let error = types_accept(&document).expect_err(pointer);
        assert!(error.contains(&format!("at {place}")), "{pointer}: {error}");
    }
}

#[test]
fn the_types_also_refuse_what_a_schema_cannot_say() {
    for (pointer, value, place) in [
        (
            "/vendor_methods/0/implementation",
            json!("other"),
            "vendor_methods[0].implementation",
        ),
        (
            "/steps/0/implementation",
            json!("other"),
            "steps[0].implementation",
        ),
        (
            "/steps/0/interface",
            json!("raid"),
            "steps[0].implementation",
        ),
        ("/periodic/0/on", json!("power/other"), "periodic[0].on"),
        ("/periodic/0/cron", json!("0 0 3 * * *"), "periodic[0]"),
        (
            "/periodic/0/states",
            json!(["sleeping"]),
            "periodic[0].states",
        ),
        ("/periodic/1/name", json!("watch"), "periodic"),
        (
            "/properties_of/power~1other",
            json!({"type": "object"}),
            "properties_of.power/other",
        ),
        (
            "/properties/$ref",
            json!("http://example.org/x"),
            "properties",
        ),
        (
            "/binds/redfish/address",
            json!("acme_port"),
            "binds.redfish.address",
        ),
        (
            "/binds/redfish/password",
            json!("acme_slot"),
            "binds.redfish.password",
        ),
        (
            "/binds/redfish/address",
            json!("acme_key"),
            "binds.redfish.password",
        ),
        (
            "/binds",
            json!({"ssh": {"key_contents": "acme_address"}}),
            "binds.ssh.key_contents",
        ),
        (
            "/interfaces/bios/0/native_reboot",
            json!(true),
            "interfaces.bios[0].native_reboot",
        ),
        (
            "/hardware_types/0/interfaces/vendor/0/version",
            json!("newest"),
            "hardware_types[0].interfaces.vendor[0].version",
        ),
    ] {
        let error = types_accept(&with(pointer, value)).expect_err(pointer);
        assert!(
            error.contains(&format!("at {place}:")),
            "{pointer}: {error}"
        );
    }
}

#[test]
fn large_and_deep_documents_are_refused() {
    let large = format!(
        r#"{{"name": "{}"}}"#,
        "x".repeat(ironbark_package::MAX_METADATA_BYTES)
    );
    assert!(Metadata::parse(large.as_bytes()).is_err());
    let deep = format!(
        r#"{{"properties": {}1{}}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    assert!(Metadata::parse(deep.as_bytes()).is_err());
    assert!(Metadata::parse(b"{} {}").is_err());
    let many: Vec<Value> = (0..513)
        .map(|index| json!({"kind": "clean", "interface": "bios", "step": format!("s{index}")}))
        .collect();
    assert!(
        types_accept(&with("/steps", Value::from(many)))
            .unwrap_err()
            .contains("at most 512")
    );
}
