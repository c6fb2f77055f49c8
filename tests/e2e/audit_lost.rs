//! What a kill takes with it: nothing that changes a machine, and of what only reads, no more than the last second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ironbark_bmc_sim::{BmcHandle, Command};
use ironbark_tests::{Client, Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use tokio::task::JoinSet;

use crate::audit::program;

/// What may be lost.
const LOST: Duration = Duration::from_secs(1);
/// How long the service works before it is killed: always long enough that some of it must be there.
const LIFE: std::ops::RangeInclusive<u64> = 1_800..=3_000;
/// Kills that count at least; and at most, with those before which the machine was so slow to write that nothing can be said.
const KILLS: usize = 3;
const TRIES: usize = 12;
/// What the service is given for writing: reads are in memory for half a second, and then it takes as long as the disk does. How long
/// that is, other writes tell.
const WRITES: Duration = Duration::from_millis(400);
/// Network function and command, as a row has it.
const OF: [(Command, &str); 2] = [
    (Command::CHASSIS_CONTROL, "ipmi 0x00 0x02"),
    (Command::SET_BOOT_OPTIONS, "ipmi 0x00 0x08"),
];
const READ: &str = "ipmi 0x00 0x09";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_takes_the_last_second_of_reads_at_most_and_nothing_else() {
    let seed = std::env::var("IRONBARK_TEST_SEED")
        .ok()
        .map_or_else(rand::random, |seed| seed.parse().unwrap());
    eprintln!("IRONBARK_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::alone().await;
    let rack = rack(3).await;
    let [read, switched, polled] = rack.bmcs() else {
        panic!("three machines");
    };
    let setup = Setup::default().set("conductor", "sync_power_state_interval", 0.05);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    for (name, bmc) in [("read", read), ("switched", switched)] {
        enrol(&client, &ipmi_node(name, bmc)).await;
    }
    let node = enrol(&client, &ipmi_node("polled", polled)).await;
    let uuid = node["uuid"].as_str().unwrap();
    // Polls are of nodes that somebody uses, and would be in the way of what is asked of the others.
    for name in ["read", "switched"] {
        let path = format!("/v1/nodes/{name}/maintenance");
        client.put(&path, &json!({})).await.expect(202);
    }
    let mut counted = 0;
    // Polls that earlier kills took.
    let mut gone = 0;
    for _ in 0..TRIES {
        let life = Duration::from_millis(random.random_range(LIFE));
        let seen = observe(&mut service, &client, polled, life).await;
        let mut database = service.database().await;
        let polls = polls_in(&mut database, uuid).await;
        let held = seen.slowest_write < WRITES;
        let before = seen.killed.checked_sub(LOST).unwrap();
        let due: Vec<&String> = seen
            .reads
            .iter()
            .filter(|(at, _)| *at < before)
            .map(|(_, id)| id)
            .collect();
        let written = requests_in(&mut database).await;
        let missing = due.iter().filter(|id| !written.contains(**id)).count();
        // One may have been on its way.
        let polled_by_then = seen.polls.iter().rfind(|(at, _)| *at < before).unwrap().1;
        let polls_due = polled_by_then.saturating_sub(gone + 1);
        let lost = seen.reads.iter().filter(|(_, id)| !written.contains(id));
        eprintln!(
            "after {life:?}: {} reads answered, {} lost, {missing} of those before the last second; {polls} polls recorded of {}, \
             at least {polls_due} due; slowest write {:?}{}",
            seen.reads.len(),
            lost.count(),
            polled.count(Command::CHASSIS_STATUS),
            seen.slowest_write,
            if held { "" } else { ": not counted" }
        );
        // What changes a machine is there in any case, however slow the disk.
        for (command, operation) in OF {
            let intents = intents_in(&mut database, operation).await;
            let sent = switched.count(command);
            assert!(
                sent > 0 && intents >= sent,
                "{operation}: {intents} intents, the machine saw {sent}"
            );
        }
        assert!(!due.is_empty());
        if held {
            assert_eq!(
                missing, 0,
                "reads of more than a second before the kill are lost"
            );
            assert!(polls >= polls_due, "{polls} polls, {polls_due} are due");
            counted += 1;
        }
        gone = polled.count(Command::CHASSIS_STATUS) - polls;
        drop(database);
        service.restart().await;
        all_answered(&stage, &service).await;
        let (ok, said) = program(&service, &["verify"]).await;
        assert!(ok, "{said}");
        if counted == KILLS {
            break;
        }
    }
    assert_eq!(counted, KILLS, "the machine was too slow to tell");
}

/// What was seen of a service until it was killed.
struct Seen {
    killed: Instant,
    /// Reads that were answered: when, and to which request.
    reads: Vec<(Instant, String)>,
    /// How often the machine was polled, from time to time.
    polls: Vec<(Instant, u64)>,
    /// How long a change in the database took at most.
    slowest_write: Duration,
}

/// Has a service read, switch and poll machines for `life`, and kills it in the middle of that.
async fn observe(
    service: &mut Service,
    client: &Client,
    polled: &BmcHandle,
    life: Duration,
) -> Seen {
    let over = Arc::new(AtomicBool::new(false));
    let mut reading = JoinSet::new();
    let (mine, done) = (client.clone(), Arc::clone(&over));
    reading.spawn(async move { read_on(&mine, &done).await });
    let mut others = JoinSet::new();
    let (mine, done) = (client.clone(), Arc::clone(&over));
    others.spawn(async move { switch_on_and_off(&mine, &done).await });
    let mut writing = JoinSet::new();
    let (mine, done) = (client.clone(), Arc::clone(&over));
    writing.spawn(async move { write_on(&mine, &done).await });
    let mut polls = vec![(Instant::now(), polled.count(Command::CHASSIS_STATUS))];
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let began = Instant::now();
    // The random instant: there is no condition to wait for.
    while began.elapsed() < life {
        pace.tick().await;
        polls.push((Instant::now(), polled.count(Command::CHASSIS_STATUS)));
    }
    let killed = Instant::now();
    service.kill().await;
    over.store(true, Ordering::Relaxed);
    others.join_next().await.unwrap().unwrap();
    Seen {
        killed,
        reads: reading.join_next().await.unwrap().unwrap(),
        polls,
        slowest_write: writing.join_next().await.unwrap().unwrap(),
    }
}

/// Reads a machine's boot device again and again.
async fn read_on(client: &Client, over: &AtomicBool) -> Vec<(Instant, String)> {
    let mut answered = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while !over.load(Ordering::Relaxed) {
        pace.tick().await;
        let path = "/v1/nodes/read/management/boot_device";
        if let Ok(answer) = client.attempt(Method::GET, path, None).await
            && answer.status == 200
        {
            let id = answer.header("openstack-request-id").unwrap().to_owned();
            answered.push((Instant::now(), id));
        }
    }
    answered
}

/// Sets another machine's boot device, and switches it, again and again. What it is answered doesn't matter.
async fn switch_on_and_off(client: &Client, over: &AtomicBool) {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for turn in 0_usize.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        pace.tick().await;
        let (device, power) = match turn % 2 {
            0 => ("pxe", "power on"),
            _ => ("disk", "power off"),
        };
        let device = json!({"boot_device": device});
        let path = "/v1/nodes/switched/management/boot_device";
        let _ = client.attempt(Method::PUT, path, Some(&device)).await;
        let power = json!({"target": power});
        let path = "/v1/nodes/switched/states/power";
        let _ = client.attempt(Method::PUT, path, Some(&power)).await;
    }
}

/// Changes what the database knows of a node again and again; how long that took at most.
async fn write_on(client: &Client, over: &AtomicBool) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for turn in 0_usize.. {
        pace.tick().await;
        if over.load(Ordering::Relaxed) {
            break;
        }
        let change = json!([{"op": "add", "path": "/extra/turn", "value": turn}]);
        let began = Instant::now();
        let answer = client.attempt(Method::PATCH, "/v1/nodes/polled", Some(&change));
        if answer.await.is_ok() {
            slowest = slowest.max(began.elapsed());
        }
    }
    slowest
}

