//! Ramdisks that report, with the real drivers: the token, the work that waits for an agent, and that nothing stays of either.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
#[path = "ramdisk/without.rs"]
mod without;

use common::{World, kind};
use ironbark_model::{
    ErrorKind, JsonObject, Node, PowerTarget, ProvisionState as S, Result, Secret, Verb,
};
use ironbark_rpc::{Carried, Heartbeat, RamdiskRequest, Reply, Request};
use serde_json::{Value, json};

const URL: &str = "https://192.0.2.7:9999";

async fn say(world: &World, node: &Node, request: RamdiskRequest) -> Result<Reply> {
    let node = node.uuid.clone();
    world.ask(Request::Ramdisk { node, request }).await
}

/// Looks the node up; what is answered besides a token is a panic.
async fn token(world: &World, node: &Node) -> Option<Secret> {
    match say(world, node, RamdiskRequest::Lookup).await.unwrap() {
        Reply::AgentToken(token) => token.map(Carried::into_secret),
        other => panic!("no token: {other:?}"),
    }
}

async fn beat(world: &World, node: &Node, token: &Secret, url: &str) -> Result<Reply> {
    let heartbeat = Heartbeat {
        callback_url: url.to_owned(),
        agent_token: Some(Carried::from(token)),
        agent_version: Some("13.0.0".to_owned()),
        agent_verify_ca: Some("PEM".to_owned()),
        ..Heartbeat::default()
    };
    say(world, node, RamdiskRequest::Heartbeat(heartbeat)).await
}

/// What a ramdisk has access by, as it is stored.
fn access(node: &Node) -> Vec<&str> {
    let keys = node.driver_internal_info.keys().map(String::as_str);
    keys.filter(|key| key.starts_with("agent_") && *key != "agent_version")
        .collect()
}

/// Nothing gives access to the node any more, nor does a lookup.
async fn closed(world: &World, node: &Node, state: S) {
    let node = world.settled(&node.uuid, state).await;
    assert_eq!(access(&node), [""; 0], "{state}");
    assert_eq!(
        kind(say(world, &node, RamdiskRequest::Lookup).await),
        Some(ErrorKind::NotFound),
        "{state}"
    );
}

fn step(name: &str) -> Value {
    json!([{"interface": "deploy", "step": name, "args": {}, "priority": 50}])
}

