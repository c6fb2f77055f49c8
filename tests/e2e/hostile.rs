//! Drivers that mean harm: each ends as a clear error, and nobody else notices.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ironbark_tests::{
    Client, Latency, Service, Setup, Stage, enrol, eventually, fixture, ipmi_node, rack,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Hardware type, and what the fault says of itself.
const KINDS: &[(&str, &str)] = &[
    ("hostile-spin", "it computed for more than 500 ms"),
    (
        "hostile-memory",
        "it needed more memory than the 24 MiB that it may have",
    ),
    ("hostile-trap", "it crashed"),
    ("hostile-sleep", "it did not finish within 3 s"),
    // Which bound a flood reaches first depends on how busy the machine is; that each holds is shown in `host/drivers/tests`.
    ("hostile-giant", "failed: it "),
    ("hostile-log", "failed: it "),
    ("hostile-chatter", "failed: it "),
];

/// Who attacks together, while others are measured. Those of which each alone would be felt, if at all, attack alone; floods, whose bounds
/// are numbers, together, and with them somebody who uploads a driver that spins as it starts.
const ATTACKS: &[&[&str]] = &[
    &["hostile-spin"],
    &["hostile-memory"],
    &["hostile-trap"],
    &["hostile-sleep"],
    &["hostile-giant", "hostile-log", "hostile-chatter", UPLOADED],
];
const UPLOADED: &str = "spin-start";

/// Rounds of one quiet and one loud measurement that count together: at least, and at most if noise of the machine fell on a loud
/// one. All samples of all rounds count.
pub(crate) const ROUNDS: std::ops::RangeInclusive<usize> = 2..=6;
/// Of each kind of request, in each measurement.
const SAMPLES: usize = 200;
/// Nodes whose driver is called again and again.
const ATTACKERS: usize = 2;
/// Faults during one loud measurement at least, or nothing was measured.
const LEAST_FAULTS: usize = 1;
/// Loud measurements until there were so many faults, at most.
const LONGEST: usize = 5;
/// How often an attacker looks whether its driver has failed yet: the harm shall come from the drivers, not from requests.
pub(crate) const PATIENT: Duration = Duration::from_millis(250);

/// What all hostile drivers are measured with: little time for each call, so that they end often.
pub(crate) fn short_calls(setup: Setup) -> Setup {
    setup
        .set("drivers", "call_timeout", 3)
        .set("drivers", "call_cpu_limit", 0.5)
        // Reached by floods before that much time is, on a busy machine too.
        .set("drivers", "host_calls", 2000)
}

