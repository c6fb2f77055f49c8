//! Parents and children: steps that run on children, and power that they share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::{World, kind};
use ironbark_model::{ErrorKind, Node, PowerState, PowerTarget, ProvisionState as S, Verb};
use serde_json::{Value, json};

/// A step on the children of a node.
fn on_children(step: &str) -> Value {
    let (interface, step) = step.split_once('.').unwrap();
    json!({"interface": interface, "step": step, "execute_on_child_nodes": true})
}

fn limited(step: &str, children: &[&Node]) -> Value {
    let mut step = on_children(step);
    let uuids: Vec<&str> = children.iter().map(|child| child.uuid.as_str()).collect();
    step["limit_child_node_execution"] = json!(uuids);
    step
}

async fn parent(world: &World) -> Node {
    let node = world.fake_node().await;
    world.manage(&node.uuid).await
}

async fn child(world: &World, parent: &Node, driver_info: Value) -> Node {
    let node = world
        .test_node(driver_info, json!({"parent_node": parent.uuid}))
        .await;
    world.manage(&node.uuid).await
}

async fn clean(world: &World, node: &Node, steps: Value) -> Result<(), ironbark_model::Error> {
    let args = json!({"clean_steps": steps});
    world.provision(&node.uuid, Verb::Clean, args).await
}

