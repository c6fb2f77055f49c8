//! Ports, port groups, chassis, volumes, drivers, conductors, and what else is not below a node.

use serde_json::{Value, json};

use super::hardware::vendor;
use super::operation::{Operation, delete, get, patch, post};
use super::schema::{self, listed, reference};
use super::shown::links;
use crate::events::EVENTS;
use crate::gates::{Attribute, Filter, chassis, others, port, portgroup, volume};

pub(crate) fn operations() -> Vec<Operation> {
    let mut all = resource(&Words {
        paths: ["ports", "ports/detail", "ports/{port}"],
        one: "a port",
        many: "ports",
        key: "ports",
        schema: "Port",
        table: port::FIELDS,
        filters: port::FILTERS,
        has_detail: true,
    });
    all.extend(resource(&Words {
        paths: ["portgroups", "portgroups/detail", "portgroups/{portgroup}"],
        one: "a port group",
        many: "port groups",
        key: "portgroups",
        schema: "Portgroup",
        table: portgroup::FIELDS,
        filters: portgroup::FILTERS,
        has_detail: true,
    }));
    all.extend(resource(&Words {
        paths: ["chassis", "chassis/detail", "chassis/{chassis}"],
        one: "a chassis",
        many: "chassis",
        key: "chassis",
        schema: "Chassis",
        table: chassis::FIELDS,
        filters: &[],
        has_detail: true,
    }));
    all.extend(resource(&Words {
        paths: ["volume/connectors", "", "volume/connectors/{connector}"],
        one: "a volume connector",
        many: "volume connectors",
        key: "connectors",
        schema: "VolumeConnector",
        table: volume::CONNECTOR,
        filters: volume::FILTERS,
        has_detail: true,
    }));
    all.extend(resource(&Words {
        paths: ["volume/targets", "", "volume/targets/{target}"],
        one: "a volume target",
        many: "volume targets",
        key: "targets",
        schema: "VolumeTarget",
        table: volume::TARGET,
        filters: volume::FILTERS,
        has_detail: true,
    }));
    all.extend(nested());
    all.extend(drivers());
    all.extend(service());
    all
}

/// How a resource that is nothing special is called; a path that it doesn't have is empty.
pub(crate) struct Words {
    /// The list, the list in detail, one.
    pub(crate) paths: [&'static str; 3],
    /// One of them with its article, as a sentence ends with it.
    pub(crate) one: &'static str,
    /// Several of them.
    pub(crate) many: &'static str,
    pub(crate) key: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) table: &'static [Attribute],
    pub(crate) filters: &'static [Filter],
    /// Whether the list knows `?detail=`.
    pub(crate) has_detail: bool,
}

/// List, create, show, change, remove.
pub(crate) fn resource(words: &Words) -> Vec<Operation> {
    let [list, in_detail, one] = words.paths;
    let summary = |verb: &str| format!("{verb} {}", words.one);
    let to_list = format!("List {}", words.many);
    let to_detail = format!("{to_list} with all fields");
    let page =
        |operation: Operation| operation.page(words.key, words.schema, words.table, words.filters);
    let listing = get(list, to_list).fields(words.table);
    let mut all = vec![
        page(if words.has_detail {
            listing.detail()
        } else {
            listing
        }),
        post(list, summary("Create"))
            .body(schema::new_object(words.table))
            .created(reference(words.schema)),
        get(one, summary("Show"))
            .fields(words.table)
            .ok(reference(words.schema)),
        patch(one, summary("Change")).ok(reference(words.schema)),
        delete(one, summary("Remove")).no_content(),
    ];
    if !in_detail.is_empty() {
        all.push(page(get(in_detail, to_detail)));
    }
    all
}