fn setup() -> Setup {
    let setup = KINDS.iter().fold(Setup::default(), |setup, (kind, _)| {
        setup.with(kind.strip_prefix("hostile-").unwrap())
    });
    short_calls(setup)
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
async fn a_thief_finds_no_secret_and_no_way_to_others() {
    const TOKEN: &str = "thief-must-not-see-this";
    const PASSWORD: &str = "nor-this-one";
    let stage = Stage::shared().await;
    let rack = rack(2).await;
    let [own, other] = rack.bmcs() else {
        panic!("two machines");
    };
    let service = Service::start(&stage, Setup::default().with("thief")).await;
    let client = service.client();
    let mut body = ipmi_node("robbed", own);
    body["driver"] = json!("hostile-thief");
    body["driver_info"]["thief_token"] = json!(TOKEN);
    body["driver_info"]["ipmi_password"] = json!(PASSWORD);
    client.create_node(&body).await;
    client
        .verb("robbed", &json!({"target": "manage"}))
        .await
        .expect(202);
    let node = client
        .wait_for_node("robbed", "to have an error", |node| {
            node["last_error"].is_string() && node["reservation"].is_null()
        })
        .await;

    // It got as far as it could: its node is told, and every command was refused.
    let said = node["last_error"].as_str().unwrap();
    assert!(said.contains("hostile-thief"), "{said}");
    eventually("the refusals", async || {
        let path = "/ironbark/v1/audit?node=robbed&kind=denied&format=jsonl";
        let refused = client.get(path).await.text;
        ["ipmi 0x06 0x34", "ipmi 0x06 0x47", "ipmi 0x0c 0x01"]
            .iter()
            .all(|operation| refused.contains(operation))
            .then_some(())
    })
    .await;
    let lines = client.get("/ironbark/v1/audit?format=jsonl").await.text;
    let shown = client.get("/v1/nodes/robbed").await.text;
    for (place, text) in [
        ("last_error", said),
        ("the log", service.log().as_str()),
        ("the audit", lines.as_str()),
        ("the API", shown.as_str()),
    ] {
        assert!(!text.contains(TOKEN), "{place} has the token");
        assert!(!text.contains(PASSWORD), "{place} has the password");
    }
    assert!(own.commands().is_empty(), "something reached the machine");
    assert!(other.commands().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bmc_outside_of_the_allowed_networks_gets_no_packet() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let allowed = vec!["192.0.2.0/24".to_owned()];
    let setup = Setup::default().set("bmc", "allowed_networks", allowed);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    client.create_node(&ipmi_node("astray", bmc)).await;
    client
        .verb("astray", &json!({"target": "manage"}))
        .await
        .expect(202);
    let node = client
        .wait_for_node("astray", "to have an error", |node| {
            node["last_error"].is_string() && node["reservation"].is_null()
        })
        .await;
    let said = node["last_error"].as_str().unwrap();
    assert!(said.contains("allowed_networks"), "{said}");
    assert!(bmc.commands().is_empty());
    eventually("the row", async || {
        let rows = client
            .get("/ironbark/v1/audit?node=astray&outcome=denied")
            .await
            .expect(200);
        (!rows["audit"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_answered_as_fast_as_before() {
    let stage = Stage::alone().await;
    // A driver in quarantine does no harm.
    let setup = setup().set("drivers", "quarantine_faults", 0);
    let service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    enrol(&client, &json!({"name": "calm", "driver": "fake-hardware"})).await;
    for (kind, _) in KINDS {
        for number in 0..ATTACKERS {
            let name = format!("{kind}-{number}");
            client
                .create_node(&json!({"name": name, "driver": kind}))
                .await;
        }
    }
    // Caches, connections, first instances.
    Measured::default().more(&client).await;
    for kinds in ATTACKS {
        let name = kinds.join(", ");
        let (mut quiet, mut loud) = (Measured::default(), Measured::default());
        for round in 1..=*ROUNDS.end() {
            // In turns, so that what else the machine does falls on both.
            quiet.more(&client).await;
            let attack = Attack::begin(&client, kinds).await;
            let before = attack.faults();
            // A driver that fails slowly needs more than one measurement to fail within.
            let mut faults = 0;
            for _ in 0..LONGEST {
                loud.more(&client).await;
                faults = attack.faults() - before;
                if faults >= LEAST_FAULTS {
                    break;
                }
            }
            attack.end().await;
            assert!(faults >= LEAST_FAULTS, "{name}: only {faults} faults");
            eprintln!("{name}: round {round}: quiet {quiet}; under attack {loud}; {faults} faults");
            if round >= *ROUNDS.start() && loud.holds_beside(&quiet) {
                break;
            }
        }
        assert!(
            loud.holds_beside(&quiet),
            "{name}: quiet {quiet}; under attack {loud}"
        );
    }
}

/// Hostile drivers that are called again and again.
struct Attack {
    stop: Arc<AtomicBool>,
    /// Of each attacker.
    faults: Vec<Arc<AtomicUsize>>,
    attackers: JoinSet<()>,
}

impl Attack {
    /// Begins, and waits until each attacker has failed for the first time.
    async fn begin(client: &Client, kinds: &[&str]) -> Self {
        let mut attack = Self {
            stop: Arc::default(),
            faults: Vec::new(),
            attackers: JoinSet::new(),
        };
        for (kind, says) in KINDS.iter().filter(|(kind, _)| kinds.contains(kind)) {
            // Together, which of its bounds one reaches first is a matter of the others; that it is a fault of its own isn't.
            let says = if kinds.len() > 1 { kind } else { says };
            for number in 0..ATTACKERS {
                let (client, node) = (client.clone(), format!("{kind}-{number}"));
                attack.spawn(|stop, faults| async move {
                    attack_with(&client, &node, says, &stop, &faults).await;
                });
            }
        }
        if kinds.contains(&UPLOADED) {
            let client = client.clone();
            attack.spawn(|stop, faults| async move {
                upload_again(&client, &stop, &faults).await;
            });
        }
        eventually("the attack", async || {
            // Dropped with the test, an attacker that panicked would only be missed.
            if let Some(ended) = attack.attackers.try_join_next() {
                ended.unwrap();
            }
            let began = |faults: &Arc<AtomicUsize>| faults.load(Ordering::Relaxed) > 0;
            attack.faults.iter().all(began).then_some(())
        })
        .await;
        attack
    }

    fn spawn<Work>(&mut self, attacker: impl FnOnce(Arc<AtomicBool>, Arc<AtomicUsize>) -> Work)
    where
        Work: Future<Output = ()> + Send + 'static,
    {
        let faults = Arc::<AtomicUsize>::default();
        self.faults.push(Arc::clone(&faults));
        self.attackers
            .spawn(attacker(Arc::clone(&self.stop), faults));
    }

    /// How often drivers failed so far.
    fn faults(&self) -> usize {
        let failed = self.faults.iter();
        failed.map(|faults| faults.load(Ordering::Relaxed)).sum()
    }

    /// Ends it.
    async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.attackers.join_next().await {
            ended.unwrap();
        }
    }
}

/// Has one node's hostile driver called again and again, each time to the end that its fault `says`.
async fn attack_with(
    client: &Client,
    node: &str,
    says: &str,
    stop: &AtomicBool,
    faults: &AtomicUsize,
) {
    let mut pace = tokio::time::interval(PATIENT);
    while !stop.load(Ordering::Relaxed) {
        client.power(node, "power on").await.expect(202);
        loop {
            pace.tick().await;
            let now = client.node(node).await;
            if now["reservation"].is_null()
                && let Some(error) = now["last_error"].as_str()
            {
                assert!(error.contains(says), "{node}: {error}");
                break;
            }
        }
        faults.fetch_add(1, Ordering::Relaxed);
    }
}

/// Uploads a driver that spins as soon as it is started, which is found out each time.
async fn upload_again(client: &Client, stop: &AtomicBool, faults: &AtomicUsize) {
    let bytes = fixture(UPLOADED).bytes();
    let mut pace = tokio::time::interval(PATIENT);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let reason = client.upload(bytes.clone(), "").await.refused(400);
        // Of its own time and that of the call, which is over first is a matter of the others.
        assert!(reason.contains("hostile-spin-start"), "{reason}");
        faults.fetch_add(1, Ordering::Relaxed);
    }
}

/// What others wait for.
#[derive(Default)]
pub(crate) struct Measured {
    reads: Latency,
    calls: Latency,
}

impl Measured {
    /// Whether others are served under attack as they must be, compared with `quiet`.
    pub(crate) fn holds_beside(&self, quiet: &Self) -> bool {
        let reads = (quiet.reads.p99() * 2).max(Duration::from_millis(20));
        let calls = (quiet.calls.p99() * 2).max(Duration::from_millis(50));
        self.reads.p99() <= reads && self.calls.p99() <= calls
    }

    /// One GET and one call of another package's driver, in turns, at the pace of a client that thinks in between.
    pub(crate) async fn more(&mut self, client: &Client) {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..SAMPLES {
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
