//! What is asked about a node's hardware, with the real fake driver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::{World, kind};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{
    Allocation, ErrorKind, JsonObject, Node, Port, PowerState, PowerTarget, ProvisionState as S,
    Result, Verb,
};
use ironbark_rpc::{ChangeAllocation, HardwareRequest as H, Reply, Request};
use serde_json::{Value, json};

async fn ask(world: &World, node: &Node, request: H) -> Result<Reply> {
    world
        .ask(Request::Hardware {
            node: node.uuid.clone(),
            request,
        })
        .await
}

async fn read(world: &World, node: &Node, request: H) -> Value {
    match ask(world, node, request).await.unwrap() {
        Reply::Json(value) => value,
        other => panic!("not JSON: {other:?}"),
    }
}

/// Waits until nobody holds the node.
async fn free(world: &World, node: &Node) -> Node {
    world
        .until(&node.uuid, "the node to be free", |node| {
            node.reservation.is_none()
        })
        .await
}

fn object(value: &Value) -> JsonObject {
    value.as_object().unwrap().clone()
}

fn vif(id: &str) -> H {
    H::AttachVif(object(&json!({"id": id})))
}

/// A node without any hardware but power: all else is `no-…`.
async fn bare(world: &World) -> Node {
    let interfaces = json!({
        "console_interface": "no-console", "raid_interface": "no-raid", "bios_interface": "no-bios",
        "management_interface": "noop",
    });
    world.create("fake-hardware", json!({}), interfaces).await
}

