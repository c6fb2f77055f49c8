//! sushy-tools' emulator as a Redfish service that others wrote, with its fake driver: no hypervisor is needed.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ironbark_bmc::redfish::{Client, ClientConfig, RedfishError, Request, Target};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::ask;

const FIRST: &str = "6b3a1e5c-0000-4000-8000-000000000001";
const SECOND: &str = "6b3a1e5c-0000-4000-8000-000000000002";
/// `admin` with `password`, as htpasswd writes it.
const USERS: &str = "admin:$2y$04$t83YJ8QP8L5rtel01VUUS.LB7yed57x.f7pXmjFtXxgn69oyrfSwq\n";

/// A running emulator; it ends when this is dropped.
struct Emulator {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Emulator {
    /// Starts one with these systems. `None` if it isn't installed.
    fn start(systems: &[&str]) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        // The port is free now, and nobody else asks for exactly this one.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let systems: String = systems
            .iter()
            .map(|uuid| {
                format!("{{'uuid': '{uuid}', 'name': '{uuid}', 'power_state': 'Off', 'nics': [{{'mac': '52:54:00:00:00:01', 'ip': '192.0.2.1'}}]}},")
            })
            .collect();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("users"), USERS).unwrap();
        let config = format!(
            "SUSHY_EMULATOR_STATE_DIR = {state:?}\nSUSHY_EMULATOR_AUTH_FILE = {users:?}\nSUSHY_EMULATOR_FAKE_SYSTEMS = [{systems}]\n",
            state = folder.path(),
            users = at("users"),
        );
        fs::write(at("config"), config).unwrap();
        let process = Command::new(program)
            .args(["--fake", "--interface", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .arg("--config")
            .arg(at("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .unwrap();
        let mut emulator = Self {
            process,
            address,
            _folder: folder,
        };
        emulator.wait_until_it_listens();
        Some(emulator)
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                let log = fs::read_to_string(self._folder.path().join("log"));
                panic!("the emulator ended: {status}: {log:?}");
            }
            if TcpStream::connect(self.address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the emulator does not listen at {}", self.address);
    }

    fn target(&self, more: Value) -> Target {
        let mut keys = json!({
            "redfish_address": format!("http://{}", self.address),
            "redfish_username": "admin",
            "redfish_password": "password",
        });
        let keys = keys.as_object_mut().unwrap();
        keys.extend(more.as_object().unwrap().clone());
        Target::from_driver_info(keys).unwrap()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The emulator's program, from the environment that `cargo xtask test` makes. A test that needs it is named as left out
/// without it, or fails if `IRONBARK_TEST_REQUIRE` lists `sushy`.
pub(crate) fn program() -> Option<PathBuf> {
    let folder = env::var_os("IRONBARK_TEST_SUSHY").map_or_else(
        || {
            // …/target/debug/deps/redfish-0123
            let test = env::current_exe().unwrap();
            test.ancestors().nth(3).unwrap().join("sushy").join("bin")
        },
        PathBuf::from,
    );
    let program = folder.join("sushy-emulator");
    if program.is_file() {
        return Some(program);
    }
    let required = env::var("IRONBARK_TEST_REQUIRE").unwrap_or_default();
    let required = required
        .split(',')
        .map(str::trim)
        .any(|name| name == "all" || name == "sushy");
    assert!(
        !required,
        "needs sushy-tools (cargo xtask test installs it)"
    );
    eprintln!("left out: needs sushy-tools (cargo xtask test installs it)");
    None
}

fn patient() -> Client {
    Client::new(ClientConfig::default())
}

async fn system(client: &Client, target: &Target, path: &str) -> Value {
    let response = ask(client, &target.service, &Request::get(path))
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    response.body.unwrap()
}

#[tokio::test]
async fn the_emulators_only_system_is_found_and_switched() {
    let Some(emulator) = Emulator::start(&[FIRST]) else {
        return;
    };
    let client = patient();
    let target = emulator.target(json!({}));
    let found = client
        .resources(&target, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(found.system, format!("/redfish/v1/Systems/{FIRST}"));
    assert_eq!(found.chassis.len(), 1);
    assert_eq!(found.managers.len(), 1);
    let now = system(&client, &target, &found.system).await;
    assert_eq!(now["PowerState"], "Off");

    let action = &now["Actions"]["#ComputerSystem.Reset"];
    let reset = Request::post(
        action["target"].as_str().unwrap(),
        json!({"ResetType": "On"}),
    );
    let response = ask(&client, &target.service, &reset).await.unwrap();
    assert!((200..300).contains(&response.status), "{response:?}");
    // It lets a machine take up to 11 seconds.
    let deadline = Instant::now() + Duration::from_secs(30);
    while system(&client, &target, &found.system).await["PowerState"] != "On" {
        assert!(Instant::now() < deadline, "no power");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_emulators_system_boots_from_what_it_is_told_to() {
    let Some(emulator) = Emulator::start(&[FIRST]) else {
        return;
    };
    let client = patient();
    let target = emulator.target(json!({"redfish_auth_type": "basic"}));
    let path = format!("/redfish/v1/Systems/{FIRST}");
    system(&client, &target, &path).await;
    let change = Request::patch(
        &path,
        json!({"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Continuous"}}),
    );
    let response = ask(&client, &target.service, &change).await.unwrap();
    assert!((200..300).contains(&response.status), "{response:?}");
    let now = system(&client, &target, &path).await;
    assert_eq!(now["Boot"]["BootSourceOverrideTarget"], "Pxe");
}

#[tokio::test]
async fn the_emulators_refusals_are_understood() {
    let Some(emulator) = Emulator::start(&[FIRST, SECOND]) else {
        return;
    };
    let client = patient();
    let limit = Duration::from_secs(30);
    let error = client
        .resources(&emulator.target(json!({})), limit)
        .await
        .unwrap_err();
    assert!(matches!(error, RedfishError::InvalidTarget(_)), "{error}");
    let named =
        emulator.target(json!({"redfish_system_id": format!("/redfish/v1/Systems/{SECOND}")}));
    client.resources(&named, limit).await.unwrap();
    let wrong = emulator.target(json!({"redfish_password": "wrong"}));
    let error = client.resources(&wrong, limit).await.unwrap_err();
    assert!(matches!(error, RedfishError::AuthFailed { .. }), "{error}");
    let missing = Request::get("/redfish/v1/Systems/none");
    let response = ask(&client, &named.service, &missing).await.unwrap();
    assert_eq!(response.status, 404);
}
