//! Tasks that packages have run by the clock, with the real test driver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{World, test_package};
use ironbark_conductor::{Conductor, Config, Stop};
use ironbark_db::NodeFilter;
use ironbark_model::lifecycle::CanaryScope;
use ironbark_model::{Node, Timestamp};
use ironbark_rpc::{
    Envelope, Handler, PackageChange, PackageReport, Reply, Request, TaskReport, VERSION,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

fn quick(config: &mut Config) {
    config.packages_interval = Duration::from_millis(100);
}

async fn watched(world: &World, driver_info: Value) -> Node {
    let fields = json!({"management_interface": "test-periodic"});
    world.test_node(driver_info, fields).await
}

async fn report(conductor: &Arc<Conductor>) -> PackageReport {
    let envelope = Envelope {
        version: VERSION,
        request_id: "req-report".to_owned(),
        user: None,
        deadline: Timestamp::now().plus(PATIENCE),
        request: Request::ReportPackages {
            package: Some("test".to_owned()),
        },
    };
    match conductor.handle(envelope).await.unwrap() {
        Reply::Json(report) => serde_json::from_value(report).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn task(conductor: &Arc<Conductor>, name: &str) -> TaskReport {
    let report = report(conductor).await;
    let found = report.tasks.into_iter().find(|task| task.name == name);
    found.expect("the task")
}

/// Asks again and again until there is an answer.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often the task `tick` ran for the node.
async fn ticks(world: &World, node: &Node) -> u64 {
    let notes = world.notes(&node.uuid).await;
    notes.get("ticks").and_then(Value::as_u64).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_conductor_runs_tasks_for_its_own_nodes() {
    let world = World::start_with(quick).await;
    let other = world.another("conductor-2").await;
    let mut nodes = Vec::new();
    for _ in 0..12 {
        nodes.push(watched(&world, json!({})).await);
    }
    for node in &nodes {
        eventually("ticks", async || {
            (ticks(&world, node).await >= 2).then_some(())
        })
        .await;
    }
    // Together they run it for every node once, and neither does it all.
    eventually("the nodes to be shared", async || {
        let (here, there) = (
            task(&world.conductor, "tick").await.last_run?,
            task(&other, "tick").await.last_run?,
        );
        (here.nodes > 0 && there.nodes > 0 && here.nodes + there.nodes == 12).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_did_and_when_it_is_next_is_told() {
    let world = World::start_with(quick).await;
    let good = watched(&world, json!({})).await;
    let bad = watched(&world, json!({"fake_fail": {"tick": "failed"}})).await;
    let told = eventually("a run for both", async || {
        let told = task(&world.conductor, "tick").await;
        let ran = told.last_run.as_ref()?;
        (ran.nodes == 2 && ran.failed_nodes == 1).then_some(told)
    })
    .await;
    let ran = told.last_run.unwrap();
    assert_eq!(ran.outcome, "partly failed");
    let error = ran.error.unwrap();
    assert!(error.contains(&bad.uuid), "{error}");
    assert!(ran.duration > 0.0 && ran.started_at <= Timestamp::now());
    assert!(told.next_run.unwrap() > ran.started_at);
    assert_eq!(
        (
            told.on.as_str(),
            told.schedule.as_str(),
            told.scope.as_str()
        ),
        ("management/test-periodic", "every 1 s", "node")
    );
    assert!(ticks(&world, &good).await >= 1);
    // A task without nodes; and what a package used is told beside.
    let beat = eventually("a beat", async || {
        task(&world.conductor, "beat").await.last_run
    })
    .await;
    assert_eq!((beat.outcome.as_str(), beat.nodes), ("ok", 0));
    let report = report(&world.conductor).await;
    let usage = &report.usage[0];
    assert_eq!(
        (usage.role.as_str(), usage.version.as_str()),
        ("active", "0.1.0")
    );
    assert!(usage.calls >= 3 && usage.host_calls > 0 && usage.cpu_seconds > 0.0);
    assert!(usage.peak_memory > 0, "{usage:?}");
    let limits = &report.limits["test"];
    assert_eq!(
        (
            limits.call_timeout,
            limits.memory_limit_mib,
            limits.live_calls
        ),
        (60.0, 24.0, 500)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_runs_for_a_few_nodes_at_a_time() {
    let world = World::start_with(quick).await;
    for _ in 0..20 {
        watched(&world, json!({"fake_delay_ms": {"tick": 200}})).await;
    }
    // The task holds its nodes: so many are held at a time.
    let filter = NodeFilter {
        reserved: Some(true),
        include_children: true,
        ..NodeFilter::default()
    };
    let mut most = 0;
    eventually("a run for all", async || {
        let held = world.db.nodes_owned_candidates(&filter).await.unwrap();
        most = most.max(held.len());
        let ran = task(&world.conductor, "tick").await.last_run?;
        (ran.nodes == 20).then_some(())
    })
    .await;
    assert!((2..=8).contains(&most), "{most}");
    // It took several times as long as its spacing: what was due meanwhile was left out, and not made up for.
    let told = task(&world.conductor, "tick").await;
    assert!(told.next_run.unwrap() > told.last_run.unwrap().started_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_a_canary_have_their_tasks_run_by_the_canary() {
    let world = World::start_with(quick).await;
    let chosen = watched(&world, json!({})).await;
    let other = watched(&world, json!({})).await;
    // The canary has no task `lane`, and a new one.
    let canary = test_package(|metadata| {
        metadata["version"] = json!("0.3.0");
        let tasks = metadata["periodic"].as_array_mut().unwrap();
        tasks.retain(|task| task["name"] != "lane");
        tasks.push(json!({"name": "new", "on": "management/test-periodic", "spacing": 1}));
    });
    world.stage(canary).await;
    let change = PackageChange::Canary {
        version: Some("0.3.0".to_owned()),
        scope: CanaryScope::Nodes(vec![chosen.uuid.clone()]),
        force: false,
    };
    let request = Request::ChangePackage {
        name: "test".to_owned(),
        change,
        by: "ada".to_owned(),
    };
    world.ask(request).await.unwrap();
    let before = (ticks(&world, &chosen).await, ticks(&world, &other).await);
    eventually("calls of both versions", async || {
        let usage = report(&world.conductor).await.usage;
        let calls = |role: &str| {
            usage
                .iter()
                .find(|usage| usage.role == role)
                .map_or(0, |usage| usage.calls)
        };
        let ticked = ticks(&world, &chosen).await > before.0 + 1
            && ticks(&world, &other).await > before.1 + 1;
        (calls("canary") >= 2 && calls("active") >= 2 && ticked).then_some(())
    })
    .await;
    // What the canary doesn't have isn't run for its nodes; what only it has waits until it is promoted.
    eventually("the lane for the other node alone", async || {
        let ran = task(&world.conductor, "lane").await.last_run?;
        (ran.nodes == 1 && ran.outcome == "ok").then_some(())
    })
    .await;
    let names: Vec<String> = report(&world.conductor)
        .await
        .tasks
        .into_iter()
        .map(|task| task.name)
        .collect();
    assert_eq!(names, ["beat", "lane", "tick"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_packages_used_is_stored_by_the_clock_and_when_the_conductor_stops() {
    let mut world = World::start_with(|config| {
        config.usage_interval = Duration::from_millis(50);
    })
    .await;
    let stored = async |world: &World| {
        let all = world.db.package_usage().await.unwrap();
        let of_test = all.into_iter().find(|used| used.package == "test");
        of_test.map_or(0, |used| used.counts.calls)
    };
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let by_the_clock = eventually("calls to be stored", async || {
        let calls = stored(&world).await;
        (calls > 0).then_some(calls)
    })
    .await;

    // Too seldom to happen here.
    world.conductor.stop(Stop::Graceful).await;
    world.change_config(|config| config.usage_interval = Duration::from_secs(3600));
    world.restart().await;
    let before = stored(&world).await;
    assert!(before >= by_the_clock);
    world
        .ask(Request::Validate { node: node.uuid })
        .await
        .unwrap();
    let usage = report(&world.conductor).await.usage;
    let here = i64::try_from(usage[0].calls).unwrap();
    assert!(here > 0, "{usage:?}");
    assert_eq!(stored(&world).await, before);
    world.conductor.stop(Stop::Graceful).await;
    assert!(stored(&world).await >= before + here);
}
