//! Inspection, rescue and the way back, with the real test driver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::{World, kind};
use ironbark_model::{ErrorKind, Node, ProvisionState as S, Verb};
use serde_json::{Value, json};

/// A node whose machine can be inspected and rescued.
async fn machine(world: &World, driver_info: Value) -> Node {
    let fields =
        json!({"inspect_interface": "test", "rescue_interface": "test", "automated_clean": false});
    world.test_node(driver_info, fields).await
}

async fn active(world: &World, driver_info: Value) -> Node {
    let node = machine(world, driver_info).await;
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await
}

fn password() -> Value {
    json!({"rescue_password": "correct horse"})
}

async fn journal_of(world: &World, uuid: &str) -> String {
    let operation = world.db.operation_of(uuid).await.unwrap();
    serde_json::to_string(&operation).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_makes_properties_and_ports_of_what_it_found() {
    let mut world = World::start().await;
    // At once, after waiting, and after a kill.
    for (driver_info, kill) in [
        (json!({}), false),
        (json!({"fake_rounds": 1, "fake_poll_seconds": 1}), false),
        (json!({"fake_delay_ms": {"inspect_hardware": 400}}), true),
    ] {
        let node = machine(&world, driver_info).await;
        world.manage(&node.uuid).await;
        world
            .provision(&node.uuid, Verb::Inspect, json!({}))
            .await
            .unwrap();
        let accepted = world.node(&node.uuid).await;
        assert!(
            accepted.inspection_started_at.is_some() || accepted.inspection_finished_at.is_some()
        );
        if kill {
            world
                .journal_until(&node.uuid, "the inspection", |_| true)
                .await;
            world.kill_and_restart().await;
        }
        let node = world.settled(&node.uuid, S::Manageable).await;
        assert!(node.inspection_finished_at.is_some() && node.last_error.is_none());
        assert_eq!(node.properties["memory_mb"], json!(4096));
        let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
        let pxe: Vec<bool> = ports.iter().map(|port| port.pxe_enabled).collect();
        assert_eq!(pxe, [true, false]);
        let found = world.db.inventory(&node.uuid).await.unwrap().unwrap();
        assert_eq!(found.inventory["memory"]["physical_mb"], json!(4096));

        // Found again, they are not made again.
        world
            .provision(&node.uuid, Verb::Inspect, json!({}))
            .await
            .unwrap();
        world.settled(&node.uuid, S::Manageable).await;
        let again = world.db.ports_of_node(&node.uuid).await.unwrap();
        assert_eq!(ports, again);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_fails_or_is_given_up() {
    let world = World::start().await;
    let failing = json!({"fake_fail": {"inspect_hardware": "unreachable"}});
    let node = machine(&world, failing).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::InspectFailed).await;
    assert!(node.last_error.unwrap().contains("inspect"));
    assert!(!node.maintenance && node.inspection_started_at.is_none());

    let waiting = json!({"fake_rounds": 1, "fake_poll_seconds": 600});
    let node = machine(&world, waiting).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::InspectWait).await;
    world
        .provision(&node.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::InspectFailed).await;
    assert!(node.last_error.unwrap().contains("By request"));
    let notes = world.notes(&node.uuid).await;
    assert_eq!(notes["aborted inspect"], json!(1), "the driver was told");
    world
        .provision(&node.uuid, Verb::Manage, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Manageable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_rescued_and_comes_back() {
    let mut world = World::start().await;
    for (driver_info, kill) in [
        (json!({}), false),
        (json!({"fake_rounds": 1, "fake_poll_seconds": 1}), false),
        (
            json!({"fake_delay_ms": {"rescue": 400, "unrescue": 400}}),
            true,
        ),
    ] {
        let node = active(&world, driver_info).await;
        let refused = world.provision(&node.uuid, Verb::Rescue, json!({})).await;
        assert_eq!(kind(refused), Some(ErrorKind::MissingParameter));
        world
            .provision(&node.uuid, Verb::Rescue, password())
            .await
            .unwrap();
        assert!(!journal_of(&world, &node.uuid).await.contains("horse"));
        if kill {
            world.kill_and_restart().await;
        }
        let rescued = world.settled(&node.uuid, S::Rescue).await;
        assert_eq!(
            rescued.instance_info["rescue_password"],
            json!("correct horse")
        );
        world
            .provision(&node.uuid, Verb::Unrescue, json!({}))
            .await
            .unwrap();
        if kill {
            world.kill_and_restart().await;
        }
        let back = world.settled(&node.uuid, S::Active).await;
        assert!(!back.instance_info.contains_key("rescue_password"));
        assert_eq!(back.last_error, None);
        let notes = world.notes(&node.uuid).await;
        assert_eq!(notes["finished unrescue"], json!(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescue_fails_or_is_given_up_and_the_password_goes() {
    let world = World::start().await;
    let node = active(&world, json!({"fake_fail": {"rescue": "failed"}})).await;
    world
        .provision(&node.uuid, Verb::Rescue, password())
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::RescueFailed).await;
    assert!(!node.instance_info.contains_key("rescue_password"));
    assert!(!node.maintenance && node.last_error.unwrap().contains("rescue"));
    let notes = world.notes(&node.uuid).await;
    assert_eq!(notes["cleaned up rescue"], json!(1));

    // Given up while it waits, well and badly.
    for (cleaned_up, fault) in [(true, None), (false, Some("rescue abort failure"))] {
        let mut driver_info = json!({"fake_rounds": 1, "fake_poll_seconds": 600});
        if !cleaned_up {
            driver_info["fake_fail"] = json!({"rescue_clean_up": "failed"});
        }
        let node = active(&world, driver_info).await;
        world
            .provision(&node.uuid, Verb::Rescue, password())
            .await
            .unwrap();
        world.settled(&node.uuid, S::RescueWait).await;
        world
            .provision(&node.uuid, Verb::Abort, json!({}))
            .await
            .unwrap();
        let node = world.settled(&node.uuid, S::RescueFailed).await;
        assert!(!node.instance_info.contains_key("rescue_password"));
        assert_eq!(node.fault.as_deref(), fault);
        assert_eq!(node.maintenance, fault.is_some());
    }

    let node = active(&world, json!({"fake_fail": {"unrescue": "failed"}})).await;
    world
        .provision(&node.uuid, Verb::Rescue, password())
        .await
        .unwrap();
    world.settled(&node.uuid, S::Rescue).await;
    world
        .provision(&node.uuid, Verb::Unrescue, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::UnrescueFailed).await;
    assert!(node.last_error.unwrap().contains("unrescue"));
}
