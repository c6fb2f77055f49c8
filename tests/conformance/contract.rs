//! The API keeps to its own description: schemathesis makes requests from `/openapi.json`, good ones and bad ones, and looks
//! at every answer. No 500, and nothing that isn't described.

use std::process::Stdio;
use std::time::Duration;

use ironbark_tests::{Client, Service, Setup, Stage, enrol, fixture, have, schemathesis};
use minisign::KeyPair;
use serde_json::{Value, json};
use tokio::process::Command;

/// It takes a minute and a half by itself, and several times as long beside other tests on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1500);

/// Nodes there are: each may be deleted by some request, and the others must still be there for the rest.
const NODES: usize = 12;

/// Requests made for each operation, at most, in each of two phases.
const EXAMPLES: &str = "7";

/// What every answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
response_headers_conformance,response_schema_conformance";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_outside_of_the_description() {
    if !have("schemathesis") {
        return;
    }
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let config = service.data().join("schemathesis.toml");
    std::fs::write(&config, configuration(&things(client).await)).unwrap();

    let running = Command::new(schemathesis().join("schemathesis"))
        .arg("--no-color")
        .arg("--config-file")
        .arg(&config)
        .arg("run")
        .arg(format!("{}/openapi.json", client.url()))
        .args(["--header", "X-OpenStack-Ironic-API-Version:1.115"])
        .args(["--phases", "coverage,fuzzing"])
        .args(["--checks", CHECKS])
        .args(["--max-examples", EXAMPLES])
        // One worker: CPython 3.11 can't build syntax trees in two threads at once ("AST constructor recursion depth mismatch"), and
        // what it can't build is counted as our failure.
        .args(["--workers", "1", "--seed", "1"])
        .args(["--no-shrink", "--continue-on-failure"])
        .args(["--suppress-health-check", "all", "--request-timeout", "30"])
        .env("HOME", service.data())
        .current_dir(service.data())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap_or_else(|_| panic!("it did not end within {PATIENCE:?}"))
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{}",
        findings(&said),
        String::from_utf8_lossy(&output.stderr)
    );
    // It looked at something, and the service is still there.
    assert!(said.contains(" generated, "), "{said}");
    client.get("/v1/nodes").await.expect(200);
}

/// What it found, without the progress before it.
fn findings(said: &str) -> &str {
    let headings = ["= ERRORS =", "= FAILURES ="].map(|heading| said.find(heading));
    let first = headings.into_iter().flatten().min();
    first.and_then(|at| said.get(at..)).unwrap_or(said)
}

