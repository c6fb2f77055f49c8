//! The other drivers that mean harm: those that end at a bound which isn't time or memory, those that reach for what isn't theirs, and what
//! is no driver at all. While they go on, nobody else waits longer than beside the drivers of `hostile`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ironbark_bmc_sim::Chance;
use ironbark_bmc_sim::redfish::{Faults, Misbehaviour, ServiceConfig};
use ironbark_tests::{
    Client, Hypervisor, Service, Setup, Stage, enrol, eventually, fixture, ipmi_node, rack,
    redfish_node, redfish_service,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::hostile::{Measured, PATIENT, ROUNDS, short_calls};

/// Packages that aren't among those that ship.
const FIXTURES: &[&str] = &[
    "clock",
    "giant",
    "hoard",
    "neighbour",
    "sessions",
    "sleep",
    "thief",
    "trap",
    "trespass",
    "wasi",
];

/// Somebody who goes on and on.
#[derive(Clone)]
pub(crate) enum Attacker {
    /// A node that is switched on again and again, and what its `last_error` says each time; empty if it may say nothing.
    Node(String, &'static str),
    /// A file that is uploaded again and again, and what its refusal says.
    Upload(Vec<u8>, &'static str),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_those_who_end_at_a_bound() {
    let stage = Stage::alone().await;
    let (service, client) = started(&stage).await;
    let rack = rack(2).await;
    let mut attackers = Vec::new();
    for (name, driver, power, says) in [
        ("stack", "hostile-trap", "hostile-overflow", "it crashed"),
        (
            "clock-sleep",
            "hostile-clock",
            "hostile-clock-sleep",
            "failed: it ",
        ),
        (
            "clock-nap",
            "hostile-clock",
            "hostile-clock-nap",
            "failed: it ",
        ),
        (
            "clock-look",
            "hostile-clock",
            "hostile-clock-look",
            "failed: it ",
        ),
        // Woken when its time is over, it may still say something.
        ("sleep-once", "hostile-sleep", "hostile-sleep-once", ""),
        (
            "error",
            "hostile-giant",
            "hostile-giant-error",
            "failed: it ",
        ),
        ("notes", "hostile-hoard", "hostile-hoard", "bytes of a node"),
        (
            "sessions",
            "hostile-sessions",
            "hostile-sessions",
            "IPMI sessions",
        ),
    ] {
        let mut body = ipmi_node(name, &rack.bmcs()[0]);
        body["driver"] = json!(driver);
        body["power_interface"] = json!(power);
        client.create_node(&body).await;
        attackers.push(Attacker::Node(name.to_owned(), says));
    }
    // Two at a time: more that compute at once are a matter of how many processors there are.
    for some in attackers.chunks(2) {
        measure(&client, some).await;
    }
    assert!(!service.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_those_who_reach_for_what_is_not_theirs() {
    let stage = Stage::alone().await;
    let (service, client) = started(&stage).await;
    let rack = rack(2).await;
    let shared = redfish_service(ServiceConfig {
        systems: 2,
        ..ServiceConfig::default()
    })
    .await;
    let redirecting = redfish_service(ServiceConfig::default()).await;
    let lure = redfish_service(ServiceConfig::default()).await;
    redirecting.set_faults(Faults {
        answers: Chance::Always,
        answer: Misbehaviour::Redirect(format!("{}/redfish/v1/Systems/1", lure.url())),
        only: "/Systems/1".to_owned(),
        ..Faults::default()
    });
    let hypervisor = Hypervisor::start(&["mine", "other"]);

    let of = |driver: &str, mut body: Value| {
        body["driver"] = json!(driver);
        body
    };
    let mut outside = ipmi_node("outside", &rack.bmcs()[0]);
    outside["driver_info"]["ipmi_address"] = json!("192.0.2.1");
    let mut bodies = vec![
        (json!({"name": "files", "driver": "hostile-wasi"}), ""),
        (
            of("hostile-thief", ipmi_node("thief", &rack.bmcs()[0])),
            "hostile-thief",
        ),
        // It is denied all that isn't its own, and then never finds its machine on.
        (
            of("hostile-trespass", redfish_node("trespass", &shared, "1")),
            "power on",
        ),
        (
            redfish_node("redirected", &redirecting, "1"),
            "another host",
        ),
        (outside, "allowed_networks"),
    ];
    if let Some(hypervisor) = &hypervisor {
        let info = hypervisor.driver_info("mine");
        let body = json!({"name": "neighbour", "driver": "hostile-neighbour", "driver_info": info});
        bodies.push((body, "its own: Ok"));
    }
    let mut attackers = Vec::new();
    for (body, says) in bodies {
        client.create_node(&body).await;
        let name = body["name"].as_str().unwrap().to_owned();
        attackers.push(Attacker::Node(name, says));
    }
    measure(&client, &attackers).await;

    let whole = fixture("lying").bytes();
    let truncated = whole[..whole.len() / 2].to_vec();
    measure(
        &client,
        &[
            Attacker::Upload(whole, "disagree"),
            Attacker::Upload(
                fixture("overreach").bytes(),
                "doesn't ask for that capability",
            ),
            Attacker::Upload(truncated, ""),
        ],
    )
    .await;

    assert!(rack.bmcs().iter().all(|bmc| bmc.commands().is_empty()));
    assert!(!shared.snapshot().systems[1].power);
    assert_eq!(lure.snapshot().connections, 0);
    if let Some(hypervisor) = &hypervisor {
        assert_eq!(hypervisor.state("other"), "shut off");
    }
    assert!(!service.log().contains("panicked"));
}

async fn started(stage: &Stage) -> (Service, Client) {
    let setup = FIXTURES
        .iter()
        .fold(Setup::default(), |setup, name| setup.with(name))
        // A driver in quarantine does no harm.
        .set("drivers", "quarantine_faults", 0)
        .set("bmc", "allowed_networks", vec!["127.0.0.0/8".to_owned()])
        .set("conductor", "power_state_change_timeout", 1)
        .set("log", "level", "warn");
    let service = Service::start(stage, short_calls(setup)).await;
    let client = service.client().clone();
    enrol(&client, &json!({"name": "calm", "driver": "fake-hardware"})).await;
    // Caches, connections, first instances.
    Measured::default().more(&client).await;
    (service, client)
}

/// Measures others in turns without and with all of these at once.
pub(crate) async fn measure(client: &Client, attackers: &[Attacker]) {
    let (mut quiet, mut loud) = (Measured::default(), Measured::default());
    for round in 1..=*ROUNDS.end() {
        quiet.more(client).await;
        let stop = Arc::new(AtomicBool::new(false));
        let ends: Vec<Arc<AtomicUsize>> = attackers.iter().map(|_| Arc::default()).collect();
        let mut going = JoinSet::new();
        for (attacker, ends) in attackers.iter().zip(&ends) {
            let (client, attacker) = (client.clone(), attacker.clone());
            let (stop, ends) = (Arc::clone(&stop), Arc::clone(ends));
            going.spawn(async move { go_on(&client, &attacker, &stop, &ends).await });
        }
        eventually("the attack", async || {
            if let Some(ended) = going.try_join_next() {
                ended.unwrap();
            }
            let began = |ends: &Arc<AtomicUsize>| ends.load(Ordering::Relaxed) > 0;
            ends.iter().all(began).then_some(())
        })
        .await;
        loud.more(client).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(ended) = going.join_next().await {
            ended.unwrap();
        }
        let ends: Vec<usize> = ends
            .iter()
            .map(|ends| ends.load(Ordering::Relaxed))
            .collect();
        eprintln!("round {round}: quiet {quiet}; under attack {loud}; ended {ends:?} times");
        if round >= *ROUNDS.start() && loud.holds_beside(&quiet) {
            return;
        }
    }
    panic!("quiet {quiet}; under attack {loud}");
}

async fn go_on(client: &Client, attacker: &Attacker, stop: &AtomicBool, ends: &AtomicUsize) {
    let mut pace = tokio::time::interval(PATIENT);
    while !stop.load(Ordering::Relaxed) {
        match attacker {
            Attacker::Node(name, says) => {
                client.power(name, "power on").await.expect(202);
                let node = loop {
                    pace.tick().await;
                    let node = client.node(name).await;
                    if node["reservation"].is_null() && node["target_power_state"].is_null() {
                        break node;
                    }
                };
                let error = node["last_error"].as_str().unwrap_or_default();
                assert!(error.contains(says), "{name}: {node:#}");
            }
            Attacker::Upload(bytes, says) => {
                pace.tick().await;
                let reason = client.upload(bytes.clone(), "").await.refused(400);
                assert!(reason.contains(says), "{reason}");
            }
        }
        ends.fetch_add(1, Ordering::Relaxed);
    }
}
