//! What there is when endpoints are asked: something of every kind, under names and UUIDs that never change.

use axum::body::Body;
use ironbark_model::audit::{AuditEntry, AuditKind, OK};
use ironbark_model::hardware::{BiosSetting, FirmwareComponent, Inventory};
use ironbark_model::history::HistoryEntry;
use ironbark_model::lifecycle::{PackageEvent, publisher_history};
use ironbark_model::{Node, PowerState, ProvisionState as S, Timestamp};
use serde_json::{Value, json};

use super::super::harness::{HOST, LATEST, Site};

pub(super) const RACK: &str = "10000000-0000-4000-8000-000000000001";
pub(super) const BUSY: &str = "10000000-0000-4000-8000-000000000002";
pub(super) const WAITS: &str = "10000000-0000-4000-8000-000000000003";
pub(super) const LOOKED_AT: &str = "10000000-0000-4000-8000-000000000004";
pub(super) const BLADE: &str = "10000000-0000-4000-8000-000000000005";
pub(super) const PORT: &str = "20000000-0000-4000-8000-000000000001";
pub(super) const GROUP: &str = "30000000-0000-4000-8000-000000000001";
pub(super) const CHASSIS: &str = "40000000-0000-4000-8000-000000000001";
pub(super) const CONNECTOR: &str = "50000000-0000-4000-8000-000000000001";
pub(super) const TARGET: &str = "60000000-0000-4000-8000-000000000001";
pub(super) const EVENT: &str = "70000000-0000-4000-8000-000000000001";
pub(super) const RULE: &str = "80000000-0000-4000-8000-000000000001";
/// One that nothing has yet.
pub(super) const NEW: &str = "90000000-0000-4000-8000-000000000001";

/// The MAC address of the node that waits for its agent.
pub(super) const WAITING_MAC: &str = "52:54:00:00:00:03";
/// The MAC address of the node that waits for its inspection ramdisk.
pub(super) const LOOKED_AT_MAC: &str = "52:54:00:00:00:04";

/// What every WebAssembly component begins with.
pub(super) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// What a parameter of a path is, if a case doesn't say something else.
pub(super) fn usual(param: &str) -> &'static str {
    match param {
        "node" => "rack-1",
        "port" => PORT,
        "portgroup" => "bond-1",
        "chassis" => CHASSIS,
        "connector" => CONNECTOR,
        "target" => TARGET,
        "allocation" => "wanted",
        "template" => "CUSTOM_FAST",
        "runbook" => "CUSTOM_CARE",
        "rule" => RULE,
        "trait" => "CUSTOM_GPU",
        "event" => EVENT,
        "driver" => "fake-hardware",
        "conductor" => HOST,
        "indicator" => "led@system",
        "setting" => "BootMode",
        "vif" => NEW,
        "method" => "blink",
        "name" => "acme",
        other => panic!("what is {{{other}}} of a path? Say so here"),
    }
}

/// A site with all of it.
pub(super) async fn site() -> Site {
    let site = Site::new().await;
    make(
        &site,
        "/v1/chassis",
        json!({"uuid": CHASSIS, "description": "Rack 7"}),
    )
    .await;
    nodes(&site).await;
    belongings(&site).await;
    recipes(&site).await;
    known_of_hardware(&site).await;
    packages(&site).await;
    site
}

async fn make(site: &Site, path: &str, body: Value) {
    site.send("POST", path, LATEST, Some(body))
        .await
        .expect(201);
}

async fn nodes(site: &Site) {
    let object = |value: Value| value.as_object().unwrap().clone();
    let named = |node: &mut Node, uuid: &str, name: &str, state: S| {
        node.uuid = uuid.to_owned();
        node.name = Some(name.to_owned());
        node.provision_state = state;
        node.power_state = Some(PowerState::Off);
        node.power_interface = Some("fake".to_owned());
    };
    site.node(|node| {
        named(node, RACK, "rack-1", S::Manageable);
        node.chassis_uuid = Some(CHASSIS.to_owned());
        node.driver_info = object(json!({"fake_password": "secret", "fake_address": "192.0.2.1"}));
        node.properties = object(json!({"cpus": 8}));
        node.extra = object(json!({"hall": 1}));
        node.resource_class = Some("gold".to_owned());
        node.owner = Some("ada".to_owned());
        node.shard = Some("east".to_owned());
        node.description = Some("The first one.".to_owned());
        node.console_enabled = true;
    })
    .await;
    site.node(|node| {
        named(node, BUSY, "busy", S::Active);
        node.resource_class = Some("gold".to_owned());
        node.instance_info =
            object(json!({"image_source": "http://files/a.img", "configdrive": "H4sI"}));
    })
    .await;
    site.node(|node| named(node, WAITS, "waits", S::WaitCallBack))
        .await;
    site.node(|node| named(node, LOOKED_AT, "looked-at", S::InspectWait))
        .await;
    site.node(|node| {
        named(node, BLADE, "blade-1", S::Enroll);
        node.parent_node = Some(RACK.to_owned());
    })
    .await;
    let traits = json!({"traits": ["CUSTOM_GPU"]});
    site.send("PUT", "/v1/nodes/rack-1/traits", LATEST, Some(traits))
        .await
        .expect(204);
}