/// Identities of what there is, by the name of the path's parameter.
async fn things(client: &Client) -> Vec<(&'static str, Vec<String>)> {
    let mut nodes = Vec::new();
    let mut ports = Vec::new();
    for index in 0..NODES {
        let name = format!("node-{index}");
        let body = json!({"name": name, "driver": "fake-hardware", "resource_class": "baremetal"});
        let node = enrol(client, &body).await;
        let uuid = text(&node["uuid"]);
        let port = json!({"node_uuid": uuid, "address": format!("52:54:00:00:00:{index:02x}")});
        let port = client.post("/v1/ports", &port).await.expect(201);
        ports.push(text(&port["uuid"]));
        nodes.push(if index % 2 == 0 { uuid } else { name });
    }
    client.provision("node-1", "provide", "available").await;
    client.provision("node-3", "provide", "available").await;
    client.provision("node-3", "active", "active").await;
    let first = client.node("node-1").await["uuid"].clone();
    let chassis = client.post("/v1/chassis", &json!({})).await.expect(201);
    let group = client
        .post("/v1/portgroups", &json!({"node_uuid": first}))
        .await
        .expect(201);
    let connector =
        json!({"node_uuid": first, "type": "iqn", "connector_id": "iqn.2026-01.org.example:c"});
    let connector = client
        .post("/v1/volume/connectors", &connector)
        .await
        .expect(201);
    let target =
        json!({"node_uuid": first, "volume_type": "iscsi", "boot_index": 0, "volume_id": "v"});
    let target = client.post("/v1/volume/targets", &target).await.expect(201);
    let step = |rank: &str| {
        let mut step = json!({"interface": "bios", "step": "a", "args": {}});
        step[rank] = json!(1);
        json!([step])
    };
    let template = json!({"name": "CUSTOM_T", "steps": step("priority")});
    let template = client
        .post("/v1/deploy_templates", &template)
        .await
        .expect(201);
    let runbook = json!({"name": "CUSTOM_R", "steps": step("order")});
    let runbook = client.post("/v1/runbooks", &runbook).await.expect(201);
    let rule = json!({"actions": [{"op": "fail", "args": ["no"]}]});
    let rule = client.post("/v1/inspection_rules", &rule).await.expect(201);
    let allocation = json!({"resource_class": "baremetal"});
    let allocation = client
        .post("/v1/allocations", &allocation)
        .await
        .expect(201);
    vec![
        ("name", own_things(client).await),
        ("template", vec![text(&template["uuid"])]),
        ("runbook", vec![text(&runbook["uuid"])]),
        ("rule", vec![text(&rule["uuid"])]),
        ("allocation", vec![text(&allocation["uuid"])]),
        ("node", nodes),
        ("port", ports),
        ("chassis", vec![text(&chassis["uuid"])]),
        ("portgroup", vec![text(&group["uuid"])]),
        ("connector", vec![text(&connector["uuid"])]),
        ("target", vec![text(&target["uuid"])]),
        ("driver", vec!["fake-hardware".to_owned()]),
        (
            "method",
            vec![
                "first_method".to_owned(),
                "fourth_method_shared_lock".to_owned(),
            ],
        ),
        ("indicator", vec!["led@system".to_owned()]),
        ("trait", vec!["CUSTOM_A".to_owned()]),
    ]
}

/// Names of a package, in two versions, and of a publisher. No node uses the package: the driver of the nodes must not go, or all
/// that is asked of them is answered alike.
async fn own_things(client: &Client) -> Vec<String> {
    client
        .upload(fixture("test").bytes(), "*")
        .await
        .expect(201);
    let path = "/ironbark/v1/packages?grant=*&activate=false";
    client
        .upload_to(path, fixture("test-2").bytes())
        .await
        .expect(201);
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    let publisher = json!({
        "name": "acme-inc",
        "public_key": key.pk.to_box().unwrap().to_string(),
        "packages": ["acme*"],
    });
    client
        .post("/ironbark/v1/publishers", &publisher)
        .await
        .expect(201);
    vec!["test".to_owned(), "acme-inc".to_owned()]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Most requests name something that is there.
fn configuration(things: &[(&'static str, Vec<String>)]) -> String {
    let mut parameters = toml::Table::new();
    let mut dictionaries = toml::Table::new();
    for (name, values) in things {
        let values: Vec<toml::Value> = values.iter().cloned().map(toml::Value::from).collect();
        dictionaries.insert(
            (*name).to_owned(),
            toml::Value::Table(table("values", values.into())),
        );
        let mut binding = table("dictionary", (*name).into());
        binding.insert("probability".to_owned(), probability(name).into());
        parameters.insert(format!("path.{name}"), toml::Value::Table(binding));
    }
    let mut all = table("dictionaries", toml::Value::Table(dictionaries));
    all.insert("parameters".to_owned(), toml::Value::Table(parameters));
    let hooks = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/contract_hooks.py");
    all.insert("hooks".to_owned(), hooks.into());
    toml::to_string(&all).unwrap()
}

/// How often a parameter is what is there. Names of packages are nothing else, since names that other answers told are tried too:
/// whoever stops the driver of all nodes learns nothing of them any more.
fn probability(name: &str) -> f64 {
    if name == "name" { 1.0 } else { 0.8 }
}

fn table(key: &str, value: toml::Value) -> toml::Table {
    [(key.to_owned(), value)].into_iter().collect()
}