/// The requests whose read of a boot device is recorded.
async fn requests_in(database: &mut SqliteConnection) -> BTreeSet<String> {
    let text =
        "SELECT request_id FROM audit WHERE kind = 'read' AND operation = $1 AND outcome = 'ok'";
    let found: Vec<String> = sqlx::query_scalar(text)
        .bind(READ)
        .fetch_all(database)
        .await
        .unwrap();
    found.into_iter().collect()
}

async fn intents_in(database: &mut SqliteConnection, operation: &str) -> u64 {
    let text = "SELECT COUNT(*) FROM audit WHERE kind = 'intent' AND operation = $1";
    number(database, text, operation).await
}

/// How often it is recorded that this machine was polled, whether by rows or by counts.
async fn polls_in(database: &mut SqliteConnection, node: &str) -> u64 {
    let rows = "SELECT COALESCE(SUM(COALESCE(count, 1)), 0) FROM audit WHERE operation = 'ipmi 0x00 0x01' AND node = $1";
    let counts = "SELECT COALESCE(SUM(count), 0) FROM audit_repeats WHERE operation = 'ipmi 0x00 0x01' AND node = $1";
    number(database, rows, node).await + number(database, counts, node).await
}

async fn number(database: &mut SqliteConnection, text: &'static str, of: &str) -> u64 {
    let found: i64 = sqlx::query_scalar(text)
        .bind(of)
        .fetch_one(database)
        .await
        .unwrap();
    u64::try_from(found).unwrap()
}

/// Waits until each intent has an outcome: what the killed process left open says that nobody knows.
async fn all_answered(stage: &Stage, service: &Service) {
    let file = stage.path("audit.jsonl");
    let out = file.display().to_string();
    eventually("an outcome of everything", async || {
        let (ok, said) = program(service, &["export", "--out", &out]).await;
        assert!(ok, "{said}");
        let text = std::fs::read_to_string(&file).unwrap();
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let answered: BTreeSet<i64> = rows
            .iter()
            .filter(|row| row["kind"] == "outcome")
            .filter_map(|row| row["refers_to"].as_i64())
            .collect();
        let is_open = |row: &&Value| {
            row["kind"] == "intent" && !answered.contains(&row["seq"].as_i64().unwrap())
        };
        rows.iter().find(is_open).is_none().then_some(())
    })
    .await;
}
