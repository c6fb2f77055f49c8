//! Cleaning by hand and service without the deploy ramdisk, with the real test driver: its preparation fails wherever it is run.

use ironbark_model::{ErrorKind, Node, ProvisionState as S, Verb};
use serde_json::{Value, json};

use crate::common::{World, kind, other_package, test_package};

/// What `test` says of the step `quick` in the version of [`world`]: it needs the ramdisk. `resume` doesn't.
const NEEDS_RAMDISK: &str = "quick";
const NEEDS_NONE: &str = "resume";

async fn world() -> World {
    let world = World::start().await;
    let package = test_package(|metadata| {
        metadata["version"] = json!("90.0.0");
        for step in metadata["steps"].as_array_mut().unwrap() {
            if step["step"] == NEEDS_RAMDISK {
                step["requires_ramdisk"] = json!(true);
            }
        }
    });
    world.install(package).await;
    world
}

/// A node that can't get a ramdisk, manageable.
async fn node(world: &World) -> Node {
    let driver_info = json!({
        "fake_step_ms": 1,
        "fake_fail": {"prepare_cleaning": "failed", "prepare_service": "failed"},
    });
    let node = world.test_node(driver_info, json!({})).await;
    world.manage(&node.uuid).await
}

async fn fail_at(world: &World, node: &Node, functions: Value) {
    let patch = json!([{"op": "replace", "path": "/driver_info/fake_fail", "value": functions}]);
    world.patch(&node.uuid, patch).await.unwrap();
}

fn steps(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({"interface": "deploy", "step": name}))
        .collect()
}

/// Cleans by hand, until the node is in `end`; gives its last error.
async fn clean(world: &World, node: &Node, args: Value, end: S) -> String {
    run(world, node, Verb::Clean, args, end).await
}

async fn run(world: &World, node: &Node, verb: Verb, args: Value, end: S) -> String {
    world.provision(&node.uuid, verb, args).await.unwrap();
    let node = world.settled(&node.uuid, end).await;
    node.last_error.unwrap_or_default()
}

async fn manage_again(world: &World, node: &Node) {
    world
        .provision(&node.uuid, Verb::Manage, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Manageable).await;
}