async fn power(world: &World, node: &Node) -> Option<PowerState> {
    world.node(&node.uuid).await.power_state
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_on_the_children_and_not_on_the_node() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let first = child(&world, &parent, json!({})).await;
    let second = child(&world, &parent, json!({})).await;
    let steps = json!([
        {"interface": "power", "step": "power_on"},
        on_children("power.power_on"),
        on_children("deploy.sleep"),
        {"interface": "deploy", "step": "wait", "args": {"seconds": 0}, "execute_on_child_nodes": true},
        limited("power.reboot", &[&second]),
        limited("power.power_off", &[&first]),
    ]);
    clean(&world, &parent, steps).await.unwrap();
    let parent = world.settled(&parent.uuid, S::Manageable).await;
    assert_eq!(parent.last_error, None);
    assert_eq!(power(&world, &parent).await, Some(PowerState::On));
    assert_eq!(power(&world, &first).await, Some(PowerState::Off));
    assert_eq!(power(&world, &second).await, Some(PowerState::On));
    for child in [&first, &second] {
        let notes = world.notes(&child.uuid).await;
        assert_eq!(notes["finished sleep"], json!(1), "{notes:?}");
        let child = world.settled(&child.uuid, S::Manageable).await;
        assert_eq!((child.last_error, child.maintenance), (None, false));
    }
    assert!(world.notes(&parent.uuid).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn service_has_them_too_and_without_children_there_is_nothing_to_do() {
    let world = World::start().await;
    let node = world.fake_node().await;
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    let parent = world.settled(&node.uuid, S::Active).await;
    let service = async || {
        let args = json!({"service_steps": [on_children("power.power_on")]});
        world
            .provision(&parent.uuid, Verb::Service, args)
            .await
            .unwrap();
        world.settled(&parent.uuid, S::Active).await
    };
    assert_eq!(service().await.last_error, None);
    world.power(&parent.uuid, PowerTarget::On).await.unwrap();
    world.power_settled(&parent.uuid).await;
    let child = child(&world, &parent, json!({})).await;
    service().await;
    assert_eq!(power(&world, &child).await, Some(PowerState::On));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_run_on_the_children_is_refused_by_name() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let child = child(&world, &parent, json!({})).await;
    let stranger = world.fake_node().await;
    let mut unknown_argument = on_children("deploy.sleep");
    unknown_argument["args"] = json!({"depth": 1});
    for (step, says) in [
        (on_children("deploy.nonesuch"), child.uuid.as_str()),
        (unknown_argument, "depth"),
        (limited("power.power_on", &[&stranger]), "no child of node"),
        (on_children("deploy.hold"), "can't run on child nodes"),
        (on_children("deploy.wait"), "can't run on child nodes"),
    ] {
        let error = clean(&world, &parent, json!([step])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{error}");
        assert!(error.message().contains(says), "{error}");
    }
    world.settled(&parent.uuid, S::Manageable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_child_that_fails_fails_the_step_and_is_named() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let broken = child(&world, &parent, json!({"fake_fail": {"sleep": "failed"}})).await;
    let after = child(&world, &parent, json!({})).await;
    clean(&world, &parent, json!([on_children("deploy.sleep")]))
        .await
        .unwrap();
    let parent = world.settled(&parent.uuid, S::CleanFailed).await;
    let error = parent.last_error.unwrap();
    assert!(
        error.contains(&broken.uuid) && error.contains("deploy.sleep"),
        "{error}"
    );
    assert!(parent.maintenance);
    // The child says so too, and is where it was.
    let broken = world.settled(&broken.uuid, S::Manageable).await;
    assert!(broken.last_error.unwrap().contains("deploy.sleep"));
    assert!(!broken.maintenance);
    assert!(!world.notes(&after.uuid).await.contains_key("started sleep"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_busy_or_set_aside_fails_the_step() {
    for in_maintenance in [false, true] {
        let world = World::start().await;
        let parent = parent(&world).await;
        let child = child(&world, &parent, json!({})).await;
        if in_maintenance {
            let patch = json!([{"op": "add", "path": "/maintenance", "value": true}]);
            world.patch(&child.uuid, patch).await.unwrap();
        } else {
            world.db.node_reserve(&child.uuid, "other").await.unwrap();
        }
        clean(&world, &parent, json!([on_children("deploy.sleep")]))
            .await
            .unwrap();
        let parent = world.settled(&parent.uuid, S::CleanFailed).await;
        let error = parent.last_error.unwrap();
        let why = if in_maintenance {
            "maintenance"
        } else {
            "locked"
        };
        assert!(
            error.contains(why) && error.contains(&child.uuid),
            "{error}"
        );
        assert!(!world.notes(&child.uuid).await.contains_key("started sleep"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_both_go_on_and_the_step_ran_once() {
    for step in ["sleep", "resume"] {
        let mut world = World::start().await;
        let parent = parent(&world).await;
        let first = child(&world, &parent, json!({})).await;
        let second = child(&world, &parent, json!({"fake_step_ms": 600})).await;
        let steps = json!([on_children(&format!("deploy.{step}"))]);
        clean(&world, &parent, steps).await.unwrap();
        world
            .journal_until(&second.uuid, "the step on the second child", |operation| {
                operation.step_started && (step == "sleep" || operation.cursor.is_some())
            })
            .await;
        world.kill_and_restart().await;
        let parent = world.settled(&parent.uuid, S::Manageable).await;
        assert_eq!(parent.last_error, None);
        for child in [&first, &second] {
            let notes = world.notes(&child.uuid).await;
            assert_eq!(notes[&format!("finished {step}")], json!(1), "{notes:?}");
        }
        if step == "resume" {
            let notes = world.notes(&second.uuid).await;
            assert_eq!(notes["started resume"], json!(1), "{notes:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_must_not_run_twice_fails_on_the_child_and_on_the_parent() {
    let mut world = World::start().await;
    let parent = parent(&world).await;
    let child = child(&world, &parent, json!({"fake_step_ms": 400})).await;
    clean(&world, &parent, json!([on_children("deploy.fragile")]))
        .await
        .unwrap();
    world
        .journal_until(&child.uuid, "the step's checkpoint", |operation| {
            operation.cursor.is_some()
        })
        .await;
    world.kill_and_restart().await;
    let parent = world.settled(&parent.uuid, S::CleanFailed).await;
    let error = parent.last_error.unwrap();
    assert!(
        error.contains(&child.uuid) && error.contains("deploy.fragile"),
        "{error}"
    );
    let child = world.settled(&child.uuid, S::Manageable).await;
    assert!(child.last_error.unwrap().contains("deploy.fragile"));
    assert_eq!(world.notes(&child.uuid).await["started fragile"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_step_lets_the_parent_wait_where_it_can_be_aborted() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let child = child(&world, &parent, json!({"fake_step_ms": 3500})).await;
    clean(&world, &parent, json!([on_children("deploy.sleep")]))
        .await
        .unwrap();
    let waiting = world.settled(&parent.uuid, S::CleanWait).await;
    assert_eq!(waiting.clean_step["execute_on_child_nodes"], json!(true));
    world
        .provision(&parent.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    world.settled(&parent.uuid, S::CleanFailed).await;
    // What was begun on the child ends there.
    world.settled(&child.uuid, S::Manageable).await;
    assert_eq!(world.notes(&child.uuid).await["finished sleep"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_switched_on_after_its_parent_and_a_parent_off_after_its_children() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let dependent = child(&world, &parent, json!({})).await;
    let own = child(&world, &parent, json!({"has_dedicated_power_supply": true})).await;

    world.power(&own.uuid, PowerTarget::On).await.unwrap();
    world.power_settled(&own.uuid).await;
    assert_eq!(power(&world, &parent).await, Some(PowerState::Off));

    world.power(&dependent.uuid, PowerTarget::On).await.unwrap();
    let switched = world.power_settled(&dependent.uuid).await;
    assert_eq!(
        (switched.power_state, switched.last_error),
        (Some(PowerState::On), None)
    );
    assert_eq!(power(&world, &parent).await, Some(PowerState::On));

    world
        .power(&parent.uuid, PowerTarget::Reboot)
        .await
        .unwrap();
    world.power_settled(&parent.uuid).await;
    assert_eq!(power(&world, &dependent).await, Some(PowerState::On));

    world.power(&parent.uuid, PowerTarget::Off).await.unwrap();
    let switched = world.power_settled(&parent.uuid).await;
    assert_eq!(switched.power_state, Some(PowerState::Off));
    assert_eq!(power(&world, &dependent).await, Some(PowerState::Off));
    assert_eq!(power(&world, &own).await, Some(PowerState::On));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_switches_a_child_off_ends_its_agent() {
    let world = World::start().await;
    let parent = parent(&world).await;
    for (step, pregenerated) in [
        ("power.power_off", false),
        ("power.reboot", false),
        ("power.reboot", true),
    ] {
        let child = child(&world, &parent, json!({})).await;
        let held = world.db.node_reserve(&child.uuid, "tests").await.unwrap();
        let mut tx = world.db.reserved(&held).await.unwrap();
        let mut node = tx.node().await.unwrap();
        let info = &mut node.driver_internal_info;
        info.insert("agent_url".to_owned(), json!("https://192.0.2.7:9999"));
        info.insert("agent_secret_token".to_owned(), json!("x".repeat(43)));
        if pregenerated {
            info.insert("agent_secret_token_pregenerated".to_owned(), json!(true));
        }
        tx.save_node(&node).await.unwrap();
        tx.commit_and_release().await.unwrap();
        let on = json!({"interface": "power", "step": "power_on"});
        clean(&world, &parent, json!([on, limited(step, &[&child])]))
            .await
            .unwrap();
        let parent = world.settled(&parent.uuid, S::Manageable).await;
        assert_eq!(parent.last_error, None);
        let info = world.node(&child.uuid).await.driver_internal_info;
        assert!(!info.contains_key("agent_url"), "{step}");
        // What was put into the ramdisk is in the next one too.
        assert_eq!(info.contains_key("agent_secret_token"), pregenerated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_switched_while_a_relative_can_not_be() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let child = child(&world, &parent, json!({})).await;
    let other = world.db.node_reserve(&parent.uuid, "other").await.unwrap();
    let refused = world.power(&child.uuid, PowerTarget::On).await;
    assert_eq!(kind(refused), Some(ErrorKind::NodeLocked));
    world.db.node_release(&other).await.unwrap();

    world.power(&child.uuid, PowerTarget::On).await.unwrap();
    world.power_settled(&child.uuid).await;
    let other = world.db.node_reserve(&child.uuid, "other").await.unwrap();
    let refused = world.power(&parent.uuid, PowerTarget::Off).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NodeLocked);
    assert!(error.message().contains(&child.uuid), "{error}");
    world.db.node_release(&other).await.unwrap();

    let patch = json!([{"op": "add", "path": "/disable_power_off", "value": true}]);
    world.patch(&child.uuid, patch).await.unwrap();
    let refused = world.power(&parent.uuid, PowerTarget::Off).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict));
    assert_eq!(power(&world, &parent).await, Some(PowerState::On));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_stays_on_if_a_child_does() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let child = child(&world, &parent, json!({})).await;
    world.power(&child.uuid, PowerTarget::On).await.unwrap();
    world.power_settled(&child.uuid).await;
    let broken = json!([{
        "op": "add", "path": "/driver_info",
        "value": {"fake_fail": {"set_power_state": "failed"}},
    }]);
    world.patch(&child.uuid, broken).await.unwrap();
    world.power(&parent.uuid, PowerTarget::Off).await.unwrap();
    let parent = world.power_settled(&parent.uuid).await;
    assert_eq!(parent.power_state, Some(PowerState::On));
    let error = parent.last_error.unwrap();
    assert!(
        error.contains(&child.uuid) && error.contains("has to come first"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_waits_for_a_time_but_for_nobody() {
    let world = World::start().await;
    let parent = parent(&world).await;
    let child = child(&world, &parent, json!({"fake_rounds": 1})).await;
    clean(&world, &parent, json!([on_children("deploy.poll")]))
        .await
        .unwrap();
    world.settled(&parent.uuid, S::Manageable).await;
    assert_eq!(world.notes(&child.uuid).await["finished poll"], json!(1));
    clean(&world, &parent, json!([on_children("deploy.wait_agent")]))
        .await
        .unwrap();
    let parent = world.settled(&parent.uuid, S::CleanFailed).await;
    let error = parent.last_error.unwrap();
    assert!(error.contains("nobody can do for a child"), "{error}");
    world.settled(&child.uuid, S::Manageable).await;
}
