//! Automated cleaning by runbooks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::World;
use ironbark_conductor::CleaningSteps;
use ironbark_model::ident::new_uuid;
use ironbark_model::{Node, ProvisionState as S, Runbook, Verb};
use ironbark_rpc::{Request, TraitChange};
use serde_json::{Value, json};

/// A runbook with the trait CUSTOM_A.
async fn runbook(world: &World, name: &str, steps: &[&str], disable_ramdisk: bool) {
    let steps: Vec<Value> = steps
        .iter()
        .zip(1..)
        .map(|(step, order)| json!({"interface": "deploy", "step": step, "args": {}, "order": order}))
        .collect();
    let runbook = Runbook {
        uuid: new_uuid(),
        name: name.to_owned(),
        steps: serde_json::from_value(json!(steps)).unwrap(),
        traits: vec!["CUSTOM_A".to_owned()],
        disable_ramdisk,
        ..Runbook::default()
    };
    world.db.runbook_create(&runbook).await.unwrap();
}

/// A manageable node of the test driver, whose own cleaning would be `sleep` and `quick`.
async fn node(world: &World, driver_info: Value, class: &str, traits: &[&str]) -> Node {
    let node = world
        .test_node(driver_info, json!({"resource_class": class}))
        .await;
    world.manage(&node.uuid).await;
    let traits = traits.iter().map(|name| (*name).to_owned()).collect();
    world
        .ask(Request::SetTraits {
            node: node.uuid.clone(),
            change: TraitChange::Replace(traits),
        })
        .await
        .unwrap();
    node
}

/// Cleans the node by itself, and answers which steps ran.
async fn cleaned(world: &World, node: &Node) -> Vec<String> {
    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Available).await;
    assert_eq!(node.last_error, None);
    ran(world, &node).await
}

/// Steps that ended, but that of verification.
async fn ran(world: &World, node: &Node) -> Vec<String> {
    let notes = world.notes(&node.uuid).await;
    let ran = notes.keys().filter_map(|key| key.strip_prefix("finished "));
    ran.filter(|step| *step != "check")
        .map(str::to_owned)
        .collect()
}

async fn refused(world: &World, node: &Node) -> String {
    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    // Nothing ran: nobody has to look at the machine.
    assert!(!node.maintenance);
    assert!(ran(world, &node).await.is_empty());
    node.last_error.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_cleaned_by_the_runbook_that_is_named_for_them() {
    let world = World::start_with(|config| {
        let cleaning = &mut config.automated_cleaning;
        cleaning.steps = CleaningSteps::Hybrid;
        cleaning.runbook_from_node = true;
        cleaning
            .runbook_by_resource_class
            .insert("gold".to_owned(), "golden".to_owned());
    })
    .await;
    runbook(&world, "golden", &["quick"], false).await;
    runbook(&world, "own", &["resume"], true).await;
    let golden = node(&world, json!({}), "gold", &["CUSTOM_A"]).await;
    assert_eq!(cleaned(&world, &golden).await, ["quick"]);
    let own = json!({"cleaning_runbook": "own", "fake_fail": {"prepare_cleaning": "failed"}});
    let own = node(&world, own, "gold", &["CUSTOM_A"]).await;
    // Its runbook needs no ramdisk: that couldn't be prepared.
    assert_eq!(cleaned(&world, &own).await, ["resume"]);
    let plain = node(&world, json!({}), "tin", &[]).await;
    assert_eq!(cleaned(&world, &plain).await, ["quick", "sleep"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runbook_that_is_missing_or_for_others_fails_cleaning_by_name() {
    let world = World::start_with(|config| {
        let cleaning = &mut config.automated_cleaning;
        cleaning.steps = CleaningSteps::Runbook;
        cleaning.runbook_by_resource_class.extend(
            [("gold", "golden"), ("tin", "nonesuch")]
                .map(|(class, name)| (class.to_owned(), name.to_owned())),
        );
    })
    .await;
    runbook(&world, "golden", &["quick"], false).await;
    for (class, traits, says) in [
        ("gold", vec!["CUSTOM_B"], "CUSTOM_A"),
        ("tin", vec!["CUSTOM_A"], "nonesuch"),
        ("lead", vec!["CUSTOM_A"], "automated_cleaning_runbook"),
    ] {
        let node = node(&world, json!({}), class, &traits).await;
        let error = refused(&world, &node).await;
        assert!(error.contains(says), "{class}: {error}");
    }
    // A node may not choose its own unless the operator says so.
    let own = json!({"cleaning_runbook": "nonesuch"});
    let own = node(&world, own, "gold", &["CUSTOM_A"]).await;
    assert_eq!(cleaned(&world, &own).await, ["quick"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn traits_need_not_fit_if_the_operator_says_so_and_a_kill_changes_nothing() {
    let mut world = World::start_with(|config| {
        let cleaning = &mut config.automated_cleaning;
        cleaning.steps = CleaningSteps::Runbook;
        cleaning.runbook = Some("all".to_owned());
        cleaning.validate_traits = false;
    })
    .await;
    runbook(&world, "all", &["sleep", "quick"], false).await;
    let node = node(&world, json!({"fake_step_ms": 400}), "tin", &[]).await;
    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "the first step", |operation| {
            operation.step_started
        })
        .await;
    // What is under way has its steps already.
    let books = world
        .db
        .runbook_list(&ironbark_db::Page::first(1))
        .await
        .unwrap();
    world.db.runbook_delete(&books[0].uuid).await.unwrap();
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Available).await;
    let notes = world.notes(&node.uuid).await;
    assert_eq!(
        (&notes["finished sleep"], &notes["finished quick"]),
        (&json!(1), &json!(1))
    );
}