async fn belongings(site: &Site) {
    let group =
        json!({"uuid": GROUP, "name": "bond-1", "node_uuid": RACK, "address": "52:54:00:00:00:10"});
    make(site, "/v1/portgroups", group).await;
    let port = json!({
        "uuid": PORT, "name": "eth0", "node_uuid": RACK, "address": "52:54:00:00:00:01",
        "portgroup_uuid": GROUP, "physical_network": "lab",
        "local_link_connection": {"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "Ethernet1"},
    });
    make(site, "/v1/ports", port).await;
    for (node, address) in [(WAITS, WAITING_MAC), (LOOKED_AT, LOOKED_AT_MAC)] {
        make(
            site,
            "/v1/ports",
            json!({"node_uuid": node, "address": address}),
        )
        .await;
    }
    let connector = json!({
        "uuid": CONNECTOR, "node_uuid": RACK, "type": "iqn",
        "connector_id": "iqn.2026-01.org.example:rack-1",
    });
    make(site, "/v1/volume/connectors", connector).await;
    let target = json!({
        "uuid": TARGET, "node_uuid": RACK, "volume_type": "iscsi", "boot_index": 0, "volume_id": "disk-1",
        "properties": {"auth_username": "ada", "auth_password": "secret"},
    });
    make(site, "/v1/volume/targets", target).await;
    make(
        site,
        "/v1/allocations",
        json!({"name": "wanted", "resource_class": "gold"}),
    )
    .await;
    make(
        site,
        "/v1/allocations",
        json!({"name": "placed", "node": "busy"}),
    )
    .await;
}

async fn recipes(site: &Site) {
    let steps = |rank: &str| {
        let mut step =
            json!({"interface": "bios", "step": "apply", "args": {"password": "secret"}});
        step[rank] = json!(10);
        json!([step])
    };
    let template = json!({"name": "CUSTOM_FAST", "steps": steps("priority")});
    make(site, "/v1/deploy_templates", template).await;
    let runbook = json!({"name": "CUSTOM_CARE", "steps": steps("order"), "public": true});
    make(site, "/v1/runbooks", runbook).await;
    let path = "/v1/runbooks/CUSTOM_CARE/traits/CUSTOM_GPU";
    site.send("PUT", path, LATEST, None).await.expect(204);
    let rule = json!({
        "uuid": RULE, "description": "Too small.", "priority": 7,
        "conditions": [{"op": "lt", "args": ["{inventory[memory][physical_mb]}", 1024]}],
        "actions": [{"op": "fail", "args": {"msg": "too little memory"}}],
    });
    make(site, "/v1/inspection_rules", rule).await;
}

async fn known_of_hardware(site: &Site) {
    let setting = BiosSetting {
        name: "BootMode".into(),
        value: Some("Uefi".into()),
        attribute_type: Some("Enumeration".into()),
        allowable_values: vec!["Bios".into(), "Uefi".into()],
        read_only: Some(false),
        ..BiosSetting::default()
    };
    let component = FirmwareComponent {
        component: "bmc".into(),
        current_version: Some("1.0".into()),
        vendor: Some("Acme".into()),
        ..FirmwareComponent::default()
    };
    let inventory = json!({"inventory": {"cpu": {"count": 4}}, "plugin_data": {"note": "n"}});
    let inventory: Inventory = serde_json::from_value(inventory).unwrap();
    let reservation = site.db.node_reserve(RACK, HOST).await.unwrap();
    let mut tx = site.db.reserved(&reservation).await.unwrap();
    tx.bios_settings_write(&[setting]).await.unwrap();
    tx.firmware_components_write(&[component], false)
        .await
        .unwrap();
    tx.inventory_write(&inventory).await.unwrap();
    tx.history_add(&HistoryEntry {
        uuid: EVENT.to_owned(),
        node_uuid: RACK.to_owned(),
        created_at: Some(Timestamp(1)),
        severity: "ERROR".to_owned(),
        event_type: "verify".to_owned(),
        event: "The machine could not be reached.".to_owned(),
        conductor: Some(HOST.to_owned()),
        state: Some("verifying".to_owned()),
        duration_seconds: Some(3),
        ..HistoryEntry::default()
    })
    .await
    .unwrap();
    tx.commit_and_release().await.unwrap();
}

async fn packages(site: &Site) {
    let headers = [("content-type", "application/wasm")];
    let path = "/ironbark/v1/packages?grant=ipmi,state";
    site.raw("POST", path, &headers, Body::from(COMPONENT))
        .await
        .expect(201);
    let publisher = json!({
        "name": "acme", "public_key": "RWQ", "packages": ["acme*"], "expires_at": "2999-12-31",
    });
    make(site, "/ironbark/v1/publishers", publisher).await;
    let mut tx = site.db.change_packages().await.unwrap();
    for (package, version, action) in [
        ("acme".to_owned(), Some("1.0.0".to_owned()), "activate"),
        (publisher_history("acme"), None, "trust"),
    ] {
        tx.note(&PackageEvent {
            created_at: Timestamp(1),
            package,
            version,
            digest: None,
            action: action.to_owned(),
            actor: "ada".to_owned(),
            request_id: None,
            detail: None,
        })
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let entry = AuditEntry {
        node: Some(RACK.to_owned()),
        package: Some("acme".to_owned()),
        duration_us: Some(42),
        ..AuditEntry::new(Timestamp(1), AuditKind::Read, "ipmi 0x00 0x01", OK)
    };
    site.db.audit_append(HOST, &[entry], &[]).await.unwrap();
}
