//! The record of what drivers and operators did: complete, without secrets, and not to be changed unnoticed.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use ironbark_bmc_sim::{Command, Faults};
use ironbark_tests::{
    Client, Service, Setup, Stage, enrol, eventually, fixture, ipmi_node, ironbark, rack,
};
use serde_json::{Value, json};

const PASSWORD: &str = "open sesame";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_who_did_what_and_no_secret() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let setup = Setup::default()
        .set("api", "auth_strategy", "http_basic")
        .set("api", "htpasswd_file", htpasswd(&stage))
        .credentials("operator", PASSWORD);
    let service = Service::start(&stage, setup).await;
    let client = service.client();

    let node = enrol(client, &ipmi_node("watched", bmc)).await;
    let answer = client.power("watched", "power on").await;
    answer.expect(202);
    let request_id = answer.header("openstack-request-id").unwrap().to_owned();
    client
        .wait_for_node("watched", "to be on", |node| {
            node["power_state"] == "power on" && node["reservation"].is_null()
        })
        .await;
    client
        .upload(fixture("sessions").bytes(), "")
        .await
        .expect(201);
    client
        .create_node(&json!({"name": "greedy", "driver": "hostile-sessions"}))
        .await;
    client.verb("greedy", &json!({"target": "manage"})).await;
    let missing = "/ironbark/v1/publishers/nobody-inc";
    client.delete(missing).await.refused(404);
    client
        .upload(b"\0asm but no component".to_vec(), "")
        .await
        .refused(400);

    let rows = eventually("the rows", async || {
        let rows = rows(client, "").await;
        let denied = find(&rows, "denied", "capability ipmi", "denied").is_some();
        (denied && find(&rows, "package", "install", "invalid-parameter").is_some()).then_some(rows)
    })
    .await;

    let sent = find(&rows, "intent", "ipmi 0x00 0x02", "begun").unwrap();
    assert_eq!(sent["request_id"], request_id.as_str());
    assert_eq!(
        sent["actor"], "operator",
        "also what is done after the answer"
    );
    assert_eq!(sent["node"], node["uuid"]);
    assert_eq!(sent["package"], "ipmi");
    assert_eq!(sent["digest"].as_str().unwrap().len(), 64);
    let ended = find(&rows, "outcome", "ipmi 0x00 0x02", "ok").unwrap();
    assert_eq!(ended["refers_to"], sent["seq"]);
    assert!(ended["duration_us"].as_i64().unwrap() > 0);
    let installed = find(&rows, "package", "install", "ok").unwrap();
    let by_operator = rows.iter().find(|row| {
        row["package"] == "hostile-sessions" && row["outcome"] == "ok" && row["kind"] == "package"
    });
    assert_eq!(by_operator.unwrap()["actor"], "operator");
    assert!(installed["actor"].is_string());
    for outcome in ["begun", "not-found"] {
        let removed = find(&rows, "package", "remove publisher", outcome).unwrap();
        assert_eq!(removed["detail"], "nobody-inc");
        assert_eq!(removed["actor"], "operator");
    }

    let of_request = self::rows(client, &format!("request_id={request_id}")).await;
    assert!(of_request.iter().any(|row| row == sent));
    assert!(of_request.iter().all(|row| row["node"] == node["uuid"]));
    let counted = bmc.count(Command::CHASSIS_CONTROL);
    let intents = self::rows(client, "node=watched&kind=intent").await;
    let intents = intents
        .iter()
        .filter(|row| row["operation"] == "ipmi 0x00 0x02");
    assert_eq!(
        intents.count() as u64,
        counted,
        "as many as the machine saw"
    );

    let stranger = client.credentials(None);
    assert_eq!(stranger.get("/ironbark/v1/audit").await.status, 401);
    let lines = client.get("/ironbark/v1/audit?format=jsonl").await;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let secret = bmc.credentials();
    for secret in [secret.password.as_str(), PASSWORD] {
        assert!(!lines.text.contains(secret), "{secret} is in the audit");
    }
    let (ok, said) = program(&service, &["verify"]).await;
    assert!(ok, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_an_intent_and_the_next_start_says_that_nobody_knows() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    enrol(&client, &ipmi_node("cut", bmc)).await;
    bmc.set_faults(Faults {
        slow: vec![(Command::CHASSIS_CONTROL, Duration::from_secs(60))],
        ..Faults::default()
    });
    client.power("cut", "power on").await.expect(202);
    eventually("the command at the machine", async || {
        bmc.power().then_some(())
    })
    .await;
    service.kill().await;
    bmc.set_faults(Faults::default());
    service.restart().await;
    let rows = rows(&client, "node=cut").await;
    let sent = find(&rows, "intent", "ipmi 0x00 0x02", "begun").unwrap();
    let lost = find(&rows, "outcome", "ipmi 0x00 0x02", "interrupted").unwrap();
    assert_eq!(lost["refers_to"], sent["seq"]);
    let (ok, said) = program(&service, &["verify"]).await;
    assert!(ok, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_or_cut_off_is_found() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default()).await;
    let export = stage.path("audit.jsonl").display().to_string();
    let (ok, said) = program(&service, &["verify", "--output", "json"]).await;
    assert!(ok, "{said}");
    let chains: Value = serde_json::from_str(&said).unwrap();
    let head = &chains["chains"][0];
    let head = format!(
        "{}:{}:{}",
        head["chain"].as_str().unwrap(),
        head["seq"],
        head["hash"].as_str().unwrap()
    );
    let (ok, said) = program(&service, &["export", "--out", &export]).await;
    assert!(ok, "{said}");
    let (ok, said) = program(&service, &["verify", &export, "--head", &head]).await;
    assert!(ok, "{said}");

    service.terminate().await;
    let mut database = service.database().await;
    sqlx::query("UPDATE audit SET outcome = 'denied' WHERE seq = 2")
        .execute(&mut database)
        .await
        .unwrap();
    drop(database);
    service.restart().await;
    let (ok, said) = program(&service, &["verify"]).await;
    assert!(!ok && said.contains("row 2 was changed"), "{said}");

    service.terminate().await;
    let mut database = service.database().await;
    for text in ["DELETE FROM audit", "DELETE FROM audit_chains"] {
        sqlx::query(text).execute(&mut database).await.unwrap();
    }
    drop(database);
    service.restart().await;
    let (ok, said) = program(&service, &["verify", "--head", &head]).await;
    assert!(!ok && said.contains("cut off or replaced"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_that_bring_nothing_new_are_counted() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let setup = Setup::default().set("conductor", "sync_power_state_interval", 0.1);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    let node = enrol(&client, &ipmi_node("polled", bmc)).await;
    let polled = bmc.count(Command::CHASSIS_STATUS);
    eventually("twenty polls", async || {
        (bmc.count(Command::CHASSIS_STATUS) > polled + 20).then_some(())
    })
    .await;
    service.terminate().await;
    let uuid = node["uuid"].as_str().unwrap();
    let mut database = service.database().await;
    let counted: i64 = number(&mut database, "SELECT COALESCE(SUM(count), 0) FROM audit_repeats WHERE node = $1", uuid).await
        + number(&mut database, "SELECT COALESCE(SUM(COALESCE(count, 1)), 0) FROM audit WHERE node = $1 AND operation = 'ipmi 0x00 0x01'", uuid).await;
    let rows = number(
        &mut database,
        "SELECT COUNT(*) FROM audit WHERE node = $1",
        uuid,
    )
    .await;
    assert_eq!(counted as u64, bmc.count(Command::CHASSIS_STATUS));
    assert!(rows < 20, "{rows} rows");
}

async fn number(database: &mut sqlx::SqliteConnection, text: &'static str, node: &str) -> i64 {
    sqlx::query_scalar(text)
        .bind(node)
        .fetch_one(database)
        .await
        .unwrap()
}

/// The rows of the audit that these arguments ask for.
async fn rows(client: &Client, arguments: &str) -> Vec<Value> {
    let path = format!("/ironbark/v1/audit?{arguments}");
    let answer = client.get(&path).await.expect(200);
    answer["audit"].as_array().unwrap().clone()
}

fn find<'r>(rows: &'r [Value], kind: &str, operation: &str, outcome: &str) -> Option<&'r Value> {
    rows.iter().find(|row| {
        row["kind"] == kind && row["operation"] == operation && row["outcome"] == outcome
    })
}

/// Runs `ironbark audit …` against the service: whether it ended well, and what it said.
pub(crate) async fn program(service: &Service, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(ironbark());
    command.arg("audit").args(arguments);
    command.env("IRONBARK_URL", service.client().url());
    command.env("IRONBARK_CREDENTIALS", format!("operator:{PASSWORD}"));
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(ironbark_tests::PATIENCE, running)
        .await
        .expect("the program ends")
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// A htpasswd file with one user, as `htpasswd -B` writes it.
fn htpasswd(stage: &Stage) -> String {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let file = stage.path("audit-htpasswd");
    let line = format!("operator:{}\n", hash.replacen("$2b$", "$2y$", 1));
    std::fs::write(&file, line).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}
