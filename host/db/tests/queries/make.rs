//! Makes what tests need.

use ironbark_db::{Database, Page, Reservation};
use ironbark_model::ident::new_uuid;
use ironbark_model::power::PowerState;
use ironbark_model::provision::ProvisionState;
use ironbark_model::{Chassis, JsonObject, Node, Port, Timestamp};
use serde_json::json;

pub(crate) fn object(value: serde_json::Value) -> JsonObject {
    value.as_object().unwrap().clone()
}

pub(crate) fn node() -> Node {
    Node {
        uuid: new_uuid(),
        driver: "fake-hardware".into(),
        ..Node::default()
    }
}

/// Every field has a value that is not its default, and text has characters that could get lost.
pub(crate) fn full_node() -> Node {
    let text = |field: &str| Some(format!("{field}: ä'\"\\%_!\n\t|~ 雪"));
    let name = |field: &str| Some(format!("implementation-of-{field}"));
    Node {
        id: 0,
        uuid: new_uuid(),
        name: Some(format!("node-{}", new_uuid())),
        driver: "ipmi".into(),
        created_at: Some(Timestamp(1_700_000_000_000_001)),
        updated_at: Some(Timestamp(1_700_000_000_000_002)),
        provision_state: ProvisionState::WaitCallBack,
        target_provision_state: Some(ProvisionState::Active),
        provision_updated_at: Some(Timestamp(1_700_000_000_000_003)),
        power_state: Some(PowerState::On),
        target_power_state: Some(PowerState::Off),
        last_error: text("last_error"),
        maintenance: true,
        maintenance_reason: text("maintenance_reason"),
        fault: Some("power failure".into()),
        health: Some("Warning".into()),
        boot_mode: Some("uefi".into()),
        secure_boot: Some(true),
        reservation: None,
        fence: 0,
        conductor_affinity: Some("host-a".into()),
        conductor_group: "rack-1".into(),
        driver_info: object(
            json!({"ipmi_address": "192.0.2.1", "nested": {"a": [1, 2.5, null, "\u{1e}\u{1f}"]}}),
        ),
        driver_internal_info: object(json!({"a": "b"})),
        properties: object(json!({"cpus": 4})),
        extra: object(json!({"ü": "ä"})),
        instance_info: object(json!({"image": "x"})),
        instance_uuid: Some(new_uuid()),
        instance_name: text("instance_name"),
        network_data: object(json!({"links": []})),
        raid_config: object(json!({"r": 1})),
        target_raid_config: object(json!({"r": 2})),
        clean_step: object(json!({"step": "c"})),
        deploy_step: object(json!({"step": "d"})),
        service_step: object(json!({"step": "s"})),
        automated_clean: Some(false),
        console_enabled: true,
        disable_power_off: true,
        protected: true,
        protected_reason: text("protected_reason"),
        retired: true,
        retired_reason: text("retired_reason"),
        inspection_started_at: Some(Timestamp(1_700_000_000_000_004)),
        inspection_finished_at: Some(Timestamp(1_700_000_000_000_005)),
        agent_heartbeat_at: Some(Timestamp(1_700_000_000_000_006)),
        chassis_uuid: Some(new_uuid()),
        allocation_uuid: Some(new_uuid()),
        parent_node: Some(new_uuid()),
        resource_class: Some("baremetal".into()),
        description: text("description"),
        owner: Some("owner".into()),
        lessee: Some("lessee".into()),
        shard: Some("shard".into()),
        traits: vec!["CUSTOM_A".into(), "HW_B".into()],
        bios_interface: name("bios"),
        boot_interface: name("boot"),
        console_interface: name("console"),
        deploy_interface: name("deploy"),
        firmware_interface: name("firmware"),
        inspect_interface: name("inspect"),
        management_interface: name("management"),
        network_interface: name("network"),
        power_interface: name("power"),
        raid_interface: name("raid"),
        rescue_interface: name("rescue"),
        storage_interface: name("storage"),
        vendor_interface: name("vendor"),
    }
}

pub(crate) fn port(node_uuid: &str, address: &str) -> Port {
    Port {
        uuid: new_uuid(),
        node_uuid: node_uuid.into(),
        address: address.into(),
        ..Port::default()
    }
}

/// A stored node and its reservation by `host-a`.
pub(crate) async fn held_node(database: &Database) -> (Node, Reservation) {
    let node = database.node_create(&node()).await.unwrap();
    let reservation = database.node_reserve(&node.uuid, "host-a").await.unwrap();
    (node, reservation)
}

/// One page that holds everything.
pub(crate) fn everything() -> Page {
    Page::first(10_000)
}

/// Stores the chassis that the node is in, so that the node can be stored.
pub(crate) async fn chassis_of(database: &Database, node: &Node) {
    let chassis = Chassis {
        uuid: node.chassis_uuid.clone().unwrap(),
        ..Chassis::default()
    };
    database.chassis_create(&chassis).await.unwrap();
}

/// A stored node in a chassis, every field of which has a value that is not its default.
pub(crate) async fn stored_full_node(database: &Database) -> Node {
    let node = full_node();
    chassis_of(database, &node).await;
    database.node_create(&node).await.unwrap()
}
