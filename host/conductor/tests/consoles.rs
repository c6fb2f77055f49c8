//! Consoles that are streams: the real `ipmi` driver, and the serial consoles of simulated BMCs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::{Duration, Instant};

use common::{World, kind, package};
use ironbark_bmc::ipmi;
use ironbark_bmc_sim::{BmcHandle, Command, Rack, RackConfig};
use ironbark_conductor::{Config, Stop};
use ironbark_db::{AuditFilter, AuditPage, SortDir};
use ironbark_model::ident::Ident;
use ironbark_model::{ErrorKind, Node, Result, Secret, Timestamp};
use ironbark_rpc::{
    Carried, End, Envelope, Handler, HardwareRequest as H, Opening, PackageChange, Reader, Reply,
    Request, Stream, VERSION, Why, Writer, pipe,
};
use serde_json::{Value, json};

/// Longest that a test waits for something to come about.
const PATIENCE: Duration = Duration::from_secs(60);

/// A conductor with nodes of simulated BMCs whose consoles are on.
struct Site {
    world: World,
    nodes: Vec<Node>,
    rack: Rack,
}

/// Somebody's look at a console.
struct Look {
    writer: Writer,
    reader: Reader,
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

impl Site {
    async fn start(count: usize) -> Self {
        Self::start_with(count, |_| {}).await
    }

    async fn start_with(count: usize, change: impl FnOnce(&mut Config)) -> Self {
        let world = World::start_with(change).await;
        world.install(package("ipmi")).await;
        let rack = Rack::start(RackConfig {
            count,
            ..RackConfig::default()
        });
        let rack = rack.await.unwrap();
        let mut site = Self {
            world,
            nodes: Vec::new(),
            rack,
        };
        for number in 0..count {
            let bmc = site.bmc(number);
            let user = bmc.credentials();
            let info = json!({
                "ipmi_address": bmc.address().ip().to_string(), "ipmi_port": bmc.address().port(),
                "ipmi_username": user.username, "ipmi_password": user.password,
            });
            let fields = json!({"console_interface": "ipmitool-socat"});
            let node = site.world.create("ipmi", info, fields).await;
            site.nodes.push(node);
            site.switch(number, true).await;
        }
        site
    }

    fn bmc(&self, number: usize) -> BmcHandle {
        self.rack.bmc(number).unwrap()
    }

    fn uuid(&self, number: usize) -> &str {
        &self.nodes[number].uuid
    }

    async fn ask(&self, number: usize, request: H) -> Result<Reply> {
        self.ask_as(Some("ada"), number, request).await
    }

    async fn ask_as(&self, user: Option<&str>, number: usize, request: H) -> Result<Reply> {
        let request = Request::Hardware {
            node: self.uuid(number).to_owned(),
            request,
        };
        let envelope = envelope(user, request);
        self.world.conductor.handle(envelope).await
    }

    /// Switches a console on or off, and waits until it is.
    async fn switch(&self, number: usize, on: bool) {
        self.ask(number, H::SetConsole(on)).await.unwrap();
        self.world
            .until(self.uuid(number), "the console", |node| {
                node.console_enabled == on && node.reservation.is_none()
            })
            .await;
    }

    /// The token in the address of a console.
    async fn token(&self, number: usize) -> Secret {
        match self.ask(number, H::GetConsole).await.unwrap() {
            Reply::Console(token) => token.into_secret(),
            other => panic!("no stream: {other:?}"),
        }
    }

    async fn open_with(&self, number: usize, token: &Secret) -> Result<Look> {
        let opening = Opening::Console {
            node: self.uuid(number).to_owned(),
            token: Carried::from(token),
        };
        let (here, there) = pipe();
        let opened = self
            .world
            .conductor
            .open(envelope(None, opening), Stream::over(there));
        soon("an answer", opened).await?;
        let (writer, reader) = Stream::over(here).split();
        Ok(Look { writer, reader })
    }

    async fn open(&self, number: usize) -> Look {
        let token = self.token(number).await;
        self.open_with(number, &token).await.unwrap()
    }

