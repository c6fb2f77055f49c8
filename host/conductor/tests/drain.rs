//! What becomes of steps that wait with a driver version that isn't in use any more, with the real test driver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::{Duration, Instant};

use common::{World, test_package};
use ironbark_conductor::Config;
use ironbark_model::{Node, ProvisionState as S, Timestamp, Verb};
use ironbark_rpc::{PackageChange, Request};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);
/// Over as soon as somebody looks.
const AT_ONCE: Duration = Duration::from_micros(1);

fn settings(drain_timeout: Duration) -> impl FnOnce(&mut Config) {
    move |config| {
        config.drain_timeout = drain_timeout;
        config.packages_interval = Duration::from_millis(50);
    }
}

fn version(version: &str) -> Vec<u8> {
    test_package(|metadata| metadata["version"] = json!(version))
}

fn other_schema(version: &str) -> Vec<u8> {
    test_package(|metadata| {
        metadata["version"] = json!(version);
        metadata["state_schema"] = json!("2");
    })
}

fn without_step(version: &str) -> Vec<u8> {
    test_package(|metadata| {
        metadata["version"] = json!(version);
        let steps = metadata["steps"].as_array_mut().unwrap();
        steps.retain(|step| step["step"] != "wait_external");
    })
}

/// A node in the middle of a cleaning step that waits for something that never comes.
async fn waiting(world: &World) -> Node {
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [
        {"interface": "deploy", "step": "wait_external", "args": {"deadline": 86400}},
    ]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await
}

async fn pinned(world: &World, node: &Node) -> Option<String> {
    let operation = world.db.operation_of(&node.uuid).await.unwrap();
    operation.unwrap().package_digest
}

async fn active(world: &World) -> String {
    world.db.package_get("test").await.unwrap().unwrap().digest
}

