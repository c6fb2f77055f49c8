//! Ramdisks: the deploy agent's own code looks its node up, is heard, and posts an inventory; afterwards nothing of it is left.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ironbark_tests::{Client, Service, Setup, Stage, agent, enrol, have};
use serde_json::{Value, json};
use tokio::process::Command;

/// Python takes some seconds to import all that the agent needs.
const PATIENCE: Duration = Duration::from_secs(120);

const MAC: &str = "52:54:00:aa:00:01";

/// A medium that the operator put into the machine for reasons of their own.
const TOOLS: &str = "http://192.0.2.1/tools.img";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_ends_a_wait_and_has_no_access_afterwards() {
    if !have("agent") {
        return;
    }
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = waiting(client).await;
    let said = python(&service, "deploy", &uuid).await;
    assert!(said.ends_with("done\n"), "{said}");
    client.settled("mayfly", "active").await;
    closed(client, &uuid).await;
    only_the_instance_boots(client, &uuid).await;
    let node = client.node("mayfly").await;
    assert!(node["driver_internal_info"]["agent_last_heartbeat"].is_string());
    let log = service.log();
    let token = |line: &&str| line.contains("agent_token\":");
    assert_eq!(log.lines().find(token), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_outlives_a_kill_and_ends_with_the_work() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default()).await;
    let uuid = waiting(service.client()).await;
    let lookup = format!("/v1/lookup?addresses={MAC}");
    let told = service.client().get(&lookup).await.expect(200);
    let token = told["config"]["agent_token"].as_str().unwrap().to_owned();
    assert!(token.len() >= 32);
    service.kill().await;
    service.restart().await;
    let client = service.client();
    let again = client.get(&lookup).await.expect(200);
    assert_eq!(again["config"]["agent_token"], "******");
    let beat = json!({"callback_url": "https://192.0.2.7:9999", "agent_token": token, "agent_version": "13"});
    let path = format!("/v1/heartbeat/{uuid}");
    client.post(&path, &beat).await.expect(202);
    client.settled("mayfly", "active").await;
    closed(client, &uuid).await;
    only_the_instance_boots(client, &uuid).await;
    client.post(&path, &beat).await.expect(400);
    assert!(!service.log().contains(&token), "the token is in the log");
    // Nor anywhere else: not in what was remembered of the agent, not in what was under way.
    assert!(service.terminate().await.success());
    assert_eq!(holding(&service, &token).await, Vec::<String>::new());
    assert_eq!(holding(&service, "192.0.2.7").await, Vec::<String>::new());
    assert_ne!(holding(&service, "mayfly").await, Vec::<String>::new());
    for text in [token.as_str(), "192.0.2.7", &uuid, MAC] {
        assert_eq!(files_about(&service.data(), text), Vec::<PathBuf>::new());
    }
    // They would be found: this one is.
    let medium = service.data().join("boot").join("boot.ipxe");
    std::fs::create_dir(medium.parent().unwrap()).unwrap();
    std::fs::write(&medium, format!("# {uuid}")).unwrap();
    assert_eq!(files_about(&service.data(), &uuid), [medium]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_posts_what_it_found() {
    if !have("agent") {
        return;
    }
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default().with("test")).await;
    let client = service.client();
    let node = json!({
        "name": "mayfly", "driver": "test-hardware", "inspect_interface": "test",
        "driver_info": {"fake_inspect_by_ramdisk": true},
    });
    enrol(client, &node).await;
    let uuid = uuid_with_port(client).await;
    client
        .provision_with("mayfly", &json!({"target": "inspect"}), "inspect wait")
        .await;
    let said = python(&service, "inspect", &uuid).await;
    assert!(said.ends_with("done\n"), "{said}");
    let node = client.settled("mayfly", "manageable").await;
    assert_eq!(node["properties"]["memory_mb"], 2048);
    let kept = client.get("/v1/nodes/mayfly/inventory").await.expect(200);
    assert_eq!(kept["inventory"]["memory"]["physical_mb"], 2048);
    assert_eq!(kept["plugin_data"]["said"], "hello");
    assert_eq!(kept["plugin_data"]["logs"], Value::Null);
    closed(client, &uuid).await;
}

/// A node of the fake driver whose deployment waits for its agent; its UUID.
async fn waiting(client: &Client) -> String {
    enrol(
        client,
        &json!({"name": "mayfly", "driver": "fake-hardware"}),
    )
    .await;
    let uuid = uuid_with_port(client).await;
    client.provision("mayfly", "provide", "available").await;
    equip(client, &uuid).await;
    let wait = json!([{"interface": "deploy", "step": "wait", "args": {}, "priority": 50}]);
    client
        .provision_with(
            "mayfly",
            &json!({"target": "active", "deploy_steps": wait}),
            "wait call-back",
        )
        .await;
    uuid
}

async fn uuid_with_port(client: &Client) -> String {
    let uuid = client.node("mayfly").await["uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    let port = json!({"address": MAC, "node_uuid": uuid});
    client.post("/v1/ports", &port).await.expect(201);
    uuid
}

/// The tables of the database that have this text in some row.
async fn holding(service: &Service, text: &str) -> Vec<String> {
    let mut database = service.database().await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&mut database)
            .await
            .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&mut database)
            .await
            .unwrap();
        for column in columns {
            let query = format!(
                "SELECT count(*) FROM \"{table}\" WHERE instr(CAST(\"{column}\" AS TEXT), $1) > 0"
            );
            let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
                .bind(text)
                .fetch_one(&mut database)
                .await
                .unwrap();
            if rows > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
    }
    found
}

