//! Drivers that mean harm: each ends as a clear error, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ironbark_tests::{Client, Latency, Service, Setup, Stage, enrol};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Kind, hardware type, and what the error says.
const KINDS: &[(&str, &str)] = &[
    ("hostile-spin", "computed"),
    ("hostile-memory", "memory"),
    ("hostile-trap", "crashed"),
    ("hostile-sleep", "did not finish"),
];

const SAMPLES: usize = 600;

fn setup() -> Setup {
    KINDS
        .iter()
        .fold(Setup::default(), |setup, (kind, _)| {
            setup.with(kind.strip_prefix("hostile-").unwrap())
        })
        .set("drivers", "call_timeout", 3)
        .set("drivers", "call_cpu_limit", 0.5)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_as_a_clear_error_and_changes_nothing_else() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, setup()).await;
    let client = service.client().clone();
    for (kind, says) in KINDS {
        client
            .create_node(&json!({"name": kind, "driver": kind}))
            .await;
        client.power(kind, "power on").await.expect(202);
        let node = client
            .wait_for_node(kind, "to have an error", |node| {
                node["last_error"].is_string() && node["reservation"].is_null()
            })
            .await;
        let error = node["last_error"].as_str().unwrap();
        assert!(error.contains(says), "{kind}: {error}");
        assert!(error.contains(kind), "it doesn't name the package: {error}");
        assert_eq!(node["target_power_state"], Value::Null, "{kind}");
        assert_eq!(node["provision_state"], "enroll", "{kind}");
        // A fault of the driver is no fault of the node.
        assert_eq!(node["maintenance"], false, "{kind}");
        assert_eq!(node["fault"], Value::Null, "{kind}");
    }
    assert!(service.runs());
    let calm = enrol(&client, &json!({"name": "calm", "driver": "fake-hardware"})).await;
    assert_eq!(calm["provision_state"], "manageable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_answered_as_fast_as_before() {
    let stage = Stage::alone().await;
    let service = Service::start(&stage, setup()).await;
    let client = service.client().clone();
    enrol(&client, &json!({"name": "calm", "driver": "fake-hardware"})).await;
    for (kind, _) in KINDS {
        for number in 0..2 {
            client
                .create_node(&json!({"name": format!("{kind}-{number}"), "driver": kind}))
                .await;
        }
    }
    measure(&client, SAMPLES / 3).await;
    let (quiet_reads, quiet_calls) = measure(&client, SAMPLES).await;

    let stop = Arc::new(AtomicBool::new(false));
    let faults = Arc::new(AtomicUsize::new(0));
    let mut attackers = JoinSet::new();
    for (kind, _) in KINDS {
        for number in 0..2 {
            let (client, stop, faults) = (client.clone(), Arc::clone(&stop), Arc::clone(&faults));
            attackers.spawn(async move {
                attack(&client, &format!("{kind}-{number}"), &stop, &faults).await
            });
        }
    }
    // All of them are at it before the measuring begins.
    ironbark_tests::eventually("the attack", async || {
        (faults.load(Ordering::Relaxed) >= KINDS.len()).then_some(())
    })
    .await;
    let (loud_reads, loud_calls) = measure(&client, SAMPLES).await;
    let during = faults.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = attackers.join_next().await {
        ended.unwrap();
    }
    let shown = format!(
        "GET p99 quiet {:?}, under attack {:?}; driver calls p99 quiet {:?}, under attack {:?}; {during} faults",
        quiet_reads.p99(),
        loud_reads.p99(),
        quiet_calls.p99(),
        loud_calls.p99()
    );
    eprintln!("{shown}");
    assert!(during > KINDS.len(), "there was no attack: {shown}");
    assert!(
        loud_reads.p99() <= (quiet_reads.p99() * 2).max(Duration::from_millis(20)),
        "{shown}"
    );
    assert!(
        loud_calls.p99() <= (quiet_calls.p99() * 2).max(Duration::from_millis(50)),
        "{shown}"
    );
}

/// Has one node's hostile driver called again and again.
async fn attack(client: &Client, node: &str, stop: &AtomicBool, faults: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        client.power(node, "power on").await.expect(202);
        client
            .wait_for_node(node, "to have an error", |node| {
                node["last_error"].is_string() && node["reservation"].is_null()
            })
            .await;
        faults.fetch_add(1, Ordering::Relaxed);
    }
}

/// One GET and one call of another package's driver, in turns, at the pace of a client that thinks in between.
async fn measure(client: &Client, count: usize) -> (Latency, Latency) {
    let (mut reads, mut calls) = (Latency::default(), Latency::default());
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..count {
        pace.tick().await;
        reads.add(taken(client, "/v1/nodes/calm").await);
        calls.add(taken(client, "/v1/nodes/calm/management/boot_device/supported").await);
    }
    (reads, calls)
}

async fn taken(client: &Client, path: &str) -> Duration {
    let start = Instant::now();
    client.get(path).await.expect(200);
    start.elapsed()
}
