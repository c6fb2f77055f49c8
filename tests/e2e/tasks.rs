//! Tasks that drivers have run by the clock.

use ironbark_tests::{Client, Service, Setup, Stage, eventually};
use serde_json::{Value, json};

/// What each run of the task `lane` takes, in milliseconds.
const LANE: u32 = 800;

fn setup() -> Setup {
    Setup::default().with("test").set("log", "format", "json")
}

async fn node(client: &Client, name: &str, more: Value) {
    let mut body = json!({
        "name": name, "driver": "test-hardware", "management_interface": "test-periodic",
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    client.create_node(&body).await;
}

/// How often the task `tick` ran for the node. It notes it, which takes the exclusive lock that it asks for.
async fn ticks(client: &Client, name: &str) -> u64 {
    let path = format!("/v1/nodes/{name}/vendor_passthru/notes");
    let notes = client.get(&path).await.expect(200);
    notes["ticks"].as_u64().unwrap_or_default()
}

/// The lines of the log that contain `text`.
fn lines(service: &Service, text: &str) -> Vec<Value> {
    let log = service.log();
    log.lines()
        .filter(|line| line.contains(text))
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_run_for_the_nodes_that_they_are_for() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, setup()).await;
    let client = service.client();
    node(client, "watched", json!({})).await;
    node(client, "other", json!({"management_interface": "test"})).await;
    node(client, "in-maintenance", json!({})).await;
    let maintenance = "/v1/nodes/in-maintenance/maintenance";
    client
        .put(maintenance, &json!({"reason": "test"}))
        .await
        .expect(202);
    let before = ticks(client, "in-maintenance").await;

    eventually("three ticks", async || {
        (ticks(client, "watched").await >= 3).then_some(())
    })
    .await;
    assert_eq!(ticks(client, "other").await, 0);
    // One may have been under way.
    assert!(ticks(client, "in-maintenance").await <= before + 1);
    let watched = client.node("watched").await;
    assert_eq!(watched["last_error"], Value::Null);
    eventually("the conductor's own task", async || {
        (!lines(&service, "beat task ran").is_empty()).then_some(())
    })
    .await;
    client.delete(maintenance).await.expect(202);
    eventually("ticks after maintenance", async || {
        (ticks(client, "in-maintenance").await > before + 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_the_lane_run_one_after_another() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, setup()).await;
    let client = service.client();
    for name in ["a", "b", "c"] {
        let slow = json!({"driver_info": {"fake_delay_ms": {"lane": LANE}}});
        node(client, name, slow).await;
    }
    let ran = eventually("six runs in the lane", async || {
        Some(lines(&service, "lane task ran")).filter(|ran| ran.len() >= 6)
    })
    .await;
    let ends: Vec<u64> = ran.iter().map(milliseconds).collect();
    for pair in ends.windows(2) {
        let apart = (pair[1] + DAY - pair[0]) % DAY;
        assert!(apart + 50 >= u64::from(LANE), "{ends:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_the_lane_that_hangs_is_ended_and_holds_up_no_others() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, setup()).await;
    let client = service.client();
    let hangs = json!({"driver_info": {"fake_delay_ms": {"lane": 600_000}}});
    node(client, "hangs", hangs).await;
    let ended = eventually("the task's end", async || {
        let failed = lines(&service, "periodic task failed for this node");
        failed.into_iter().next()
    })
    .await;
    assert!(
        ended.to_string().contains("did not finish within 5 s"),
        "{ended}"
    );
    // Meanwhile other tasks ran, for the same node too.
    let (from, until) = (
        milliseconds(&lines(&service, "beat task ran")[0]),
        milliseconds(&ended),
    );
    assert!((until + DAY - from) % DAY > 1_000, "{from} {until}");
    assert!(ticks(client, "hangs").await >= 3);
    // And the lane is free again.
    node(client, "healthy", json!({})).await;
    eventually("a run after it", async || {
        (!lines(&service, "lane task ran").is_empty()).then_some(())
    })
    .await;
}

const DAY: u64 = 24 * 3600 * 1000;

/// When a line of the log was written, as milliseconds of its day.
fn milliseconds(line: &Value) -> u64 {
    // 2026-01-31T12:34:56.789012Z
    let time = &line["timestamp"].as_str().expect("a time")[11..23];
    let number = |range: std::ops::Range<usize>| time[range].parse::<u64>().expect("a number");
    ((number(0..2) * 60 + number(3..5)) * 60 + number(6..8)) * 1000 + number(9..12)
}