/// The files below a folder that have this text in their name or in themselves: media and boot entries would be among them. The
/// database is looked at row by row, and what is compiled belongs to all tests.
fn files_about(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() || name.starts_with("ironbark.sqlite") {
            continue;
        }
        if kind.is_dir() {
            found.extend(files_about(&path, text));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let inside = bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes());
        if inside || name.contains(text) {
            found.push(path);
        }
    }
    found
}

/// No agent has access to the node: nothing is known of one, and none can look it up.
async fn closed(client: &Client, uuid: &str) {
    for query in [format!("addresses={MAC}"), format!("node_uuid={uuid}")] {
        client.get(&format!("/v1/lookup?{query}")).await.expect(404);
    }
    let node = client.node(uuid).await;
    for key in [
        "agent_secret_token",
        "agent_secret_token_pregenerated",
        "agent_url",
        "agent_verify_ca",
        "agent_status",
    ] {
        assert_eq!(node["driver_internal_info"][key], Value::Null, "{key}");
    }
}

/// What an operator may do before a deployment: put a medium in, and have the machine boot from the network once.
async fn equip(client: &Client, uuid: &str) {
    insert(client, uuid, "disk", TOOLS).await;
    boot_from_network(client, uuid, false).await;
}

async fn insert(client: &Client, uuid: &str, device: &str, image: &str) {
    let medium = json!({"device_type": device, "image_url": image});
    let path = format!("/v1/nodes/{uuid}/vmedia");
    client.post(&path, &medium).await.expect(204);
    client
        .wait_for_node(uuid, "the medium", |node| node["reservation"].is_null())
        .await;
}

async fn boot_from_network(client: &Client, uuid: &str, persistent: bool) {
    let path = format!("/v1/nodes/{uuid}/management/boot_device");
    let device = json!({"boot_device": "pxe", "persistent": persistent});
    client.put(&path, &device).await.expect(204);
}

/// The images in the machine's virtual drives.
async fn inserted(client: &Client, uuid: &str) -> Vec<String> {
    let path = format!("/v1/nodes/{uuid}/vmedia");
    let media = client.get(&path).await.expect(200);
    let media = media.as_array().unwrap();
    let inserted = media.iter().filter(|medium| medium["inserted"] == true);
    inserted
        .map(|medium| medium["image"].as_str().unwrap().to_owned())
        .collect()
}

/// Whether the machine boots from the network each time.
async fn always_boots_from_network(client: &Client, uuid: &str) -> bool {
    let path = format!("/v1/nodes/{uuid}/management/boot_device");
    let device = client.get(&path).await.expect(200);
    device["boot_device"] == "pxe" && device["persistent"] == true
}

/// The medium that the operator put in is still there, and beside it none for a ramdisk to boot from; no boot device leads back to one
/// each time.
async fn only_the_instance_boots(client: &Client, uuid: &str) {
    assert_eq!(inserted(client, uuid).await, [TOOLS]);
    assert!(!always_boots_from_network(client, uuid).await);
    // They would be seen: these are.
    let other = "http://192.0.2.1/ramdisk.iso";
    insert(client, uuid, "cdrom", other).await;
    boot_from_network(client, uuid, true).await;
    assert_eq!(inserted(client, uuid).await, [other, TOOLS]);
    assert!(always_boots_from_network(client, uuid).await);
}

async fn python(service: &Service, story: &str, uuid: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/agent.py");
    let running = Command::new(agent().join("python"))
        .arg(script)
        .args([service.client().url(), story, uuid, MAC])
        .env_clear()
        .env("HOME", service.data())
        .env("PYTHONWARNINGS", "ignore")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap_or_else(|_| panic!("{story} did not end within {PATIENCE:?}"))
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{story} ended with {}:\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
