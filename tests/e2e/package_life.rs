//! Versions of driver packages over their life, as an operator sees them: by the API and by the command line.

use std::path::Path;
use std::process::{Output, Stdio};

use ironbark_tests::{Client, Service, Setup, Stage, enrol, eventually, fixture, ironbark};
use minisign::KeyPair;
use serde_json::{Value, json};
use tokio::process::Command;

const TEST: &str = "/ironbark/v1/packages/test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_installed_activated_rolled_back_and_never_change() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    client
        .upload(fixture("test").bytes(), "state")
        .await
        .expect(201);
    enrol(&client, &json!({"name": "user", "driver": "test-hardware"})).await;
    let reason = client
        .upload(fixture("test").rebuilt("another build"), "state")
        .await
        .refused(409);
    assert!(reason.contains("test@0.1.0"), "{reason}");

    let path = "/ironbark/v1/packages?activate=false";
    let installed = client
        .upload_to(path, fixture("test-2").bytes())
        .await
        .expect(201);
    assert_eq!(installed["version"], "0.1.0", "{installed}");
    assert_eq!(versions(&installed), ["0.2.0", "0.1.0"]);
    assert_eq!(answers(&client).await, "0.1.0");
    let plan = client
        .post(&format!("{TEST}/activate"), &json!({"dry_run": true}))
        .await
        .expect(200);
    assert_eq!(plan["nodes"]["checked"], 1, "{plan}");
    assert_eq!(plan["refused"], Value::Null, "{plan}");
    client
        .post(&format!("{TEST}/activate"), &json!({}))
        .await
        .expect(200);
    assert_eq!(answers(&client).await, "0.2.0");
    client
        .post(&format!("{TEST}/rollback"), &json!({}))
        .await
        .expect(200);
    assert_eq!(answers(&client).await, "0.1.0");
    // It is what the operator chose, also after the power went.
    service.kill().await;
    service.restart().await;
    assert_eq!(answers(&client).await, "0.1.0");
    let history = client.get(&format!("{TEST}/history")).await.expect(200);
    assert_eq!(history["history"][0]["action"], "rollback", "{history}");
    assert_eq!(history["history"][0]["actor"], "anonymous");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_serves_its_nodes_and_narrowing_holds_from_the_next_call_on() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    client
        .upload(fixture("test").bytes(), "state")
        .await
        .expect(201);
    for name in ["user", "other"] {
        enrol(&client, &json!({"name": name, "driver": "test-hardware"})).await;
    }
    let path = "/ironbark/v1/packages?activate=false";
    client
        .upload_to(path, fixture("test-2").bytes())
        .await
        .expect(201);
    client
        .post(&format!("{TEST}/canary"), &json!({"nodes": ["user"]}))
        .await
        .expect(200);
    let of = async |name: &str| {
        let path = format!("/v1/nodes/{name}/vendor_passthru/version");
        client.get(&path).await.expect(200)["version"].clone()
    };
    assert_eq!(
        (of("user").await, of("other").await),
        (json!("0.2.0"), json!("0.1.0"))
    );
    client
        .post(&format!("{TEST}/promote"), &json!({}))
        .await
        .expect(200);
    assert_eq!(of("other").await, "0.2.0");

    let notes = "/v1/nodes/user/vendor_passthru/notes";
    client.get(notes).await.expect(200);
    client
        .put(&format!("{TEST}/grants"), &json!({"granted": []}))
        .await
        .expect(200);
    let reason = client.get(notes).await.refused(403);
    assert!(reason.contains("state"), "{reason}");
    // The driver is refused again and again, and that is not its fault.
    for _ in 0..6 {
        client.power("user", "power on").await.expect(202);
        let node = client
            .wait_for_node("user", "to have been refused", |node| {
                node["reservation"].is_null() && node["target_power_state"].is_null()
            })
            .await;
        let error = node["last_error"].as_str().unwrap_or_default();
        assert!(error.contains("'state' is not granted"), "{error}");
    }
    let shown = client.get(TEST).await.expect(200);
    assert_eq!(shown["versions"][0]["state"], "installed", "{shown}");
    let used = shown["usage"]
        .as_array()
        .unwrap()
        .iter()
        .find(|usage| usage["version"] == "0.2.0")
        .unwrap();
    assert!(used["calls"].as_u64() >= Some(6), "{used}");
    assert_eq!(used["faults"], json!({}), "{used}");
    client
        .put(&format!("{TEST}/grants"), &json!({"granted": ["state"]}))
        .await
        .expect(200);
    client.power_to("user", "power on", "power on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_path_of_a_signed_driver_is_a_few_commands() {
    let stage = Stage::shared().await;
    let setup = Setup::default().set("drivers", "signatures", "require");
    let service = Service::start(&stage, setup).await;
    let desk = Desk::new(&service);
    let vendor = KeyPair::generate_unencrypted_keypair().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(desk.folder().join(name), bytes).unwrap();
    write(
        "vendor.pub",
        vendor.pk.to_box().unwrap().to_string().as_bytes(),
    );
    write("test.wasm", &fixture("test").bytes());
    write("test-2.wasm", &fixture("test-2").bytes());

    let said = desk.refused(&["driver", "install", "test.wasm"]).await;
    assert!(
        said.contains("state") && said.contains("--yes"),
        "it shows what is asked for: {said}"
    );
    let said = desk
        .refused(&["driver", "install", "test.wasm", "--yes"])
        .await;
    assert!(said.contains(".minisig"), "{said}");
    for name in ["test.wasm", "test-2.wasm"] {
        let bytes = std::fs::read(desk.folder().join(name)).unwrap();
        let signed =
            minisign::sign(None, &vendor.sk, std::io::Cursor::new(bytes), None, None).unwrap();
        write(&format!("{name}.minisig"), signed.into_string().as_bytes());
    }
    let said = desk
        .refused(&["driver", "install", "test.wasm", "--yes"])
        .await;
    assert!(said.contains("publisher trust"), "{said}");
    desk.runs(&[
        "publisher",
        "trust",
        "acme-inc",
        "vendor.pub",
        "--packages",
        "tes*",
    ])
    .await;
    assert!(desk.runs(&["publisher", "list"]).await.contains("acme-inc"));

    let said = desk
        .runs(&["driver", "install", "test.wasm", "--yes"])
        .await;
    assert!(said.contains("test@0.1.0 is active"), "{said}");
    let said = desk
        .runs(&["driver", "install", "test-2.wasm", "--yes", "--no-activate"])
        .await;
    assert!(said.contains("driver activate test@0.2.0"), "{said}");
    desk.runs(&["driver", "activate", "test@0.2.0", "--dry-run"])
        .await;
    desk.runs(&["driver", "canary", "test@0.2.0", "--percent", "10"])
        .await;
    let shown = desk.runs(&["driver", "show", "test"]).await;
    assert!(
        shown.contains("canary: 0.2.0") && shown.contains("acme-inc"),
        "{shown}"
    );
    assert!(
        shown.contains("24 MiB; 500 calls at a time") && shown.contains("0.2.0 (canary)"),
        "{shown}"
    );
    let tasks = desk.runs(&["driver", "tasks", "test"]).await;
    assert!(
        tasks.contains("test/tick") && tasks.contains("every 1 s") && tasks.contains("next run 2"),
        "{tasks}"
    );
    let tasks = desk.runs(&["driver", "tasks", "--output", "json"]).await;
    let tasks: Value = serde_json::from_str(&tasks).expect("JSON and nothing else");
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 3, "{tasks}");
    desk.runs(&["driver", "promote", "test"]).await;
    desk.runs(&["driver", "rollback", "test"]).await;
    desk.runs(&["driver", "quarantine", "test@0.2.0"]).await;
    let said = desk.refused(&["driver", "activate", "test@0.2.0"]).await;
    assert!(said.contains("Release it first"), "{said}");
    desk.runs(&["driver", "release", "test@0.2.0"]).await;
    desk.runs(&["driver", "disable", "test@0.2.0"]).await;
    desk.runs(&["driver", "grant", "test"]).await;
    let listed = desk.runs(&["driver", "list", "--output", "json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON and nothing else");
    let test = listed["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "test")
        .unwrap();
    assert_eq!(
        (&test["version"], &test["granted"]),
        (&json!("0.1.0"), &json!([]))
    );
    assert!(
        desk.runs(&["driver", "history", "test"])
            .await
            .contains("promote")
    );
    let said = desk.runs(&["publisher", "remove", "acme-inc"]).await;
    assert!(
        said.contains("test@0.1.0") && said.contains("test@0.2.0"),
        "{said}"
    );
    let said = desk.refused(&["driver", "activate", "test@0.2.0"]).await;
    assert!(said.contains("acme-inc"), "{said}");
    let said = desk.runs(&["publisher", "history", "acme-inc"]).await;
    assert!(
        said.contains("distrust") && said.contains("packages tes*") && said.contains("anonymous"),
        "{said}"
    );
    let said = desk.runs(&["driver", "history", "test"]).await;
    assert!(said.contains("distrust"), "{said}");
    desk.runs(&["driver", "remove", "test@0.2.0"]).await;
    desk.runs(&["driver", "remove", "test"]).await;
    let said = desk.refused(&["driver", "show", "test"]).await;
    assert!(said.contains("could not be found"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_operators_path_answers_in_json() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let desk = Desk::new(&service);
    let key = KeyPair::generate_unencrypted_keypair().unwrap().pk;
    let key = key.to_box().unwrap().to_string();
    std::fs::write(desk.folder().join("vendor.pub"), key).unwrap();
    for name in ["test", "test-2"] {
        let file = desk.folder().join(format!("{name}.wasm"));
        std::fs::write(file, fixture(name).bytes()).unwrap();
    }
    // What is asked, and where in the answer what comes of it stands.
    for (command, at, expected) in [
        (
            "publisher trust acme-inc vendor.pub --packages tes*",
            "/name",
            json!("acme-inc"),
        ),
        ("publisher list", "/publishers/0/packages", json!(["tes*"])),
        (
            "publisher history acme-inc",
            "/history/0/action",
            json!("trust"),
        ),
        ("driver install test.wasm --yes", "/version", json!("0.1.0")),
        (
            "driver install test-2.wasm --yes --no-activate",
            "/versions/0/version",
            json!("0.2.0"),
        ),
        ("driver list", "/packages/0/name", json!("fake")),
        ("driver show test", "/version", json!("0.1.0")),
        ("driver tasks test", "/tasks/0/package", json!("test")),
        (
            "driver activate test@0.2.0 --dry-run",
            "/refused",
            Value::Null,
        ),
        (
            "driver canary test@0.2.0 --percent 10",
            "/version",
            json!("0.2.0"),
        ),
        ("driver promote test", "/version", json!("0.2.0")),
        ("driver rollback test", "/version", json!("0.1.0")),
        ("driver activate test@0.2.0", "/version", json!("0.2.0")),
        ("driver quarantine test", "/state", json!("quarantined")),
        ("driver release test@0.2.0", "/state", json!("installed")),
        ("driver disable test@0.2.0", "/state", json!("disabled")),
        ("driver grant test", "/granted", json!([])),
        ("driver history test", "/history/0/action", json!("grant")),
        ("driver remove test@0.2.0", "/version", json!("0.2.0")),
        ("driver remove test", "/removed", json!(true)),
        ("publisher remove acme-inc", "/packages", json!([])),
    ] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--output", "json"]);
        let said = desk.runs(&arguments).await;
        let answer: Value = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{command}: {error}: {said}"));
        assert_eq!(answer.pointer(at), Some(&expected), "{command}: {answer:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_crashes_gives_way_to_the_version_before_by_itself() {
    let stage = Stage::shared().await;
    // Each call that goes well makes up for a fault, and vendor calls are validated first: one is enough here.
    let setup = Setup::default().set("drivers", "quarantine_faults", 1);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    client
        .upload(fixture("test").bytes(), "state")
        .await
        .expect(201);
    enrol(&client, &json!({"name": "user", "driver": "test-hardware"})).await;
    client
        .upload(fixture("test-2").bytes(), "state")
        .await
        .expect(201);
    client
        .post(
            "/v1/nodes/user/vendor_passthru/fail",
            &json!({"how": "trap"}),
        )
        .await
        .refused(502);
    let back = async |client: &Client| {
        eventually("0.1.0 to be active again", async || {
            let shown = client.get(TEST).await.expect(200);
            (shown["version"] == "0.1.0").then_some(shown)
        })
        .await
    };
    let shown = back(&client).await;
    assert_eq!(shown["versions"][0]["state"], "quarantined", "{shown}");
    assert_eq!(answers(&client).await, "0.1.0");
    service.kill().await;
    service.restart().await;
    assert_eq!(back(&client).await["versions"][0]["state"], "quarantined");
}

/// An operator at a shell.
struct Desk<'s> {
    service: &'s Service,
    folder: tempfile::TempDir,
}

impl<'s> Desk<'s> {
    fn new(service: &'s Service) -> Self {
        Self {
            service,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a command says that must work.
    async fn runs(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {err}{out}");
        out
    }

    /// What a command says that must fail.
    async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {err}{out}");
        err
    }

    async fn command(&self, arguments: &[&str]) -> Output {
        Command::new(ironbark())
            .args(arguments)
            .arg("--url")
            .arg(format!("http://{}", self.service.listen()))
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .output()
            .await
            .expect("the ironbark program starts")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn versions(package: &Value) -> Vec<&str> {
    let versions = package["versions"].as_array().unwrap();
    versions
        .iter()
        .map(|one| one["version"].as_str().unwrap())
        .collect()
}

/// The version of the package that answers for the node `user`.
async fn answers(client: &Client) -> String {
    let answer = client
        .get("/v1/nodes/user/vendor_passthru/version")
        .await
        .expect(200);
    answer["version"].as_str().unwrap().to_owned()
}