    /// Kind, operation, outcome and actor of what was recorded of a console's BMC, oldest first.
    async fn recorded(&self, number: usize) -> Vec<(String, String, String, Option<String>)> {
        self.world.conductor.flush_audit(PATIENCE).await;
        let filter = AuditFilter {
            node: Some(self.uuid(number).to_owned()),
            ..AuditFilter::default()
        };
        let page = AuditPage {
            limit: 100,
            after: None,
            sort_dir: SortDir::Ascending,
        };
        let rows = self.world.db.audit_list(&filter, page).await.unwrap();
        rows.into_iter()
            .map(|row| {
                let entry = row.entry;
                assert_eq!(entry.package.as_deref(), Some("ipmi"));
                let kind = entry.kind.as_str().to_owned();
                (kind, entry.operation, entry.outcome, entry.actor)
            })
            .collect()
    }
}

fn envelope<R>(user: Option<&str>, request: R) -> Envelope<R> {
    Envelope {
        version: VERSION,
        request_id: "req-test".to_owned(),
        user: user.map(str::to_owned),
        deadline: Timestamp::now().plus(Duration::from_secs(60)),
        request,
    }
}

impl Look {
    async fn types(&self, text: &str) {
        assert!(self.writer.write(text.as_bytes()).await);
    }

    /// Waits until the machine has written this, whatever else.
    async fn sees(&mut self, text: &str) {
        let mut seen = Vec::new();
        let seeing = async {
            while !String::from_utf8_lossy(&seen).contains(text) {
                seen.extend_from_slice(&self.reader.read().await.expect("the console goes on"));
            }
        };
        soon(text, seeing).await;
    }