fn nested() -> Vec<Operation> {
    use crate::gates::node;
    vec![
        get("portgroups/{portgroup}/ports", "List a port group's ports")
            .detail()
            .fields(port::FIELDS)
            .page("ports", "Port", port::FIELDS, port::NESTED_FILTERS),
        get(
            "portgroups/{portgroup}/ports/detail",
            "List a port group's ports with all fields",
        )
        .page("ports", "Port", port::FIELDS, port::NESTED_FILTERS),
        get("chassis/{chassis}/nodes", "List a chassis' nodes")
            .detail()
            .fields(node::FIELDS)
            .page("nodes", "Node", node::FIELDS, node::FILTERS),
        get(
            "chassis/{chassis}/nodes/detail",
            "List a chassis' nodes with all fields",
        )
        .page("nodes", "Node", node::FIELDS, node::FILTERS),
        get("volume", "Where volume connectors and targets are").ok(volume_root()),
    ]
}

/// Links to connectors and targets.
pub(crate) fn volume_root() -> Value {
    json!({
        "type": "object",
        "required": ["links", "connectors", "targets"],
        "properties": {"links": links(), "connectors": links(), "targets": links()},
        "additionalProperties": false,
    })
}

fn drivers() -> Vec<Operation> {
    let driver = || {
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "hosts": {"type": "array", "items": {"type": "string"}},
                "type": {"enum": ["dynamic"]},
                "links": links(),
                "properties": links(),
            },
            "patternProperties": {
                "^default_[a-z]+_interface$": {"type": ["string", "null"]},
                "^enabled_[a-z]+_interfaces$": {"type": "array", "items": {"type": "string"}},
            },
            "additionalProperties": false,
        })
    };
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    let mut all = vec![
        get("drivers", "List drivers (hardware types)")
            .query("type", json!({"enum": ["classic", "dynamic"]}))
            .query("detail", super::query::flag())
            .query("fields", json!({"type": "string"}))
            .ok(listed("drivers", driver())),
        get("drivers/{driver}", "Show a driver (hardware type)")
            .query("fields", json!({"type": "string"}))
            .ok(driver()),
        get(
            "drivers/{driver}/properties",
            "List what a driver reads from driver_info",
        )
        .ok(texts()),
        get(
            "drivers/{driver}/raid/logical_disk_properties",
            "List what may be said of a logical disk",
        )
        .asks_machine()
        .ok(texts()),
        get(
            "drivers/{driver}/vendor_passthru/methods",
            "List a driver's vendor methods",
        )
        .asks_machine()
        .ok(json!({"type": "object", "additionalProperties": {"type": "object"}})),
    ];
    all.extend(vendor(
        "drivers/{driver}/vendor_passthru",
        "drivers/{driver}/vendor_passthru/{method}",
    ));
    all
}

fn service() -> Vec<Operation> {
    vec![
        get("conductors", "List conductors")
            .detail()
            .fields(others::CONDUCTOR)
            .page("conductors", "Conductor", others::CONDUCTOR, &[]),
        get("conductors/{conductor}", "Show a conductor")
            .fields(others::CONDUCTOR)
            .ok(reference("Conductor")),
        get("shards", "Count nodes by shard").ok(listed(
            "shards",
            json!({
                "type": "object",
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
                "additionalProperties": false,
            }),
        )),
        post("events", "Tell of what happened to ports in the network")
            .body(json!({
                "type": "object",
                "required": ["events"],
                "properties": {"events": {"type": "array", "minItems": 1, "items": event()}},
                "additionalProperties": false,
            }))
            .no_content(),
    ]
}

fn event() -> Value {
    json!({
        "type": "object",
        "required": ["event", "port_id", "mac_address", "status"],
        "properties": {
            "event": {"enum": EVENTS},
            "port_id": {"type": "string", "format": "uuid"},
            "mac_address": {"type": "string"},
            "status": {"type": "string"},
            "device_id": {"type": ["string", "null"], "format": "uuid"},
            "binding:host_id": {"type": ["string", "null"], "format": "uuid"},
            "binding:vnic_type": {"type": ["string", "null"]},
        },
        "additionalProperties": false,
    })
}
