//! A driver is replaced, rolled back and stopped again and again under a steady load: no request is lost, and nobody waits long.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ironbark_tests::{Client, Latency, Service, Setup, Stage, enrol, eventually_within, shipped};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Nodes under the load.
const NODES: usize = 2_000;
/// Clients that ask for power actions, and how long each rests between two of them.
const CLIENTS: usize = 4;
const REST: Duration = Duration::from_millis(200);
/// From one activation to the next: many times as often as anybody would.
const BETWEEN_CHANGES: Duration = Duration::from_secs(1);
/// What is done to the driver in one round. It must be so often in all, whatever the machine is like.
const ACTIVATIONS: usize = 20;
const ROLLBACKS: usize = 4;
const QUARANTINES: usize = 1;
/// Rounds of one quiet and one loud measurement: so many make up what is promised. More only if noise of the machine fell on a
/// loud one: all samples of all rounds count.
const ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 8;
/// Of each kind of request in a quiet measurement; a loud one lasts as long as the changes do.
const SAMPLES: usize = 150;
/// All that was asked for has been done after this long.
const PATIENCE: Duration = Duration::from_secs(120);

const FAKE: &str = "/ironbark/v1/packages/fake";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapping_a_driver_under_load_loses_no_request_and_holds_up_nobody() {
    let stage = Stage::alone().await;
    let setup = Setup::default()
        .with("test")
        .set("conductor", "node_locked_retry_interval", 0.1)
        // Each asks the driver: here only the load shall.
        .set("conductor", "sync_local_state_interval", 60)
        .set("log", "level", "warn");
    let service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    // Not of the driver that is swapped.
    enrol(&client, &json!({"name": "calm", "driver": "test-hardware"})).await;
    for version in ["9.1.0", "9.2.0", "9.3.0"] {
        let bytes = shipped("fake").edited(|metadata| metadata["version"] = json!(version));
        let path = "/ironbark/v1/packages?grant=*&activate=false";
        client.upload_to(path, bytes).await.expect(201);
    }
    change(&client, "activate", &json!({"version": "9.1.0"})).await;
    make_nodes(&client).await;

    let load = Load::begin(&client);
    Measured::default().more(&client, SAMPLES).await;
    let (mut quiet, mut loud) = (Measured::default(), Measured::default());
    let mut done = Done::default();
    for round in 1..=MOST_ROUNDS {
        // In turns, so that what else the machine does falls on both.
        quiet.more(&client, SAMPLES).await;
        let changes = tokio::spawn({
            let client = client.clone();
            async move { swap(&client).await }
        });
        while !changes.is_finished() {
            loud.more(&client, 10).await;
        }
        done.add(&changes.await.unwrap());
        eprintln!("round {round}: quiet {quiet}; under changes {loud}; {done:?}");
        if round >= ROUNDS && loud.holds_beside(&quiet) {
            break;
        }
    }
    let asked = load.end().await;
    assert!(
        done.activations >= 100 && done.rollbacks >= 20 && done.quarantines >= 5,
        "{done:?}"
    );
    all_is_done(&client, &asked).await;
    let log = service.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(
        loud.holds_beside(&quiet),
        "quiet {quiet}; under changes {loud}"
    );
}

/// Makes the nodes of the load, some at a time.
async fn make_nodes(client: &Client) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut makers = JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, next) = (client.clone(), Arc::clone(&next));
        makers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= NODES {
                    return;
                }
                let body = json!({"name": name_of(number), "driver": "fake-hardware"});
                client.create_node(&body).await;
            }
        });
    }
    while let Some(made) = makers.join_next().await {
        made.unwrap();
    }
}

fn name_of(number: usize) -> String {
    format!("steady-{number}")
}

/// Clients that switch the nodes, one after another, without end.
struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Vec<(usize, &'static str)>>,
}

impl Load {
    fn begin(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for first in 0..CLIENTS {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            clients.spawn(async move { Self::switch(&client, first, &stop).await });
        }
        Self { stop, clients }
    }

    /// Switches every `CLIENTS`th node. It stops only between two rounds over the nodes, or after the first.
    async fn switch(
        client: &Client,
        first: usize,
        stop: &AtomicBool,
    ) -> Vec<(usize, &'static str)> {
        let mut pace = tokio::time::interval(REST);
        let mut asked = Vec::new();
        for round in 0.. {
            let target = ["power on", "power off"][round % 2];
            for node in (first..NODES).step_by(CLIENTS) {
                if round > 0 && stop.load(Ordering::Relaxed) {
                    return asked;
                }
                pace.tick().await;
                // Each is accepted: refused would be lost.
                client.power(&name_of(node), target).await.expect(202);
                asked.push((node, target));
            }
        }
        asked
    }