async fn clean(world: &World, node: &Node, steps: Value) -> Node {
    world
        .provision(&node.uuid, Verb::Clean, json!({"clean_steps": steps}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Manageable).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fake_type_has_every_interface_and_all_are_valid() {
    let world = World::start().await;
    let node = world.fake_node().await;
    let Reply::Json(said) = world
        .ask(Request::Validate {
            node: node.uuid.clone(),
        })
        .await
        .unwrap()
    else {
        panic!("no answer");
    };
    let said = said.as_object().unwrap();
    assert_eq!(said.len(), 12, "{said:?}");
    assert!(
        said.values().all(|one| one == &json!({"result": true})),
        "{said:?}"
    );
    let bare = bare(&world).await;
    for (interface, name) in [("console", "no-console"), ("raid", "no-raid")] {
        let Reply::Json(said) = world
            .ask(Request::Validate {
                node: bare.uuid.clone(),
            })
            .await
            .unwrap()
        else {
            panic!("no answer");
        };
        assert_eq!(said[interface]["result"], json!(false));
        assert!(said[interface]["reason"].as_str().unwrap().contains(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vifs_of_a_driver_are_its_own_and_end_with_the_instance() {
    let world = World::start().await;
    let fields = json!({"network_interface": "fake"});
    let node = world.create("fake-hardware", json!({}), fields).await;
    assert_eq!(read(&world, &node, H::ListVifs).await, json!([]));
    ask(&world, &node, vif("one")).await.unwrap();
    assert_eq!(
        kind(ask(&world, &node, vif("one")).await),
        Some(ErrorKind::Conflict)
    );
    ask(&world, &node, vif("two")).await.unwrap();
    assert_eq!(
        read(&world, &node, H::ListVifs).await,
        json!(["one", "two"])
    );
    ask(&world, &node, H::DetachVif("one".into()))
        .await
        .unwrap();
    assert_eq!(
        kind(ask(&world, &node, H::DetachVif("one".into())).await),
        Some(ErrorKind::InvalidParameter)
    );
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    assert_eq!(read(&world, &node, H::ListVifs).await, json!(["two"]));
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Available).await;
    assert_eq!(read(&world, &node, H::ListVifs).await, json!([]));
}

/// An active node of the test driver whose instance has a VIF and an allocation; the UUID of the latter.
async fn in_use(world: &World, driver_info: Value, fields: Value) -> (Node, String) {
    let mut fields = fields;
    fields["resource_class"] = json!("gold");
    fields["automated_clean"] = json!(false);
    let node = world.test_node(driver_info, fields).await;
    let port = Port {
        address: ironbark_model::ident::canonical_mac(&format!(
            "52:54:{}:{}:00:01",
            &node.uuid[0..2],
            &node.uuid[2..4]
        ))
        .unwrap(),
        node_uuid: node.uuid.clone(),
        ..Port::default()
    };
    world
        .ask(Request::CreatePort {
            port: Box::new(port),
        })
        .await
        .unwrap();
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Active).await;
    ask(world, &node, vif("one")).await.unwrap();
    assert_eq!(read(world, &node, H::ListVifs).await, json!(["one"]));
    let allocation = Allocation {
        uuid: new_uuid(),
        resource_class: Some("gold".to_owned()),
        ..Allocation::default()
    };
    let change = ChangeAllocation::Backfill {
        allocation: Box::new(allocation),
        node: node.uuid.clone(),
    };
    match world
        .ask(Request::ChangeAllocation { change })
        .await
        .unwrap()
    {
        Reply::Allocation(stored) => (node, stored.uuid),
        other => panic!("not an allocation: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tear_down_that_fails_leaves_no_vifs_and_no_allocation_either() {
    let world = World::start_with_drivers(|drivers| drivers.vif_recorder = true).await;
    for network in ["fake", "ironbark-recorder"] {
        let info = json!({"fake_fail": {"tear_down": "failed"}});
        let fields = json!({"network_interface": network, "storage_interface": "test"});
        let (node, allocation) = in_use(&world, info, fields).await;
        world
            .provision(&node.uuid, Verb::Delete, json!({}))
            .await
            .unwrap();
        let node = world.settled(&node.uuid, S::Error).await;
        assert!(node.last_error.as_ref().unwrap().contains("tear-down"));
        assert_eq!(
            read(&world, &node, H::ListVifs).await,
            json!([]),
            "{network}"
        );
        assert!(node.instance_info.is_empty() && node.instance_uuid.is_none());
        let ident = Ident::Uuid(allocation);
        assert_eq!(world.db.allocation_get(&ident).await.unwrap(), None);
        assert_eq!(world.notes(&node.uuid).await["detached volumes"], json!(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tear_down_that_is_not_carried_on_leaves_no_recorded_vif() {
    let mut world = World::start_with_drivers(|drivers| drivers.vif_recorder = true).await;
    world.change_config(|config| config.max_resumes = 0);
    let info = json!({"fake_delay_ms": {"tear_down": 600}});
    let fields = json!({"network_interface": "ironbark-recorder"});
    let (node, allocation) = in_use(&world, info, fields).await;
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    world.kill_and_restart().await;
    let node = world.settled(&node.uuid, S::Error).await;
    assert!(node.last_error.as_ref().unwrap().contains("interrupted"));
    assert_eq!(read(&world, &node, H::ListVifs).await, json!([]));
    let ident = Ident::Uuid(allocation);
    assert_eq!(world.db.allocation_get(&ident).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_connected_before_the_instance_boots_and_until_it_goes() {
    let world = World::start().await;
    let fields = json!({"storage_interface": "test", "automated_clean": false});
    let node = world.test_node(json!({}), fields).await;
    let count = async |what: &str| {
        let notes = world.notes(&node.uuid).await;
        notes.get(what).cloned().unwrap_or(json!(0))
    };
    let switch = async |target: PowerTarget| {
        world.power(&node.uuid, target).await.unwrap();
        world.power_settled(&node.uuid).await
    };
    world.manage(&node.uuid).await;
    switch(PowerTarget::On).await;
    switch(PowerTarget::Off).await;
    assert_eq!(count("attached volumes").await, 0, "there is no instance");
    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Available).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    assert_eq!(count("attached volumes").await, 1);
    // Each time that it is switched on; not if it is on.
    for (target, attached) in [
        (PowerTarget::On, 2),
        (PowerTarget::On, 2),
        (PowerTarget::Reboot, 3),
        (PowerTarget::Off, 3),
    ] {
        let node = switch(target).await;
        assert_eq!(node.power_state, Some(target.reached()));
        assert_eq!(count("attached volumes").await, attached, "{target}");
    }
    assert_eq!(count("detached volumes").await, 0);
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Available).await;
    assert_eq!(count("detached volumes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_that_can_not_be_connected_fail_what_needs_them() {
    let world = World::start().await;
    let fields = json!({"storage_interface": "test", "automated_clean": false});
    let broken = json!({"fake_fail": {"attach_volumes": "failed"}});
    let node = world.test_node(broken.clone(), fields.clone()).await;
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    let failed = world.settled(&node.uuid, S::DeployFailed).await;
    assert!(failed.last_error.unwrap().contains("failing as asked"));

    let node = world.test_node(broken, fields.clone()).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    world.power(&node.uuid, PowerTarget::On).await.unwrap();
    let off = world.power_settled(&node.uuid).await;
    assert!(off.last_error.unwrap().contains("failing as asked"));
    assert_eq!(off.power_state, Some(PowerState::Off));
    assert!(!world.notes(&node.uuid).await.contains_key("power_state"));

    // That they can't be disconnected keeps nothing.
    let broken = json!({"fake_fail": {"detach_volumes": "failed"}});
    let node = world.test_node(broken, fields).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Available).await;
    assert_eq!(node.last_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_that_does_nothing_accepts_vifs_and_lists_none() {
    let world = World::start().await;
    let node = world.fake_node().await;
    for _ in 0..2 {
        ask(&world, &node, vif("one")).await.unwrap();
    }
    assert_eq!(read(&world, &node, H::ListVifs).await, json!([]));
    ask(&world, &node, H::DetachVif("one".into()))
        .await
        .unwrap();
    // The recorder isn't there unless an operator wants it.
    let patch =
        json!([{"op": "replace", "path": "/network_interface", "value": "ironbark-recorder"}]);
    assert_eq!(
        kind(world.patch(&node.uuid, patch).await),
        Some(ErrorKind::InvalidParameter)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorder_writes_vifs_down_until_the_instance_goes() {
    let world = World::start_with_drivers(|drivers| drivers.vif_recorder = true).await;
    let by_default = world.fake_node().await;
    assert_eq!(by_default.network_interface.as_deref(), Some("noop"));
    let fields = json!({"network_interface": "ironbark-recorder"});
    let node = world.create("fake-hardware", json!({}), fields).await;
    assert_eq!(
        kind(ask(&world, &node, vif("one")).await),
        Some(ErrorKind::InvalidParameter),
        "there is no port"
    );
    let mut uuids = Vec::new();
    for (address, pxe_enabled) in [("52:54:00:00:00:01", false), ("52:54:00:00:00:02", true)] {
        let port = Port {
            address: address.into(),
            node_uuid: node.uuid.clone(),
            pxe_enabled,
            ..Port::default()
        };
        let Reply::Port(port) = world
            .ask(Request::CreatePort {
                port: Box::new(port),
            })
            .await
            .unwrap()
        else {
            panic!("no port");
        };
        uuids.push(port.uuid);
    }
    ask(&world, &node, vif("one")).await.unwrap();
    let wanted = json!({"id": "two", "port_uuid": uuids[0]});
    ask(&world, &node, H::AttachVif(object(&wanted)))
        .await
        .unwrap();
    assert_eq!(
        kind(ask(&world, &node, vif("two")).await),
        Some(ErrorKind::Conflict)
    );
    assert_eq!(
        kind(ask(&world, &node, vif("three")).await),
        Some(ErrorKind::InvalidParameter)
    );
    let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
    let recorded: Vec<&Value> = ports
        .iter()
        .map(|port| &port.internal_info["tenant_vif_port_id"])
        .collect();
    assert_eq!(recorded, [&json!("two"), &json!("one")]);
    let delete = Request::DestroyPort {
        port: uuids[0].clone(),
        node: node.uuid.clone(),
    };
    assert_eq!(kind(world.ask(delete).await), Some(ErrorKind::Conflict));
    ask(&world, &node, H::DetachVif("two".into()))
        .await
        .unwrap();
    assert_eq!(
        kind(ask(&world, &node, H::DetachVif("two".into())).await),
        Some(ErrorKind::InvalidParameter)
    );
    assert_eq!(read(&world, &node, H::ListVifs).await, json!(["one"]));

    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Available).await;
    assert_eq!(read(&world, &node, H::ListVifs).await, json!([]));
    let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
    assert!(ports.iter().all(|port| port.internal_info.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raid_configuration_is_checked_stored_and_made() {
    let world = World::start().await;
    let node = world.fake_node().await;
    world.manage(&node.uuid).await;
    let config =
        json!({"logical_disks": [{"raid_level": "1", "size_gb": 10, "is_root_volume": true}]});
    let set = |config: &Value| H::SetTargetRaidConfig(object(config));
    ask(&world, &node, set(&config)).await.unwrap();
    assert_eq!(
        world.node(&node.uuid).await.target_raid_config,
        object(&config)
    );
    let wrong = json!({"logical_disks": [{"raid_level": "9", "size_gb": 10}]});
    assert_eq!(
        kind(ask(&world, &node, set(&wrong)).await),
        Some(ErrorKind::InvalidParameter)
    );
    let steps = json!([{"interface": "raid", "step": "create_configuration"}]);
    let cleaned = clean(&world, &node, steps).await;
    assert_eq!(
        cleaned.raid_config,
        object(&config),
        "{:?}",
        cleaned.last_error
    );
    assert_eq!(cleaned.target_raid_config, object(&config));
    ask(&world, &node, set(&json!({}))).await.unwrap();
    assert!(world.node(&node.uuid).await.target_raid_config.is_empty());

    let without = bare(&world).await;
    for config in [&config, &wrong] {
        assert_eq!(
            kind(ask(&world, &without, set(config)).await),
            Some(ErrorKind::NotFound)
        );
    }
    let properties = |driver: &str| Request::DriverRaidProperties {
        driver: driver.to_owned(),
    };
    let Reply::Json(said) = world.ask(properties("fake-hardware")).await.unwrap() else {
        panic!("no answer");
    };
    assert!(said["raid_level"].is_string() && said["size_gb"].is_string());
    assert_eq!(
        kind(world.ask(properties("test-hardware")).await),
        Some(ErrorKind::NotFound)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_is_shown_while_it_is_on() {
    let world = World::start().await;
    let node = world.fake_node().await;
    let off = json!({"console_enabled": false, "console_info": null});
    assert_eq!(read(&world, &node, H::GetConsole).await, off);
    for _ in 0..2 {
        ask(&world, &node, H::SetConsole(true)).await.unwrap();
        assert!(free(&world, &node).await.console_enabled);
    }
    let on = read(&world, &node, H::GetConsole).await;
    assert_eq!(on["console_info"]["type"], json!("url"));
    ask(&world, &node, H::SetConsole(false)).await.unwrap();
    assert!(!free(&world, &node).await.console_enabled);
    assert_eq!(read(&world, &node, H::GetConsole).await, off);
    let without = bare(&world).await;
    assert_eq!(
        kind(ask(&world, &without, H::SetConsole(true)).await),
        Some(ErrorKind::Unsupported)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn boot_settings_change_and_what_fails_is_told() {
    let world = World::start().await;
    let node = world.fake_node().await;
    ask(&world, &node, H::SetBootMode("uefi".into()))
        .await
        .unwrap();
    assert_eq!(free(&world, &node).await.boot_mode.as_deref(), Some("uefi"));
    ask(&world, &node, H::SetSecureBoot(true)).await.unwrap();
    let changed = free(&world, &node).await;
    assert_eq!(
        (changed.secure_boot, changed.last_error),
        (Some(true), None)
    );
    // What the machine says is what a verification finds.
    let verified = world.manage(&node.uuid).await;
    assert_eq!(
        (
            verified.boot_mode.as_deref(),
            verified.secure_boot,
            verified.health.as_deref()
        ),
        (Some("uefi"), Some(true), Some("OK"))
    );

    let without = bare(&world).await;
    ask(&world, &without, H::SetBootMode("bios".into()))
        .await
        .unwrap();
    let failed = free(&world, &without).await;
    let error = failed.last_error.unwrap();
    assert!(error.contains("boot mode to 'bios'"), "{error}");
    assert_eq!(failed.boot_mode, None);
    let events = world.history(&without.uuid).await;
    assert!(events.iter().any(|event| event.event_type == "boot"));
}

#[tokio::test(flavor = "multi_thread")]
async fn boot_settings_that_are_so_already_are_not_written_again() {
    let world = World::start().await;
    let node = world.fake_node().await;
    // A mode that the driver would refuse to set; the machine has it.
    let notes = [("boot_mode".to_owned(), Some("\"odd\"".into()))];
    let reservation = world.db.node_reserve(&node.uuid, "tests").await.unwrap();
    let mut tx = world.db.reserved(&reservation).await.unwrap();
    tx.notes_write("fake", &notes).await.unwrap();
    tx.commit_and_release().await.unwrap();
    let error = async |mode: &str| {
        ask(&world, &node, H::SetBootMode(mode.into()))
            .await
            .unwrap();
        free(&world, &node).await.last_error
    };
    assert_eq!(error("odd").await, None);
    assert!(error("other").await.is_some());
    assert_eq!(error("uefi").await, None);
    assert!(error("odd").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_stop_kept_from_beginning_leaves_an_error() {
    let mut world = World::start().await;
    let node = world.fake_node().await;
    world.conductor.context().workers.cancel();
    ask(&world, &node, H::SetBootMode("uefi".into()))
        .await
        .unwrap();
    world.conductor.context().workers.idle().await;
    world.kill_and_restart().await;
    let node = free(&world, &node).await;
    let error = node.last_error.expect("the request was accepted");
    assert!(error.contains("interrupted"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boot_settings_stay_while_something_goes_on() {
    let world = World::start().await;
    let node = world.fake_node().await;
    world.manage(&node.uuid).await;
    // Until the agent's next heartbeat, which never comes.
    let steps = json!([{"interface": "deploy", "step": "wait"}]);
    world
        .provision(&node.uuid, Verb::Clean, json!({"clean_steps": steps}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    for change in [H::SetBootMode("bios".into()), H::SetSecureBoot(true)] {
        assert_eq!(
            kind(ask(&world, &node, change).await),
            Some(ErrorKind::Conflict)
        );
    }
    let waiting = free(&world, &node).await;
    assert_eq!(waiting.provision_state, S::CleanWait);
    assert_eq!((waiting.boot_mode, waiting.secure_boot), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn indicators_are_lit() {
    let world = World::start().await;
    let node = world.fake_node().await;
    let listed = read(&world, &node, H::ListIndicators).await;
    assert_eq!(listed["chassis"]["led-0"]["readonly"], json!(true));
    let get = || H::GetIndicator {
        component: "system".into(),
        indicator: "led".into(),
    };
    let set = |component: &str, indicator: &str, state: &str| H::SetIndicator {
        component: component.into(),
        indicator: indicator.into(),
        state: state.into(),
    };
    assert_eq!(read(&world, &node, get()).await, json!("on"));
    ask(&world, &node, set("system", "led", "blinking"))
        .await
        .unwrap();
    assert_eq!(read(&world, &node, get()).await, json!("blinking"));
    for (component, indicator, expected) in [
        ("chassis", "led-0", ErrorKind::Unsupported),
        ("disk", "led", ErrorKind::InvalidParameter),
    ] {
        assert_eq!(
            kind(ask(&world, &node, set(component, indicator, "off")).await),
            Some(expected)
        );
    }
    assert_eq!(world.node(&node.uuid).await.reservation, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn bios_and_firmware_are_kept_as_the_machine_says() {
    let world = World::start().await;
    let node = world.fake_node().await;
    assert_eq!(world.db.bios_settings(&node.uuid).await.unwrap(), []);
    world.manage(&node.uuid).await;
    let value = async |name: &str| {
        let settings = world.db.bios_settings(&node.uuid).await.unwrap();
        let found = settings.into_iter().find(|setting| setting.name == name);
        found.and_then(|setting| setting.value)
    };
    assert_eq!(
        value("ProcVirtualization").await.as_deref(),
        Some("Enabled")
    );
    let steps = json!([
        {"interface": "bios", "step": "apply_configuration",
         "args": {"settings": [{"name": "ProcVirtualization", "value": "Disabled"}, {"name": "Mine", "value": 7}]}},
        {"interface": "firmware", "step": "update",
         "args": {"settings": [{"component": "bmc", "url": "http://files/2.5"}]}}
    ]);
    clean(&world, &node, steps).await;
    assert_eq!(
        value("ProcVirtualization").await.as_deref(),
        Some("Disabled")
    );
    assert_eq!(value("Mine").await.as_deref(), Some("7"));
    let firmware = world.db.firmware_components(&node.uuid).await.unwrap();
    let bmc = firmware.iter().find(|one| one.component == "bmc").unwrap();
    assert_eq!(
        (
            bmc.initial_version.as_str(),
            bmc.current_version.as_deref(),
            bmc.last_version_flashed.as_deref()
        ),
        ("1.0", Some("2.5"), Some("2.5"))
    );
    let reset = json!([{"interface": "bios", "step": "factory_reset"}]);
    clean(&world, &node, reset).await;
    assert_eq!(
        value("ProcVirtualization").await.as_deref(),
        Some("Enabled")
    );
    assert_eq!(value("Mine").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_are_attached_and_detached() {
    let world = World::start().await;
    let node = world.fake_node().await;
    let attach = |device_type: &str| H::AttachVirtualMedia {
        device_type: device_type.into(),
        image_url: "http://files/a.iso".into(),
    };
    for device in ["cdrom", "disk"] {
        ask(&world, &node, attach(device)).await.unwrap();
        assert_eq!(free(&world, &node).await.last_error, None);
    }
    let inserted = async || {
        let devices = read(&world, &node, H::ListVirtualMedia).await;
        let count = devices.as_array().unwrap().iter();
        count
            .filter(|device| device["inserted"] == json!(true))
            .count()
    };
    assert_eq!(inserted().await, 2);
    let detach = |devices: &[&str]| {
        H::DetachVirtualMedia(devices.iter().map(|one| (*one).to_owned()).collect())
    };
    ask(&world, &node, detach(&["cdrom"])).await.unwrap();
    free(&world, &node).await;
    assert_eq!(inserted().await, 1);
    ask(&world, &node, detach(&[])).await.unwrap();
    free(&world, &node).await;
    assert_eq!(inserted().await, 0);

    let without = bare(&world).await;
    assert_eq!(
        kind(ask(&world, &without, H::ListVirtualMedia).await),
        Some(ErrorKind::Unsupported)
    );
    ask(&world, &without, attach("cdrom")).await.unwrap();
    let error = free(&world, &without).await.last_error.unwrap();
    assert!(error.contains("attach virtual media"), "{error}");
}