    /// Waits until it is over.
    async fn over(&mut self) -> End {
        let ending = async {
            loop {
                if let Err(end) = self.reader.read().await {
                    return end;
                }
            }
        };
        soon("the end", ending).await
    }
}

async fn given_back(bmc: &BmcHandle) {
    soon("the end", bmc.wait_until(|bmc| !bmc.console_in_use)).await;
}

fn deactivated(bmc: &BmcHandle) -> u64 {
    bmc.count(Command::new(0x06, 0x49))
}

/// Lets a machine write until whoever looks at its console takes no more.
async fn full(bmc: &BmcHandle) {
    let mut progress = Instant::now();
    let mut waiting = 0;
    while progress.elapsed() < Duration::from_secs(1) {
        if bmc.console_waiting() < 1024 {
            bmc.console_write(&[b'x'; 1024]);
            progress = Instant::now();
        } else if bmc.console_waiting() != waiting {
            waiting = bmc.console_waiting();
            progress = Instant::now();
        }
        tokio::task::yield_now().await;
    }
}

/// A way to a BMC past the conductor.
fn past_the_conductor(bmc: &BmcHandle) -> (ipmi::Client, ipmi::Target) {
    let user = bmc.credentials();
    let target = ipmi::Target {
        port: bmc.address().port(),
        ..ipmi::Target::new(
            bmc.address().ip().to_string(),
            &user.username,
            Secret::new(&user.password),
        )
    };
    (ipmi::Client::new(ipmi::ClientConfig::default()), target)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_is_opened_with_its_token_and_recorded() {
    let site = Site::start(1).await;
    let bmc = site.bmc(0);
    bmc.console_write(b"login: ");
    let mut look = site.open(0).await;
    look.sees("login: ").await;
    look.types("root\r").await;
    look.sees("root\r").await;
    assert_eq!(bmc.console_typed(), b"root\r");
    drop(look);
    given_back(&bmc).await;
    let mut again = site.open(0).await;
    again.types("x").await;
    again.sees("x").await;
    drop(again);
    given_back(&bmc).await;
    let row = |kind: &str, command: &str, outcome: &str| {
        let operation = format!("ipmi 0x06 {command}");
        let actor = Some("ada".to_owned());
        (kind.to_owned(), operation, outcome.to_owned(), actor)
    };
    let once = [
        row("intent", "0x48", "begun"),
        row("outcome", "0x48", "ok"),
        row("intent", "0x49", "begun"),
        row("outcome", "0x49", "ok"),
    ];
    assert_eq!(site.recorded(0).await, [once.clone(), once].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_told_opens_it_and_only_while_it_is_on() {
    let site = Site::start(2).await;
    let token = site.token(0).await;
    for wrong in [
        Secret::default(),
        Secret::new("******"),
        site.token(1).await,
    ] {
        let refused = kind(site.open_with(0, &wrong).await);
        assert_eq!(refused, Some(ErrorKind::Forbidden));
    }
    site.switch(0, false).await;
    let off = json!({"console_enabled": false, "console_info": null});
    match site.ask(0, H::GetConsole).await.unwrap() {
        Reply::Json(value) => assert_eq!(value, off),
        other => panic!("{other:?}"),
    }
    for _ in 0..2 {
        let refused = kind(site.open_with(0, &token).await);
        assert_eq!(refused, Some(ErrorKind::Forbidden));
        // Also when it is on again.
        site.switch(0, true).await;
    }
    let token = site.token(0).await;
    assert!(site.open_with(0, &token).await.is_ok());
    assert!(!site.bmc(1).snapshot().console_in_use);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_its_time() {
    let site = Site::start_with(1, |config| {
        config.console_token_lifetime = Duration::ZERO;
    })
    .await;
    let token = site.token(0).await;
    let refused = kind(site.open_with(0, &token).await);
    assert_eq!(refused, Some(ErrorKind::Forbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_looks_at_a_time() {
    let site = Site::start(1).await;
    let token = site.token(0).await;
    let first = site.open_with(0, &token).await.unwrap();
    let refused = kind(site.open_with(0, &token).await);
    assert_eq!(refused, Some(ErrorKind::Conflict));
    // Whoever comes back at once isn't in their own way.
    drop(first);
    let mut second = site.open_with(0, &token).await.unwrap();
    second.types("x").await;
    second.sees("x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_over_when_the_console_is_switched_off_or_leads_elsewhere() {
    let site = Site::start(2).await;
    let mut look = site.open(0).await;
    site.switch(0, false).await;
    let end = look.over().await;
    assert_eq!(end.why, Why::Revoked, "{end:?}");
    given_back(&site.bmc(0)).await;

    let mut look = site.open(1).await;
    let patch = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
    // What has nothing to do with it leaves it alone.
    let uuid = site.uuid(1);
    let hall = patch("/extra/hall", json!(1));
    site.world.patch(uuid, hall).await.unwrap();
    look.types("still\r").await;
    look.sees("still").await;
    let password = patch("/driver_info/ipmi_password", json!("other"));
    site.world.patch(uuid, password).await.unwrap();
    let end = look.over().await;
    assert_eq!(end.why, Why::Revoked, "{end:?}");
    given_back(&site.bmc(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_over_when_the_node_is_gone() {
    let site = Site::start(1).await;
    let mut look = site.open(0).await;
    let node = site.uuid(0).to_owned();
    site.world.ask(Request::DestroyNode { node }).await.unwrap();
    assert_eq!(look.over().await.why, Why::Revoked);
    given_back(&site.bmc(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_elsewhere_changed_is_seen_by_and_by() {
    let site = Site::start(2).await;
    let mut off = site.open(0).await;
    let reservation = site.world.db.node_reserve(site.uuid(0), "other").await;
    let mut tx = site.world.db.reserved(&reservation.unwrap()).await.unwrap();
    let mut node = tx.node().await.unwrap();
    node.console_enabled = false;
    tx.save_node(&node).await.unwrap();
    tx.commit_and_release().await.unwrap();
    let mut denied = site.open(1).await;
    let token = site.token(1).await;
    let change = PackageChange::Grant {
        version: None,
        granted: vec!["state".to_owned()],
    };
    let grant = Request::ChangePackage {
        name: "ipmi".to_owned(),
        change,
        by: "ada".to_owned(),
    };
    site.world.ask(grant).await.unwrap();
    assert_eq!(off.over().await.why, Why::Revoked);
    assert_eq!(denied.over().await.why, Why::Revoked);
    given_back(&site.bmc(1)).await;
    let refused = kind(site.open_with(1, &token).await);
    assert_eq!(refused, Some(ErrorKind::Denied));
    let refused = kind(site.ask(1, H::GetConsole).await);
    assert_eq!(refused, Some(ErrorKind::Denied));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_for_ever() {
    for (idle, limit) in [(300, 3_600_000), (3_600_000, 300)] {
        let site = Site::start_with(1, |config| {
            config.console_idle_timeout = Duration::from_millis(idle);
            config.console_session_limit = Duration::from_millis(limit);
        })
        .await;
        let mut look = site.open(0).await;
        assert_eq!(look.over().await.why, Why::Revoked);
        given_back(&site.bmc(0)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_looks_through_is_no_hindrance() {
    let site = Site::start(1).await;
    let bmc = site.bmc(0);
    let (client, target) = past_the_conductor(&bmc);
    let stale = client.console(&target, PATIENCE).await.unwrap();
    let (_input, _output, hold) = stale.split();
    hold.abandon();
    let mut look = site.open(0).await;
    look.types("x").await;
    look.sees("x").await;
    let outcomes: Vec<_> = site
        .recorded(0)
        .await
        .into_iter()
        .filter(|(kind, ..)| kind == "outcome")
        .map(|(_, operation, outcome, _)| format!("{operation} {outcome}"))
        .collect();
    assert_eq!(
        outcomes,
        [
            "ipmi 0x06 0x48 busy",
            "ipmi 0x06 0x49 ok",
            "ipmi 0x06 0x48 ok"
        ]
    );
    // Somebody past the conductor takes it: it isn't taken from them when ours ends.
    let mut other = client.take_console(&target, PATIENCE).await.unwrap();
    let end = look.over().await;
    assert_eq!(end.why, Why::Failed, "{end:?}");
    let (_, operation, outcome, _) = site.recorded(0).await.pop().unwrap();
    assert_eq!(
        (operation.as_str(), outcome.as_str()),
        ("ipmi 0x06 0x49", "not-sent")
    );
    assert!(other.write(b"mine".to_vec()).await);
    assert!(soon("it", other.read()).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_act_any_more_sends_nothing_more() {
    let mut site = Site::start(1).await;
    let bmc = site.bmc(0);
    let token = site.token(0).await;
    let mut look = site.open_with(0, &token).await.unwrap();
    site.world.kill();
    let end = look.over().await;
    assert_eq!(end.why, Why::GoingAway, "{end:?}");
    assert!(bmc.snapshot().console_in_use);
    assert_eq!(deactivated(&bmc), 0);
    // Whoever comes after it takes the console over. Tokens are told anew.
    site.world.restart().await;
    let refused = kind(site.open_with(0, &token).await);
    assert_eq!(refused, Some(ErrorKind::Forbidden));
    let mut look = site.open(0).await;
    look.types("x").await;
    look.sees("x").await;
    assert_eq!(deactivated(&bmc), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_consoles_back() {
    let site = Site::start(1).await;
    let token = site.token(0).await;
    let mut look = site.open_with(0, &token).await.unwrap();
    soon("the stop", site.world.conductor.stop(Stop::Drain)).await;
    assert!(!site.bmc(0).snapshot().console_in_use);
    assert_eq!(look.over().await.why, Why::GoingAway);
    let refused = kind(site.open_with(0, &token).await);
    assert_eq!(refused, Some(ErrorKind::NoConductor));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_up_nobody_else() {
    let site = Site::start(2).await;
    let mut slow = site.open(0).await;
    full(&site.bmc(0)).await;
    let mut other = site.open(1).await;
    for _ in 0..20 {
        other.types("ping\r").await;
        other.sees("ping\r").await;
    }
    // What is typed arrives although nothing is read.
    slow.types("typed\r").await;
    let bmc = site.bmc(0);
    let typed = async {
        while !bmc.console_typed().ends_with(b"typed\r") {
            tokio::task::yield_now().await;
        }
    };
    soon("what was typed", typed).await;
    // And it ends like any other.
    site.switch(0, false).await;
    given_back(&site.bmc(0)).await;
    slow.over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_have_a_stream_says_so() {
    let site = Site::start(1).await;
    let missing = json!({"console_interface": "ipmitool-socat"});
    let node = site.world.create("ipmi", json!({}), missing).await;
    let switch = |node: &Node| Request::Hardware {
        node: node.uuid.clone(),
        request: H::SetConsole(true),
    };
    let refused = kind(site.world.ask(switch(&node)).await);
    assert_eq!(refused, Some(ErrorKind::InvalidParameter));
    // Without saying which, nodes have no console.
    let info = json!({"ipmi_address": "127.0.0.1"});
    let node = site.world.create("ipmi", info, json!({})).await;
    assert_eq!(node.console_interface.as_deref(), Some("no-console"));
    let refused = kind(site.world.ask(switch(&node)).await);
    assert_eq!(refused, Some(ErrorKind::Unsupported));
    // A BMC that is away is told when the console is opened, and nobody is in the way then.
    let uuid = site.uuid(0).to_owned();
    let away = json!([{"op": "add", "path": "/driver_info/ipmi_cipher_suite", "value": 15}]);
    site.world.patch(&uuid, away).await.unwrap();
    let token = site.token(0).await;
    for _ in 0..2 {
        let refused = kind(site.open_with(0, &token).await);
        assert_eq!(refused, Some(ErrorKind::BadGateway));
    }
    let node = Ident::Uuid(uuid);
    let node = site.world.db.node_get(&node).await.unwrap().unwrap();
    assert!(node.console_enabled && node.last_error.is_none());
}