/// Waits until the database says since when the version drains.
async fn drains_since(world: &World, digest: &str) -> Timestamp {
    let began = Instant::now();
    loop {
        let drains = world.db.package_drains(Timestamp::now()).await.unwrap();
        if let Some((_, since)) = drains.iter().find(|(other, _)| other == digest) {
            return *since;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{drains:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The node ends in its fail state, with an error that names all of these.
async fn fails_naming(world: &World, node: &Node, words: &[&str]) {
    let failed = world.settled(&node.uuid, S::CleanFailed).await;
    let error = failed.last_error.unwrap();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert!(failed.maintenance, "nobody knows what the machine is like");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waits_keeps_its_version_until_the_deadline_also_over_a_restart() {
    let mut world = World::start_with(settings(HOUR)).await;
    let node = waiting(&world).await;
    let old = pinned(&world, &node).await.expect("a version");
    world.install(version("0.3.0")).await;
    let new = active(&world).await;
    assert_ne!(old, new);
    let since = drains_since(&world, &old).await;
    assert_eq!(pinned(&world, &node).await.as_ref(), Some(&old));

    // Whoever comes next knows from the database since when.
    world.kill();
    world.change_config(settings(HOUR));
    world.restart().await;
    assert_eq!(drains_since(&world, &old).await, since);
    assert_eq!(pinned(&world, &node).await.as_ref(), Some(&old));
    world.kill();
    world.change_config(settings(AT_ONCE));
    world.restart().await;
    let moved = world
        .journal_until(&node.uuid, "the new version", |operation| {
            operation.package_digest.as_ref() == Some(&new)
        })
        .await;
    assert!(moved.wait.is_some() && moved.cursor == Some(json!("waiting")));
    let node = world.node(&node.uuid).await;
    assert_eq!(
        (node.provision_state, node.last_error),
        (S::CleanWait, None)
    );
    assert_eq!(
        world.db.package_drains(Timestamp::now()).await.unwrap(),
        [],
        "nothing drains any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_goes_on_to_its_end_with_the_version_that_it_was_moved_to() {
    let world = World::start_with(settings(AT_ONCE)).await;
    // Compiled before the step begins: how long that takes on a busy machine must not decide whether the step is still there.
    let old = active(&world).await;
    world.install(version("0.3.0")).await;
    let new = active(&world).await;
    change(&world, rollback()).await;
    assert_eq!(active(&world).await, old);
    let info = json!({"fake_rounds": 4, "fake_poll_seconds": 4});
    let node = world
        .test_node(info, json!({"deploy_interface": "test-wait"}))
        .await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [{"interface": "deploy", "step": "poll"}]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    assert_eq!(pinned(&world, &node).await.as_ref(), Some(&old));
    change(&world, activate("0.3.0")).await;
    world
        .journal_until(&node.uuid, "the new version", |operation| {
            operation.package_digest.as_ref() == Some(&new)
        })
        .await;
    let node = world.settled(&node.uuid, S::Manageable).await;
    let notes = world.notes(&node.uuid).await;
    // Begun once, and no part done twice.
    assert_eq!(notes["started poll"], json!(1), "{notes:?}");
    assert_eq!(notes["parts poll"], json!(4), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_can_not_go_on_fails_and_names_step_and_package() {
    for (bytes, why) in [
        (other_schema("0.3.0"), "state schema '2'"),
        (without_step("0.3.0"), "no such step"),
    ] {
        let world = World::start_with(settings(AT_ONCE)).await;
        let node = waiting(&world).await;
        world.install(bytes).await;
        let words = ["deploy.wait_external", "test@0.1.0", "test@0.3.0", why];
        fails_naming(&world, &node, &words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_comes_back_is_not_drained_and_zero_means_for_ever() {
    let mut world = World::start_with(settings(HOUR)).await;
    let node = waiting(&world).await;
    let old = pinned(&world, &node).await.unwrap();
    world.install(version("0.3.0")).await;
    let first = drains_since(&world, &old).await;
    change(&world, rollback()).await;
    assert_eq!(active(&world).await, old);
    assert_eq!(world.db.package_drains(Timestamp::now()).await.unwrap(), []);
    change(&world, activate("0.3.0")).await;
    let second = drains_since(&world, &old).await;
    assert!(second > first, "the time begins anew");

    world.kill();
    world.change_config(settings(Duration::ZERO));
    world.restart().await;
    // A pass over the packages that surely has begun after the start.
    world.install(other_schema("0.4.0")).await;
    for _ in 0..2 {
        world.ask(Request::FollowPackages).await.unwrap();
    }
    assert_eq!(pinned(&world, &node).await, Some(old));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_maintenance_is_not_failed_before_that_ends() {
    let world = World::start_with(settings(AT_ONCE)).await;
    let node = waiting(&world).await;
    maintenance(&world, &node, true).await;
    let other = waiting(&world).await;
    world.install(other_schema("0.3.0")).await;
    // The one shows that the other would have been failed by now.
    fails_naming(&world, &other, &["test@0.3.0"]).await;
    assert_eq!(world.node(&node.uuid).await.provision_state, S::CleanWait);
    maintenance(&world, &node, false).await;
    fails_naming(&world, &node, &["test@0.3.0"]).await;
}

async fn maintenance(world: &World, node: &Node, maintenance: bool) {
    let request = Request::SetMaintenance {
        node: node.uuid.clone(),
        maintenance,
        reason: None,
    };
    world.ask(request).await.unwrap();
}

fn rollback() -> PackageChange {
    PackageChange::Rollback {
        version: None,
        force: false,
        dry_run: false,
    }
}

fn activate(version: &str) -> PackageChange {
    PackageChange::Activate {
        version: Some(version.to_owned()),
        force: false,
        dry_run: false,
    }
}

async fn change(world: &World, change: PackageChange) -> Value {
    let request = Request::ChangePackage {
        name: "test".to_owned(),
        change,
        by: "ada".to_owned(),
    };
    match world.ask(request).await.unwrap() {
        ironbark_rpc::Reply::Json(value) => value,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_that_waits_keeps_its_version_until_the_deadline() {
    let mut world = World::start_with(settings(HOUR)).await;
    let info = json!({"fake_rounds": 1, "fake_poll_seconds": 3600});
    let node = world
        .test_node(info, json!({"inspect_interface": "test"}))
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Inspect, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::InspectWait).await;
    let old = pinned(&world, &node).await.expect("a version");
    assert_eq!(old, active(&world).await);
    world.install(version("0.3.0")).await;
    let new = active(&world).await;
    drains_since(&world, &old).await;
    assert_eq!(pinned(&world, &node).await.as_ref(), Some(&old));
    world.kill();
    world.change_config(settings(AT_ONCE));
    world.restart().await;
    world
        .journal_until(&node.uuid, "the new version", |operation| {
            operation.package_digest.as_ref() == Some(&new)
        })
        .await;
}
