//! Giving up a service, with the real test driver: the machine runs its instance again, also after a kill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::{World, kind};
use ironbark_model::node::fault;
use ironbark_model::operation::OperationKind;
use ironbark_model::{ErrorKind, Node, PowerState, PowerTarget, ProvisionState as S, Verb};
use ironbark_rpc::{RamdiskRequest, Reply, Request};
use serde_json::{Value, json};

/// Long enough that what is under way is seen.
const SLOW_MS: u64 = 400;

/// An active node whose machine is on.
async fn active(world: &World, driver_info: Value) -> Node {
    let fields = json!({"automated_clean": false});
    let node = world.test_node(driver_info, fields).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    world.power(&node.uuid, PowerTarget::On).await.unwrap();
    world.power_settled(&node.uuid).await
}

async fn service(world: &World, node: &Node, steps: Value) {
    let args = json!({"service_steps": steps});
    world
        .provision(&node.uuid, Verb::Service, args)
        .await
        .unwrap();
}

/// A node whose service waits, while its agent runs.
async fn waiting_with_an_agent(world: &World, driver_info: Value) -> Node {
    let node = active(world, driver_info).await;
    let steps = json!([{"interface": "deploy", "step": "wait_agent"}]);
    service(world, &node, steps).await;
    world.settled(&node.uuid, S::ServiceWait).await;
    let lookup = Request::Ramdisk {
        node: node.uuid.clone(),
        request: RamdiskRequest::Lookup,
    };
    match world.ask(lookup).await.unwrap() {
        Reply::AgentToken(token) => assert!(token.is_some()),
        other => panic!("no token: {other:?}"),
    }
    world.node(&node.uuid).await
}

async fn abort(world: &World, node: &Node) {
    world
        .provision(&node.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
}

async fn noted(world: &World, node: &Node, what: &str) -> Value {
    let notes = world.notes(&node.uuid).await;
    notes.get(what).cloned().unwrap_or(json!(0))
}

/// The machine runs its instance again, after the driver did this many times what it has to do for it.
async fn restored(world: &World, node: &Node, torn_down: u32, prepared: u32) -> Node {
    let node = world.settled(&node.uuid, S::Active).await;
    assert!(node.last_error.as_ref().unwrap().contains("By request"));
    assert_eq!(node.power_state, Some(PowerState::On));
    assert_eq!((node.maintenance, node.fault.as_deref()), (false, None));
    assert!(node.service_step.is_empty() && node.driver_internal_info.is_empty());
    assert_eq!(noted(world, &node, "torn down service").await, torn_down);
    assert_eq!(noted(world, &node, "prepared instance").await, prepared);
    assert_eq!(noted(world, &node, "power_state").await, "power on");
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_waits_is_given_up_and_the_instance_comes_back() {
    let world = World::start().await;
    let info = json!({"fake_delay_ms": {"set_power_state": SLOW_MS}});
    let node = waiting_with_an_agent(&world, info).await;
    abort(&world, &node).await;
    let accepted = world.node(&node.uuid).await;
    assert_eq!(accepted.provision_state, S::Active, "with the answer");
    assert!(accepted.reservation.is_some());
    assert!(
        accepted.driver_internal_info.is_empty(),
        "no agent has access"
    );
    world
        .until(&node.uuid, "the ramdisk to be switched off", |node| {
            node.power_state == Some(PowerState::Off)
        })
        .await;
    restored(&world, &node, 1, 1).await;
    let history = world.history(&node.uuid).await;
    assert!(history.iter().any(|entry| {
        entry.event_type == "servicing" && entry.event.contains("deploy.wait_agent")
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_ramdisk_is_given_up_and_the_machine_stays_alone() {
    let world = World::start().await;
    // Nothing could be switched.
    let node = active(&world, json!({})).await;
    let broken = json!([
        {"op": "add", "path": "/driver_info/fake_fail", "value": {"set_power_state": "failed"}}
    ]);
    world.patch(&node.uuid, broken).await.unwrap();
    service(
        &world,
        &node,
        json!([{"interface": "power", "step": "hold"}]),
    )
    .await;
    world
        .until(&node.uuid, "hold", |node| {
            node.provision_state == S::ServiceHold && node.reservation.is_none()
        })
        .await;
    abort(&world, &node).await;
    restored(&world, &node, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_service_is_given_up_when_the_operator_has_seen_to_the_machine() {
    let world = World::start().await;
    let node = active(&world, json!({})).await;
    service(
        &world,
        &node,
        json!([{"interface": "deploy", "step": "fail", "args": {"how": "failed"}}]),
    )
    .await;
    let failed = world.settled(&node.uuid, S::ServiceFailed).await;
    assert_eq!(failed.fault.as_deref(), Some(fault::SERVICE_FAILURE));
    let refused = world.provision(&node.uuid, Verb::Abort, json!({})).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict), "in maintenance");
    world
        .ask(Request::SetMaintenance {
            node: node.uuid.clone(),
            maintenance: false,
            reason: None,
        })
        .await
        .unwrap();
    abort(&world, &node).await;
    // Once when it failed.
    restored(&world, &node, 2, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_come_back_says_so() {
    let world = World::start().await;
    let info = json!({"fake_fail": {"prepare_instance": "failed"}});
    let node = waiting_with_an_agent(&world, info).await;
    abort(&world, &node).await;
    let node = world.settled(&node.uuid, S::Active).await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("bringing the instance back") && error.contains("failing as asked"),
        "{error}"
    );
    assert_eq!(node.fault.as_deref(), Some(fault::SERVICE_FAILURE));
    assert!(node.maintenance);
    assert_eq!(node.power_state, Some(PowerState::Off));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_between_changes_nothing() {
    for phase in ["off", "back", "on"] {
        let mut world = World::start().await;
        let info = json!({"fake_delay_ms": {
            "set_power_state": SLOW_MS, "tear_down_service": SLOW_MS,
        }});
        let node = waiting_with_an_agent(&world, info).await;
        abort(&world, &node).await;
        world
            .journal_until(&node.uuid, phase, |operation| {
                operation.kind == OperationKind::CleanUp && operation.phase == phase
            })
            .await;
        world.kill_and_restart().await;
        restored(&world, &node, 1, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_carried_on_after_a_kill_is_told() {
    let mut world = World::start().await;
    world.change_config(|config| config.max_resumes = 0);
    let info = json!({"fake_delay_ms": {"tear_down_service": SLOW_MS}});
    let node = waiting_with_an_agent(&world, info).await;
    abort(&world, &node).await;
    world.kill_and_restart().await;
    let node = world.settled(&node.uuid, S::Active).await;
    assert!(node.last_error.unwrap().contains("not carried on"));
    assert_eq!(node.fault.as_deref(), Some(fault::SERVICE_FAILURE));
}