    /// Ends it when every node was switched at least once; answers with what each node was asked for last.
    async fn end(mut self) -> Vec<(usize, &'static str)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut last = vec![""; NODES];
        while let Some(asked) = self.clients.join_next().await {
            for (node, target) in asked.unwrap() {
                last[node] = target;
            }
        }
        last.into_iter().enumerate().collect()
    }
}

/// Every node did what it was asked for last, and nothing went wrong on the way.
async fn all_is_done(client: &Client, asked: &[(usize, &'static str)]) {
    eventually_within(PATIENCE, "all power actions to be done", async || {
        for (node, target) in asked {
            let shown = client.node(&name_of(*node)).await;
            assert_eq!(shown["last_error"], Value::Null, "{shown}");
            if !shown["target_power_state"].is_null() || !shown["reservation"].is_null() {
                return None;
            }
            assert_eq!(shown["power_state"], *target, "{shown}");
        }
        Some(())
    })
    .await;
    // What failed on the way and was put right by a later request would be here.
    for (node, _) in asked {
        let path = format!("/v1/nodes/{}/history", name_of(*node));
        let history = client.get(&path).await.expect(200);
        let events = history["history"].as_array().unwrap();
        let failed = events.iter().find(|event| event["severity"] == "ERROR");
        assert!(failed.is_none(), "{}: {history}", name_of(*node));
    }
}

/// What was done to the driver.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    activations: usize,
    rollbacks: usize,
    quarantines: usize,
}

impl Done {
    fn add(&mut self, more: &Self) {
        self.activations += more.activations;
        self.rollbacks += more.rollbacks;
        self.quarantines += more.quarantines;
    }
}

/// Activates one version after another, goes back now and then, and quarantines what is in use.
async fn swap(client: &Client) -> Done {
    let mut done = Done::default();
    let mut pace = tokio::time::interval(BETWEEN_CHANGES);
    let every = ACTIVATIONS / ROLLBACKS;
    for number in 0..ACTIVATIONS {
        let version = ["9.2.0", "9.3.0", "9.1.0"][number % 3];
        // Somebody looks at the answer before the next one.
        pace.tick().await;
        change(client, "activate", &json!({"version": version})).await;
        done.activations += 1;
        if number % every == every - 1 {
            change(client, "rollback", &json!({})).await;
            done.rollbacks += 1;
        }
        if number % (ACTIVATIONS / QUARANTINES) == ACTIVATIONS / QUARANTINES - 1 {
            let stopped = change(client, "quarantine", &json!({})).await;
            done.quarantines += 1;
            assert_ne!(stopped["version"], stopped["active"], "{stopped}");
            let again = json!({"version": stopped["version"]});
            change(client, "release", &again).await;
        }
    }
    done
}

async fn change(client: &Client, action: &str, body: &Value) -> Value {
    client
        .post(&format!("{FAKE}/{action}"), body)
        .await
        .expect(200)
}

/// What others wait for.
#[derive(Default)]
struct Measured {
    reads: Latency,
    calls: Latency,
}

impl Measured {
    /// Whether others are served while the driver changes as they must be, compared with `quiet`.
    fn holds_beside(&self, quiet: &Self) -> bool {
        let reads = (quiet.reads.p99() * 2).max(Duration::from_millis(20));
        let calls = (quiet.calls.p99() * 2).max(Duration::from_millis(50));
        self.reads.p99() <= reads && self.calls.p99() <= calls
    }

    /// One GET and one call of another package's driver, in turns, at the pace of a client that thinks in between.
    async fn more(&mut self, client: &Client, samples: usize) {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..samples {
            pace.tick().await;
            self.reads.add(taken(client, "/v1/nodes/calm").await);
            let call = "/v1/nodes/calm/management/boot_device/supported";
            self.calls.add(taken(client, call).await);
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reads, calls) = (&self.reads, &self.calls);
        write!(
            formatter,
            "GET p50 {:?} p99 {:?}, driver calls p50 {:?} p99 {:?} ({} each)",
            reads.quantile(0.5),
            reads.p99(),
            calls.quantile(0.5),
            calls.p99(),
            reads.count()
        )
    }
}

async fn taken(client: &Client, path: &str) -> Duration {
    let start = Instant::now();
    client.get(path).await.expect(200);
    start.elapsed()
}
