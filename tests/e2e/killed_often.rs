//! A hundred kills at random instants, while nodes are deployed, torn down and cleaned without pause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ironbark_tests::{Client, Service, Setup, Stage};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const KILLS: usize = 100;
/// Longest time between an answer and the next kill.
const LONGEST_LIFE: Duration = Duration::from_millis(400);
/// No node may stay as it is for longer than this while nobody is killed.
const STUCK: Duration = Duration::from_secs(60);
/// The whole story, on a machine that does other things too.
const WHOLE: Duration = Duration::from_secs(420);

/// What a node's steps are: those of `fragile` may never be started twice.
const NODES: &[(&str, &str, &str)] = &[
    ("rerun-1", "test-hardware", "test"),
    ("rerun-2", "fake-hardware", "fake"),
    ("resume-1", "test-hardware", "test-resume"),
    ("resume-2", "test-hardware", "test-resume"),
    ("fragile-1", "test-hardware", "test-fragile"),
    ("fragile-2", "test-hardware", "test-fragile"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_stuck_or_started_twice() {
    let seed = std::env::var("IRONBARK_TEST_SEED")
        .ok()
        .map_or_else(rand::random, |seed| seed.parse().unwrap());
    eprintln!("IRONBARK_TEST_SEED={seed}");
    let told = tokio::time::timeout(WHOLE, story(seed)).await;
    told.unwrap_or_else(|_| panic!("not done within {WHOLE:?}"));
}

async fn story(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::shared().await;
    // What is interrupted a hundred times must be allowed to go on a hundred times.
    let setup = Setup::default()
        .with("test")
        .set("conductor", "max_resumes", 1000);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    let over = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Tally::default());
    let mut lives = JoinSet::new();
    let mut uuids = BTreeMap::new();
    for (name, driver, deploy) in NODES {
        let body = json!({"name": name, "driver": driver, "deploy_interface": deploy});
        let node = client.create_node(&body).await;
        if *driver == "test-hardware" {
            let info = json!([{"op": "replace", "path": "/driver_info", "value": {"fake_step_ms": 120, "fake_rounds": 4}}]);
            client
                .patch(&format!("/v1/nodes/{name}"), &info)
                .await
                .expect(200);
        }
        uuids.insert(node["uuid"].as_str().unwrap().to_owned(), *name);
        let mut life = Life {
            client: client.clone(),
            name,
            over: Arc::clone(&over),
            tally: Arc::clone(&tally),
        };
        lives.spawn(async move { life.live().await });
    }
    for number in 0..KILLS {
        let alive = Duration::from_micros(
            random.random_range(0..=u64::try_from(LONGEST_LIFE.as_micros()).unwrap()),
        );
        tokio::select! {
            // The random instant: there is no condition to wait for.
            () = tokio::time::sleep(alive) => {}
            ended = lives.join_next() => panic!("before kill {number}: {ended:?}"),
        }
        service.kill().await;
        service.restart().await;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = lives.join_next().await {
        ended.unwrap();
    }
    let nodes = client
        .get("/v1/nodes?fields=name,provision_state,reservation")
        .await
        .expect(200);
    let nodes = nodes["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), NODES.len(), "{nodes:?}");
    for node in nodes {
        assert_eq!(
            (node["provision_state"].clone(), node["reservation"].clone()),
            (json!("available"), Value::Null),
            "{node}"
        );
    }
    eprintln!("{tally:?}");
    assert!(
        tally.deployed.load(Ordering::Relaxed) > 0 && tally.cleaned.load(Ordering::Relaxed) > 0,
        "{tally:?}"
    );
    assert!(
        tally.failed.load(Ordering::Relaxed) > 0,
        "no fail step was ever interrupted: {tally:?}"
    );
    let log = service.log();
    started_once(&log, &uuids);
    resumed_from_their_cursor(&log, &uuids);
}

#[derive(Debug, Default)]
struct Tally {
    deployed: AtomicUsize,
    cleaned: AtomicUsize,
    failed: AtomicUsize,
}

/// One node's client: it knows only what the API says, and doesn't know when the service dies.
struct Life {
    client: Client,
    name: &'static str,
    over: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

impl Life {
    async fn live(&mut self) {
        let mut last = String::new();
        let mut last_state = String::new();
        let mut since = Instant::now();
        let mut pace = tokio::time::interval(Duration::from_millis(15));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let Ok(answer) = self
                .client
                .attempt(Method::GET, &format!("/v1/nodes/{}", self.name), None)
                .await
            else {
                since = Instant::now();
                continue;
            };
            let node = answer.expect(200);
            let state = node["provision_state"].as_str().unwrap().to_owned();
            if state != last_state {
                self.count(&state);
                last_state.clone_from(&state);
            }
            let shown = format!(
                "{state} {} {} {}",
                node["deploy_step"], node["clean_step"], node["reservation"]
            );
            if shown != last || !self.over.load(Ordering::Relaxed) {
                last = shown;
                since = Instant::now();
            }
            assert!(since.elapsed() < STUCK, "stuck: {node:#}");
            let at_rest = node["reservation"].is_null()
                && (node["target_provision_state"].is_null() || state.ends_with("failed"));
            if at_rest && self.next(&state, &node).await {
                return;
            }
        }
    }

    /// Does what comes next; true if the node's life is over.
    async fn next(&self, state: &str, node: &Value) -> bool {
        match state {
            "available" if self.over.load(Ordering::Relaxed) => return true,
            "enroll" => self.ask("manage").await,
            "manageable" => self.ask("provide").await,
            "available" => self.ask("active").await,
            "active" => self.ask("deleted").await,
            "deploy failed" => {
                self.must_be_fragile(node, &["deploy.deploy", "deploy.fragile"]);
                self.ask("deleted").await;
            }
            "clean failed" => {
                self.must_be_fragile(node, &["deploy.fragile"]);
                let _ = self
                    .client
                    .attempt(
                        Method::DELETE,
                        &format!("/v1/nodes/{}/maintenance", self.name),
                        None,
                    )
                    .await;
                self.ask("manage").await;
            }
            other => panic!("{}: {other} at rest: {node:#}", self.name),
        }
        false
    }

    fn must_be_fragile(&self, node: &Value, steps: &[&str]) {
        let error = node["last_error"].as_str().unwrap_or_default();
        assert!(
            self.name.starts_with("fragile"),
            "{} failed: {node:#}",
            self.name
        );
        assert!(
            steps.iter().any(|step| error.contains(step)),
            "{}: no step is named: {error}",
            self.name
        );
    }

    /// Counts what was reached, once each time: how often the client asked says nothing.
    fn count(&self, reached: &str) {
        let count = match reached {
            "available" => &self.tally.cleaned,
            "active" => &self.tally.deployed,
            "deploy failed" | "clean failed" => &self.tally.failed,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks for a verb. Whether it was accepted is seen in the node's state, since the answer may be lost with the service.
    async fn ask(&self, verb: &str) {
        let path = format!("/v1/nodes/{}/states/provision", self.name);
        if let Ok(answer) = self
            .client
            .attempt(Method::PUT, &path, Some(&json!({"target": verb})))
            .await
        {
            // 400: it was accepted before, and the answer was lost. 409, 503: later.
            assert!(
                matches!(answer.status, 202 | 400 | 409 | 503),
                "{}: {verb}: {} {}",
                self.name,
                answer.status,
                answer.text
            );
        }
    }
}

/// A step that is resumed and has made a checkpoint is never begun from scratch again in the same operation.
fn resumed_from_their_cursor(log: &str, uuids: &BTreeMap<String, &str>) {
    let mut gone_on: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for line in log.lines() {
        let Some((_, name)) = uuids
            .iter()
            .find(|(uuid, name)| line.contains(uuid.as_str()) && name.starts_with("resume"))
        else {
            continue;
        };
        for step in ["deploy", "resume"] {
            if line.contains(&format!("step {step} goes on after part")) {
                gone_on.insert((name, step, request_of(line)));
            } else if line.contains(&format!("step {step} starts")) {
                let start = (*name, step, request_of(line));
                assert!(
                    !gone_on.contains(&start),
                    "{start:?} began again from scratch"
                );
            }
        }
    }
    assert!(!gone_on.is_empty(), "no step was ever resumed");
}

fn request_of(line: &str) -> &str {
    let request = line
        .find("req-")
        .map_or("", |at| &line[at..(at + 40).min(line.len())]);
    assert!(!request.is_empty(), "no request id: {line}");
    request
}

/// In the log, which outlives every kill: a fragile step of one operation starts at most once.
fn started_once(log: &str, uuids: &BTreeMap<String, &str>) {
    let mut starts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for line in log.lines() {
        let Some(step) = ["step deploy starts", "step fragile starts"]
            .into_iter()
            .find(|step| line.contains(step))
        else {
            continue;
        };
        let Some((_, name)) = uuids
            .iter()
            .find(|(uuid, name)| line.contains(uuid.as_str()) && name.starts_with("fragile"))
        else {
            continue;
        };
        *starts.entry((name, step, request_of(line))).or_default() += 1;
    }
    assert!(
        !starts.is_empty(),
        "the log says nothing about fragile steps"
    );
    for (start, count) in starts {
        assert_eq!(count, 1, "{start:?} was started {count} times");
    }
}