/// A node of the fake driver whose deployment waits for its agent.
async fn deploying(world: &World) -> Node {
    let node = world.fake_node().await;
    world.provide(&node.uuid).await;
    let args = json!({"deploy_steps": step("wait")});
    world
        .provision(&node.uuid, Verb::Deploy, args)
        .await
        .unwrap();
    world.settled(&node.uuid, S::WaitCallBack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_once_and_a_heartbeat_with_it_ends_the_wait() {
    let world = World::start().await;
    let node = deploying(&world).await;
    let first = token(&world, &node).await.expect("the first gets it");
    assert!(first.expose().len() >= 32);
    assert_eq!(token(&world, &node).await, None);
    assert_eq!(
        access(&world.node(&node.uuid).await),
        ["agent_secret_token"]
    );

    let wrong = Secret::new("x".repeat(43));
    assert_eq!(
        kind(beat(&world, &node, &wrong, URL).await),
        Some(ErrorKind::InvalidParameter)
    );
    assert_eq!(
        kind(beat(&world, &node, &first, "http://192.0.2.7:9999").await),
        Some(ErrorKind::InvalidParameter)
    );
    let refused = world.node(&node.uuid).await;
    assert_eq!(refused.agent_heartbeat_at, None);
    assert_eq!(refused.provision_state, S::WaitCallBack);

    beat(&world, &node, &first, URL).await.unwrap();
    closed(&world, &node, S::Active).await;
    let active = world.node(&node.uuid).await;
    assert!(active.agent_heartbeat_at.is_some());
    // The token is worth nothing now.
    assert_eq!(
        kind(beat(&world, &node, &first, URL).await),
        Some(ErrorKind::InvalidParameter)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_at_once_hand_out_one_token() {
    let world = World::start().await;
    let node = deploying(&world).await;
    let ask = || say(&world, &node, RamdiskRequest::Lookup);
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let handed_out = [a, b, c, d]
        .into_iter()
        .filter(|answer| matches!(answer, Ok(Reply::AgentToken(Some(_)))))
        .count();
    assert_eq!(handed_out, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_and_service_go_on_with_a_heartbeat_too() {
    let world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!([{"interface": "deploy", "step": "wait_agent"}]);
    let clean = json!({"clean_steps": steps});
    world
        .provision(&node.uuid, Verb::Clean, clean)
        .await
        .unwrap();
    let waiting = world.settled(&node.uuid, S::CleanWait).await;
    let first = token(&world, &node).await.unwrap();
    beat(&world, &node, &first, URL).await.unwrap();
    closed(&world, &node, S::Manageable).await;
    assert!(world.notes(&node.uuid).await["finished wait_agent"] == json!(1));
    let heard = world.node(&node.uuid).await.agent_heartbeat_at;
    assert!(heard > waiting.provision_updated_at);

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
    let service = json!({"service_steps": steps});
    world
        .provision(&node.uuid, Verb::Service, service)
        .await
        .unwrap();
    world.settled(&node.uuid, S::ServiceWait).await;
    let second = token(&world, &node)
        .await
        .expect("each ramdisk has its own");
    assert_ne!(first, second);
    beat(&world, &node, &second, URL).await.unwrap();
    closed(&world, &node, S::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_wait_for_an_agent_only_remembers_it() {
    let world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps =
        json!([{"interface": "deploy", "step": "wait_external", "args": {"deadline": 600}}]);
    let clean = json!({"clean_steps": steps});
    world
        .provision(&node.uuid, Verb::Clean, clean)
        .await
        .unwrap();
    let waiting = world.settled(&node.uuid, S::CleanWait).await;
    let token = token(&world, &node).await.unwrap();
    beat(&world, &node, &token, URL).await.unwrap();
    let heard = world.settled(&node.uuid, S::CleanWait).await;
    assert_eq!(heard.driver_internal_info["agent_url"], URL);
    assert_eq!(heard.driver_internal_info["agent_version"], "13.0.0");
    assert!(heard.provision_updated_at > waiting.provision_updated_at);
    // Another address or certificate is another machine.
    let moved = beat(&world, &node, &token, "https://192.0.2.8:9999").await;
    assert_eq!(kind(moved), Some(ErrorKind::InvalidParameter));
    assert_eq!(
        world.node(&node.uuid).await.driver_internal_info["agent_url"],
        URL
    );
    world
        .provision(&node.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    closed(&world, &node, S::CleanFailed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_lost_its_power_has_no_agent() {
    let world = World::start().await;
    let node = deploying(&world).await;
    world.power(&node.uuid, PowerTarget::On).await.unwrap();
    world.power_settled(&node.uuid).await;
    let first = token(&world, &node).await.unwrap();
    world.power(&node.uuid, PowerTarget::Off).await.unwrap();
    let off = world.power_settled(&node.uuid).await;
    assert_eq!(off.provision_state, S::WaitCallBack);
    assert_eq!(access(&off), [""; 0]);
    let second = token(&world, &node)
        .await
        .expect("the next agent has its own");
    assert_eq!(
        kind(beat(&world, &node, &first, URL).await),
        Some(ErrorKind::InvalidParameter)
    );
    beat(&world, &node, &second, URL).await.unwrap();
    closed(&world, &node, S::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_switches_the_machine_off_ends_its_agent() {
    let world = World::start().await;
    for switch in ["reboot", "power_off"] {
        let node = world.test_node(json!({}), json!({})).await;
        world.manage(&node.uuid).await;
        let steps: Vec<Value> = ["power_on", "wait", switch, "power_on", "wait"]
            .iter()
            .map(|step| json!({"interface": "power", "step": step}))
            .collect();
        world
            .provision(&node.uuid, Verb::Clean, json!({"clean_steps": steps}))
            .await
            .unwrap();
        world.settled(&node.uuid, S::CleanWait).await;
        let first = token(&world, &node).await.unwrap();
        beat(&world, &node, &first, URL).await.unwrap();
        world
            .journal_until(&node.uuid, "the second wait", |operation| {
                operation.step_index == 4 && operation.wait.is_some()
            })
            .await;
        let waiting = world.settled(&node.uuid, S::CleanWait).await;
        assert_eq!(access(&waiting), [""; 0], "{switch}");
        let second = token(&world, &node)
            .await
            .expect("the agent that was booted since has its own");
        assert_ne!(first, second);
        let moved = "https://192.0.2.8:9999";
        assert_eq!(
            kind(beat(&world, &node, &first, moved).await),
            Some(ErrorKind::InvalidParameter)
        );
        beat(&world, &node, &second, moved).await.unwrap();
        closed(&world, &node, S::Manageable).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_on_what_is_on_keeps_its_agent() {
    let world = World::start().await;
    let node = world
        .test_node(json!({"fake_power": "on"}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    let steps: Vec<Value> = ["wait", "power_on", "wait"]
        .iter()
        .map(|step| json!({"interface": "power", "step": step}))
        .collect();
    world
        .provision(&node.uuid, Verb::Clean, json!({"clean_steps": steps}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    let first = token(&world, &node).await.unwrap();
    beat(&world, &node, &first, URL).await.unwrap();
    world
        .journal_until(&node.uuid, "the second wait", |operation| {
            operation.step_index == 2 && operation.wait.is_some()
        })
        .await;
    world.settled(&node.uuid, S::CleanWait).await;
    beat(&world, &node, &first, URL).await.unwrap();
    closed(&world, &node, S::Manageable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_fails_when_the_machine_is_off_ends_its_agent_too() {
    let world = World::start().await;
    // One that doesn't come up again, and one that is restarted in one go and doesn't either.
    for (driver_info, power) in [
        (
            json!({"fake_fail": {"set_power_state": "failed"}}),
            "fake-slow",
        ),
        (json!({"fake_power": "off"}), "test-reboot"),
    ] {
        let fields = json!({"automated_clean": false, "power_interface": power});
        let node = world.test_node(driver_info, fields).await;
        world.provide(&node.uuid).await;
        let args = json!({"deploy_steps": step("wait")});
        world
            .provision(&node.uuid, Verb::Deploy, args)
            .await
            .unwrap();
        world.settled(&node.uuid, S::WaitCallBack).await;
        let first = token(&world, &node).await.unwrap();
        world
            .ask(Request::ChangePowerState {
                node: node.uuid.clone(),
                target: PowerTarget::Reboot,
                timeout: Some(1),
            })
            .await
            .unwrap();
        let off = world.power_settled(&node.uuid).await;
        assert!(off.last_error.unwrap().contains("rebooting"), "{power}");
        let second = token(&world, &node).await.expect("it has another agent");
        assert_ne!(first, second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_ends_waiting_work_where_the_operator_wants_none_in_it() {
    let world = World::start_with(|config| config.allow_provisioning_in_maintenance = false).await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let clean = json!({"clean_steps": [{"interface": "deploy", "step": "wait_agent"}]});
    world
        .provision(&node.uuid, Verb::Clean, clean)
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    for (node, failed) in [
        (node, S::CleanFailed),
        (deploying(&world).await, S::DeployFailed),
    ] {
        let token = token(&world, &node).await.unwrap();
        world
            .ask(Request::SetMaintenance {
                node: node.uuid.clone(),
                maintenance: true,
                reason: Some("a fan".to_owned()),
            })
            .await
            .unwrap();
        beat(&world, &node, &token, URL).await.unwrap();
        closed(&world, &node, failed).await;
        let node = world.node(&node.uuid).await;
        let error = node.last_error.clone().unwrap();
        assert!(error.contains("maintenance mode"), "{error}");
        assert_eq!(node.maintenance_reason.as_deref(), Some("a fan"));
        assert!(node.maintenance && node.fault.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_keeps_work_waiting() {
    let world = World::start().await;
    let node = deploying(&world).await;
    let token = token(&world, &node).await.unwrap();
    world
        .ask(Request::SetMaintenance {
            node: node.uuid.clone(),
            maintenance: true,
            reason: None,
        })
        .await
        .unwrap();
    beat(&world, &node, &token, URL).await.unwrap();
    let held = world.settled(&node.uuid, S::WaitCallBack).await;
    assert!(held.agent_heartbeat_at.is_some());
    let operation = world.db.operation_of(&node.uuid).await.unwrap().unwrap();
    assert_eq!(operation.wait.unwrap().poll_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_node_is_locked_for_who_is_new_and_deaf_to_who_is_known() {
    let world = World::start().await;
    let node = deploying(&world).await;
    let reservation = world.db.node_reserve(&node.uuid, "somebody").await.unwrap();
    let locked = say(&world, &node, RamdiskRequest::Lookup).await;
    assert_eq!(kind(locked), Some(ErrorKind::NodeLocked));
    world.db.node_release(&reservation).await.unwrap();
    let token = token(&world, &node).await.unwrap();

    let reservation = world.db.node_reserve(&node.uuid, "somebody").await.unwrap();
    let locked = beat(&world, &node, &token, URL).await;
    assert_eq!(kind(locked), Some(ErrorKind::NodeLocked));
    // That there is a token is told without holding the node.
    assert_eq!(self::token(&world, &node).await, None);
    let mut tx = world.db.reserved(&reservation).await.unwrap();
    let mut known = tx.node().await.unwrap();
    known
        .driver_internal_info
        .insert("agent_url".to_owned(), Value::from(URL));
    tx.save_node(&known).await.unwrap();
    tx.commit().await.unwrap();
    beat(&world, &node, &token, URL).await.unwrap();
    assert_eq!(world.node(&node.uuid).await.agent_heartbeat_at, None);
    world.db.node_release(&reservation).await.unwrap();
    beat(&world, &node, &token, URL).await.unwrap();
    closed(&world, &node, S::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_and_time_outs_leave_no_access_either() {
    let world = World::start_with(|config| {
        config.deploy_callback_timeout = std::time::Duration::from_secs(3);
        config.check_provision_state_interval = std::time::Duration::from_millis(100);
    })
    .await;
    let node = deploying(&world).await;
    token(&world, &node).await;
    closed(&world, &node, S::DeployFailed).await;
}

/// A node whose inspection waits for what a ramdisk posts.
async fn inspected(world: &World) -> Node {
    let driver_info = json!({"fake_inspect_by_ramdisk": true});
    let fields = json!({"inspect_interface": "test"});
    let node = world.test_node(driver_info, fields).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::InspectWait).await
}

fn found(more: &Value) -> RamdiskRequest {
    let object = |value: Value| -> JsonObject { value.as_object().unwrap().clone() };
    RamdiskRequest::ContinueInspection {
        inventory: object(json!({
            "interfaces": [{"mac_address": "52:54:00:aa:00:01"}], "memory": {"physical_mb": 2048},
        })),
        plugin_data: object(more.clone()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_ramdisk_found_is_kept_and_ends_the_inspection() {
    let world = World::start().await;
    let node = inspected(&world).await;
    token(&world, &node)
        .await
        .expect("an inspection ramdisk has a token too");
    let more = json!({"said": "hello", "logs": "H4sI"});
    say(&world, &node, found(&more)).await.unwrap();
    closed(&world, &node, S::Manageable).await;
    let node = world.node(&node.uuid).await;
    assert_eq!(node.properties["memory_mb"], 2048);
    assert_eq!(node.properties["said"], "hello");
    let kept = world.db.inventory(&node.uuid).await.unwrap().unwrap();
    assert_eq!(kept.inventory["memory"]["physical_mb"], 2048);
    assert_eq!(Value::Object(kept.plugin_data), json!({"said": "hello"}));
    let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
    assert_eq!(ports[0].address, "52:54:00:aa:00:01");
    // Nobody waits for it any more.
    let late = say(&world, &node, found(&more)).await;
    assert_eq!(kind(late), Some(ErrorKind::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramdisk_that_failed_fails_the_inspection() {
    let world = World::start().await;
    let node = inspected(&world).await;
    say(&world, &node, found(&json!({"error": "no disks"})))
        .await
        .unwrap();
    closed(&world, &node, S::InspectFailed).await;
    let failed = world.node(&node.uuid).await;
    assert!(failed.last_error.unwrap().contains("no disks"));
    assert_eq!(world.db.inventory(&node.uuid).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_posted_outlives_a_kill() {
    let mut world = World::start().await;
    let driver_info =
        json!({"fake_inspect_by_ramdisk": true, "fake_delay_ms": {"continue_inspection": 500}});
    let fields = json!({"inspect_interface": "test"});
    let node = world.test_node(driver_info, fields).await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::InspectWait).await;
    say(&world, &node, found(&json!({"said": "hello"})))
        .await
        .unwrap();
    assert_eq!(world.node(&node.uuid).await.provision_state, S::Inspecting);
    world.kill_and_restart().await;
    let node = world.settled(&node.uuid, S::Manageable).await;
    assert_eq!(node.properties["said"], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_decide_about_what_was_found() {
    let world = World::start().await;
    let rule = |priority: i32, actions: Value| ironbark_model::InspectionRule {
        uuid: ironbark_model::ident::new_uuid(),
        description: Some("sizes".to_owned()),
        priority,
        phase: "main".to_owned(),
        conditions: vec![json!({"op": "gt", "args": ["{inventory[memory][physical_mb]}", 1024]})],
        actions: actions.as_array().unwrap().clone(),
        ..ironbark_model::InspectionRule::default()
    };
    let mac = "52:54:00:aa:00:01";
    for rule in [
        rule(
            1,
            json!([{"op": "set-attribute", "args": ["/resource_class", "{plugin_data[size]}"]}]),
        ),
        rule(
            2,
            json!([
                {"op": "set-plugin-data", "args": ["/size", "large"]},
                {"op": "add-trait", "args": ["CUSTOM_LARGE"]},
                {"op": "set-port-attribute", "args": [mac, "/physical_network", "storage"]},
            ]),
        ),
    ] {
        world.db.inspection_rule_create(&rule).await.unwrap();
    }
    let node = inspected(&world).await;
    say(&world, &node, found(&json!({}))).await.unwrap();
    let node = world.settled(&node.uuid, S::Manageable).await;
    assert_eq!(node.resource_class.as_deref(), Some("large"));
    assert_eq!(node.traits, ["CUSTOM_LARGE"]);
    let kept = world.db.inventory(&node.uuid).await.unwrap().unwrap();
    assert_eq!(kept.plugin_data["size"], "large");
    let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
    assert_eq!(ports[0].physical_network.as_deref(), Some("storage"));

    // A port that is known now is changed, and a rule that fails changes nothing.
    let fails = rule(
        0,
        json!([
            {"op": "set-port-attribute", "args": [mac, "/description", "seen"]},
            {"op": "fail", "args": ["too old"]},
        ]),
    );
    let fails = world.db.inspection_rule_create(&fails).await.unwrap();
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::InspectWait).await;
    say(&world, &node, found(&json!({}))).await.unwrap();
    let failed = world.settled(&node.uuid, S::InspectFailed).await;
    let error = failed.last_error.unwrap();
    assert!(
        error.contains("sizes") && error.contains("too old"),
        "{error}"
    );
    let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
    assert_eq!(ports[0].description, None);

    world.db.inspection_rule_delete(&fails.uuid).await.unwrap();
    let marks = rule(
        0,
        json!([{"op": "set-port-attribute", "args": [mac, "/description", "seen"]}]),
    );
    world.db.inspection_rule_create(&marks).await.unwrap();
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::InspectWait).await;
    say(&world, &node, found(&json!({}))).await.unwrap();
    world.settled(&node.uuid, S::Manageable).await;
    let ports = world.db.ports_of_node(&node.uuid).await.unwrap();
    assert_eq!(ports.len(), 1);
    assert_eq!(ports[0].description.as_deref(), Some("seen"));
}
