//! A machine's serial console, from its BMC to a WebSocket.

use std::os::unix::fs::PermissionsExt;

use futures::{SinkExt as _, StreamExt as _};
use ironbark_bmc_sim::{BmcHandle, Command, OldAuthentication, Rack, RackConfig};
use ironbark_tests::{Client, PATIENCE, Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::ipmi_sim::{self, IpmiSim};

const PASSWORD: &str = "open sesame";

/// What carries tokens and characters tells all that it can. (The compiler of WebAssembly would tell gigabytes.)
const EVERYTHING: &str = "info,tungstenite=trace,tokio_tungstenite=trace,hyper=trace,hyper_util=trace,axum=trace,tower=trace,sqlx=trace,\
                          ironbark=trace,ironbark_api=trace,ironbark_rpc=trace,ironbark_conductor=trace,ironbark_bmc=trace";

/// Somebody's look at a console.
struct Look(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

impl Look {
    /// Opens a console at its address; the status if it is refused.
    async fn at(url: &str) -> Result<Self, u16> {
        match soon("an answer", connect_async(url)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn types(&mut self, text: &str) {
        self.0
            .send(Message::binary(text.as_bytes().to_vec()))
            .await
            .unwrap();
    }

    /// Waits until the machine has written this, whatever else.
    async fn sees(&mut self, text: &str) {
        let mut seen = Vec::new();
        let seeing = async {
            while !String::from_utf8_lossy(&seen).contains(text) {
                match self.0.next().await.unwrap().unwrap() {
                    Message::Binary(bytes) => seen.extend_from_slice(&bytes),
                    Message::Ping(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        soon(text, seeing).await;
    }

    /// Waits until it is over; with which code.
    async fn over(&mut self) -> u16 {
        let ending = async {
            loop {
                match self.0.next().await.unwrap().unwrap() {
                    Message::Close(frame) => return frame.expect("a reason").code.into(),
                    _ => continue,
                }
            }
        };
        soon("the end", ending).await
    }
}

/// A node whose console is a stream, and is on.
async fn with_console(client: &Client, mut body: Value) -> Value {
    body["console_interface"] = json!("ipmitool-socat");
    let node = enrol(client, &body).await;
    switch(client, node["name"].as_str().unwrap(), true).await;
    node
}

async fn switch(client: &Client, node: &str, on: bool) {
    let path = format!("/v1/nodes/{node}/states/console");
    let answer = client.put(&path, &json!({"enabled": on})).await;
    answer.expect(202);
    client
        .wait_for_node(node, "console", |node| {
            node["console_enabled"] == on && node["reservation"].is_null()
        })
        .await;
}

/// Where a node's console is opened.
async fn address(client: &Client, node: &str) -> String {
    let path = format!("/v1/nodes/{node}/states/console");
    let told = client.get(&path).await.expect(200);
    assert_eq!(told["console_info"]["type"], "websocket");
    told["console_info"]["url"].as_str().unwrap().to_owned()
}

/// What was recorded of a node's console: operation, outcome and actor of each command that ended, oldest first.
async fn recorded(client: &Client, node: &str) -> Vec<(String, String, Value)> {
    let path = format!("/ironbark/v1/audit?node={node}&kind=outcome");
    let rows = client.get(&path).await.expect(200);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows["audit"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                text(row, "operation"),
                text(row, "outcome"),
                row["actor"].clone(),
            )
        })
        .filter(|(operation, ..)| {
            ["ipmi 0x06 0x48", "ipmi 0x06 0x49"].contains(&operation.as_str())
        })
        .collect()
}

async fn given_back(bmc: &BmcHandle) {
    soon("the end", bmc.wait_until(|bmc| !bmc.console_in_use)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_ask_for_its_address_opens_a_console_and_nobody_else() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let setup = Setup::default()
        .set("api", "auth_strategy", "http_basic")
        .set("api", "htpasswd_file", htpasswd(&stage))
        .set("log", "level", EVERYTHING)
        .credentials("operator", PASSWORD);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    let node = with_console(client, ipmi_node("seen", bmc)).await;
    let uuid = node["uuid"].as_str().unwrap();

    let stranger = client.credentials(None);
    let path = "/v1/nodes/seen/states/console";
    assert_eq!(stranger.get(path).await.status, 401);
    let url = address(client, "seen").await;
    let (place, token) = url.split_once("?token=").unwrap();
    assert_eq!(
        place,
        format!("ws://{}/ironbark/v1/consoles/{uuid}", service.listen())
    );
    for wrong in [format!("{place}?token=wrong"), place.to_owned()] {
        assert_eq!(Look::at(&wrong).await.err(), Some(403), "{wrong}");
    }
    bmc.console_write(b"login: ");
    let mut look = Look::at(&url).await.unwrap();
    look.sees("login: ").await;
    look.types("root\rhunter2-typed\r").await;
    look.sees("hunter2-typed").await;
    assert_eq!(bmc.console_typed(), b"root\rhunter2-typed\r");
    assert_eq!(Look::at(&url).await.err(), Some(409));

    // Power goes on beside it.
    client.power_to("seen", "power on", "power on").await;
    look.types("still there\r").await;
    look.sees("still there").await;
    switch(client, "seen", false).await;
    assert_eq!(look.over().await, 1008);
    given_back(bmc).await;
    assert_eq!(Look::at(&url).await.err(), Some(403));
    let told = client.get(path).await.expect(200);
    assert_eq!(
        told,
        json!({"console_enabled": false, "console_info": null})
    );

    let row = |command: &str| {
        (
            format!("ipmi 0x06 {command}"),
            "ok".to_owned(),
            json!("operator"),
        )
    };
    let rows = eventually("the rows", async || {
        let rows = recorded(client, uuid).await;
        (rows.len() == 2).then_some(rows)
    })
    .await;
    assert_eq!(rows, [row("0x48"), row("0x49")]);
    let log = service.log();
    assert!(
        log.contains("the console is closed"),
        "it says what happens"
    );
    for secret in [
        token,
        "hunter2-typed",
        &bmc.credentials().password,
        PASSWORD,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_leaves_nobody_in_the_way() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    with_console(&client, ipmi_node("cut", bmc)).await;
    let url = address(&client, "cut").await;
    let mut look = Look::at(&url).await.unwrap();
    look.types("before\r").await;
    look.sees("before").await;
    service.kill().await;
    assert!(bmc.snapshot().console_in_use, "the BMC doesn't know yet");
    service.restart().await;
    // Nothing of the token was stored.
    assert_eq!(Look::at(&url).await.err(), Some(403));
    let mut look = Look::at(&address(&client, "cut").await).await.unwrap();
    look.types("after\r").await;
    look.sees("after").await;
    assert_eq!(bmc.count(Command::new(0x06, 0x49)), 1);
    look.0.close(None).await.unwrap();
    given_back(bmc).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_consoles_and_says_so() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    with_console(&client, ipmi_node("stopped", bmc)).await;
    let mut look = Look::at(&address(&client, "stopped").await).await.unwrap();
    let (status, code) = tokio::join!(service.terminate(), look.over());
    assert!(status.success());
    assert_eq!(code, 1001);
    assert!(!bmc.snapshot().console_in_use);
}

/// Through everything to a BMC that others wrote, and behind it a serial line that this test plays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_of_an_ipmi_sim_bmc_is_served() {
    let stage = Stage::shared().await;
    let line = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let Some(simulator) = IpmiSim::start_with_console(line.local_addr().unwrap()) else {
        return;
    };
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let body = json!({
        "name": "line",
        "driver": "ipmi",
        "driver_info": {
            "ipmi_address": simulator.address.ip().to_string(),
            "ipmi_port": simulator.address.port(),
            "ipmi_username": ipmi_sim::USERNAME,
            "ipmi_password": ipmi_sim::PASSWORD,
        },
    });
    with_console(client, body).await;
    let url = address(client, "line").await;
    let mut look = Look::at(&url).await.unwrap();
    let (mut machine, _) = soon("the machine's line", line.accept()).await.unwrap();
    machine.write_all(b"Debian login: ").await.unwrap();
    look.sees("Debian login: ").await;
    look.types("root\r").await;
    let mut typed = [0; 5];
    let typing = machine.read_exact(&mut typed);
    soon("what was typed", typing).await.unwrap();
    assert_eq!(&typed, b"root\r");
    let screen = "0123456789abcdef".repeat(500);
    machine.write_all(screen.as_bytes()).await.unwrap();
    look.sees(&screen).await;
    switch(client, "line", false).await;
    assert_eq!(look.over().await, 1008);
}

/// IPMI 1.5 has power and no console.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_bmc_has_power_but_no_console() {
    let stage = Stage::shared().await;
    let rack = Rack::start(RackConfig {
        cipher_suites: Vec::new(),
        ipmi_1_5: Some(OldAuthentication::Md5),
        ..RackConfig::default()
    });
    let rack = rack.await.unwrap();
    let bmc = &rack.bmcs()[0];
    let setup = Setup::default().set("bmc", "allow_ipmi_1_5", true);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    let mut body = ipmi_node("old", bmc);
    body["driver_info"]["ipmi_protocol_version"] = json!("1.5");
    body["console_interface"] = json!("ipmitool-socat");
    enrol(client, &body).await;
    client.power_to("old", "power on", "power on").await;
    assert!(bmc.power());
    let path = "/v1/nodes/old/states/console";
    let answer = client.put(path, &json!({"enabled": true})).await;
    answer.expect(202);
    let failed = client
        .wait_for_node("old", "last_error", |node| !node["last_error"].is_null())
        .await;
    let said = failed["last_error"].as_str().unwrap();
    assert!(said.contains("ipmi_protocol_version"), "{said}");
    assert_eq!(failed["console_enabled"], false);
}

fn htpasswd(stage: &Stage) -> String {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let file = stage.path("console-htpasswd");
    let line = format!("operator:{}\n", hash.replacen("$2b$", "$2y$", 1));
    std::fs::write(&file, line).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}