async fn finished(world: &World, node: &Node, step: &str) -> Value {
    let notes = world.notes(&node.uuid).await;
    notes
        .get(&format!("finished {step}"))
        .cloned()
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_by_hand_prepares_a_ramdisk_only_for_steps_that_need_one() {
    let world = world().await;
    let node = node(&world).await;
    for asked in [json!(null), json!(false), json!(true)] {
        let args = json!({
            "clean_steps": [
                {"interface": "power", "step": "power_on"},
                {"interface": "deploy", "step": NEEDS_NONE},
            ],
            "disable_ramdisk": asked,
        });
        let error = clean(&world, &node, args, S::Manageable).await;
        assert_eq!(error, "", "{asked}");
    }
    assert_eq!(finished(&world, &node, NEEDS_NONE).await, json!(3));

    for (asked, names) in [
        (json!(null), &[NEEDS_RAMDISK][..]),
        (json!(false), &[NEEDS_NONE, NEEDS_RAMDISK]),
        // Nobody knows whether a step that there isn't needs one.
        (json!(null), &["nonesuch"]),
    ] {
        let args = json!({"clean_steps": steps(names), "disable_ramdisk": asked});
        let error = clean(&world, &node, args, S::CleanFailed).await;
        assert!(error.contains("failing as asked (failed)"), "{error}");
        manage_again(&world, &node).await;
    }
    assert_eq!(finished(&world, &node, NEEDS_RAMDISK).await, json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_need_a_ramdisk_are_refused_where_it_is_forbidden() {
    let world = world().await;
    let node = node(&world).await;
    let args = json!({"clean_steps": steps(&[NEEDS_NONE, NEEDS_RAMDISK]), "disable_ramdisk": true});
    let error = clean(&world, &node, args, S::CleanFailed).await;
    assert!(
        error.contains("deploy.quick needs the deploy ramdisk"),
        "{error}"
    );
    assert!(!error.contains("failing as asked"), "{error}");
    // Nothing was run, so nothing is wrong with the machine.
    assert!(!world.node(&node.uuid).await.maintenance);
    for step in [NEEDS_NONE, NEEDS_RAMDISK] {
        assert_eq!(finished(&world, &node, step).await, json!(null), "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_prepared_is_not_torn_down() {
    let world = world().await;
    let node = node(&world).await;
    fail_at(&world, &node, json!({"tear_down_cleaning": "failed"})).await;
    let args = json!({"clean_steps": steps(&[NEEDS_NONE])});
    assert_eq!(clean(&world, &node, args, S::Manageable).await, "");
    let args = json!({"clean_steps": steps(&[NEEDS_RAMDISK])});
    let error = clean(&world, &node, args, S::CleanFailed).await;
    assert!(error.contains("failing as asked (failed)"), "{error}");
    assert_eq!(finished(&world, &node, NEEDS_RAMDISK).await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_by_itself_always_prepares_one() {
    let world = world().await;
    let node = node(&world).await;
    let error = run(&world, &node, Verb::Provide, json!({}), S::CleanFailed).await;
    assert!(error.contains("failing as asked (failed)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_prepares_a_ramdisk_only_for_steps_that_need_one() {
    let world = world().await;
    let node = node(&world).await;
    run(&world, &node, Verb::Adopt, json!({}), S::Active).await;
    for functions in [
        json!({"prepare_service": "failed"}),
        json!({"tear_down_service": "failed"}),
    ] {
        fail_at(&world, &node, functions.clone()).await;
        for asked in [json!(null), json!(true)] {
            let args = json!({"service_steps": steps(&[NEEDS_NONE]), "disable_ramdisk": asked});
            let error = run(&world, &node, Verb::Service, args, S::Active).await;
            assert_eq!(error, "", "{functions}");
        }
    }
    let args = json!({"service_steps": steps(&[NEEDS_RAMDISK]), "disable_ramdisk": true});
    let error = run(&world, &node, Verb::Service, args, S::ServiceFailed).await;
    assert!(error.contains("needs the deploy ramdisk"), "{error}");
    let args = json!({"service_steps": steps(&[NEEDS_RAMDISK])});
    let error = run(&world, &node, Verb::Service, args, S::ServiceFailed).await;
    assert!(error.contains("failing as asked (failed)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ramdisk_no_network_need_be_ready() {
    let world = World::start().await;
    // The network `fake` of this version isn't ready without its key.
    let package = other_package("fake", |metadata| {
        metadata["version"] = json!("90.0.0");
        metadata["properties_of"] = json!({"network/fake": {
            "type": "object",
            "properties": {"fake_cable": {"type": "string", "description": "Where the cable goes."}},
            "required": ["fake_cable"],
        }});
    });
    world.install(package).await;
    let node = world
        .test_node(
            json!({"fake_step_ms": 1}),
            json!({"network_interface": "fake", "automated_clean": false}),
        )
        .await;
    world.manage(&node.uuid).await;
    for (verb, list, ready) in [
        (Verb::Clean, "clean_steps", S::Manageable),
        (Verb::Service, "service_steps", S::Active),
    ] {
        if verb == Verb::Service {
            run(&world, &node, Verb::Adopt, json!({}), S::Active).await;
        }
        for asked in [json!(null), json!(false)] {
            let args = json!({list: steps(&[NEEDS_NONE]), "disable_ramdisk": asked});
            let refused = world.provision(&node.uuid, verb, args).await;
            assert_eq!(kind(refused), Some(ErrorKind::MissingParameter), "{verb}");
        }
        let args = json!({list: steps(&[NEEDS_NONE]), "disable_ramdisk": true});
        assert_eq!(run(&world, &node, verb, args, ready).await, "", "{verb}");
    }
    assert_eq!(finished(&world, &node, NEEDS_NONE).await, json!(2));
}
