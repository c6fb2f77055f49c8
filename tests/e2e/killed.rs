//! The table of `docs/recovery.md`, row by row: the service is killed in the middle of everything at once, and started again.
//!
//! One service, one kill, a node for each row. The packages are slow where the row needs it.

use std::time::Duration;

use ironbark_bmc_sim::{BmcHandle, Command, Faults, PowerFault};
use ironbark_tests::{Client, Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use serde_json::{Value, json};
use sqlx::Connection;

/// How long what is interrupted would take by itself: longer than everything that comes before the kill.
const SLOW: u64 = 6_000;
const LONG: Duration = Duration::from_secs(120);

/// A row of the table.
struct Row {
    /// The node's name.
    name: &'static str,
    /// Its deploy interface.
    deploy: &'static str,
    /// Verbs and the states that they lead to, before anything is slow.
    way: &'static [(&'static str, &'static str)],
    /// What is slow then, in `driver_info`.
    slow: Value,
    /// What is asked for.
    ask: Value,
    /// The state in which the service is killed.
    during: &'static str,
    /// What the driver has logged by then; empty if the state says enough.
    witness: &'static str,
    /// Where it ends.
    ends: &'static str,
    /// What `last_error` names; empty if there must be none.
    error: &'static str,
    /// How often the witness is in the log at the end; 0 if it doesn't matter.
    starts: usize,
}

const MANAGEABLE: &[(&str, &str)] = &[("manage", "manageable")];
const AVAILABLE: &[(&str, &str)] = &[("manage", "manageable"), ("provide", "available")];
const ACTIVE: &[(&str, &str)] = &[
    ("manage", "manageable"),
    ("provide", "available"),
    ("active", "active"),
];
const RESCUED: &[(&str, &str)] = &[
    ("manage", "manageable"),
    ("provide", "available"),
    ("active", "active"),
    ("rescue", "rescue"),
];
const RESCUE_PASSWORD: &str = "correct horse";

fn rows() -> Vec<Row> {
    let slow_step = || json!({"fake_step_ms": SLOW});
    let slow_call = |function: &str| json!({"fake_delay_ms": {function: SLOW}});
    let steps = |verb: &str, list: &str, step: &str| json!({"target": verb, list: [{"interface": "deploy", "step": step, "args": {"ms": SLOW}}]});
    let row = |name, deploy, way, slow, ask, during, witness, ends, error, starts| Row {
        name,
        deploy,
        way,
        slow,
        ask,
        during,
        witness,
        ends,
        error,
        starts,
    };
    vec![
        row(
            "verifying",
            "test",
            &[],
            slow_call("check"),
            json!({"target": "manage"}),
            "verifying",
            "",
            "manageable",
            "",
            0,
        ),
        row(
            "cleaning-prepared",
            "test",
            MANAGEABLE,
            slow_call("prepare_cleaning"),
            json!({"target": "provide"}),
            "cleaning",
            "",
            "available",
            "",
            0,
        ),
        row(
            "cleaning-taken-down",
            "test",
            MANAGEABLE,
            slow_call("tear_down_cleaning"),
            json!({"target": "provide"}),
            "cleaning",
            "step quick is done",
            "available",
            "",
            1,
        ),
        row(
            "cleaning-rerun",
            "test",
            MANAGEABLE,
            slow_step(),
            json!({"target": "provide"}),
            "cleaning",
            "step sleep starts",
            "available",
            "",
            2,
        ),
        row(
            "cleaning-resume",
            "test-resume",
            MANAGEABLE,
            slow_step(),
            json!({"target": "provide"}),
            "cleaning",
            "step resume starts",
            "available",
            "",
            1,
        ),
        row(
            "cleaning-fail",
            "test-fragile",
            MANAGEABLE,
            slow_step(),
            json!({"target": "provide"}),
            "cleaning",
            "step fragile starts",
            "clean failed",
            "deploy.fragile",
            1,
        ),
        row(
            "manual-resume",
            "test",
            MANAGEABLE,
            json!({}),
            steps("clean", "clean_steps", "resume"),
            "cleaning",
            "step resume starts",
            "manageable",
            "",
            1,
        ),
        row(
            "manual-fail",
            "test",
            MANAGEABLE,
            json!({}),
            steps("clean", "clean_steps", "fragile"),
            "cleaning",
            "step fragile starts",
            "clean failed",
            "deploy.fragile",
            1,
        ),
        row(
            "clean-wait",
            "test",
            MANAGEABLE,
            json!({"fake_poll_seconds": 3, "fake_rounds": 2}),
            json!({"target": "clean", "clean_steps": [{"interface": "deploy", "step": "poll"}]}),
            "clean wait",
            "step poll starts",
            "manageable",
            "",
            1,
        ),
        row(
            "deploying-prepared",
            "test",
            AVAILABLE,
            slow_call("prepare"),
            json!({"target": "active"}),
            "deploying",
            "",
            "active",
            "",
            0,
        ),
        row(
            "deploying-rerun",
            "test",
            AVAILABLE,
            slow_step(),
            json!({"target": "active"}),
            "deploying",
            "step deploy starts",
            "active",
            "",
            2,
        ),
        row(
            "deploying-resume",
            "test-resume",
            AVAILABLE,
            slow_step(),
            json!({"target": "active"}),
            "deploying",
            "step deploy starts",
            "active",
            "",
            1,
        ),
        row(
            "deploying-fail",
            "test-fragile",
            AVAILABLE,
            slow_step(),
            json!({"target": "active"}),
            "deploying",
            "step deploy starts",
            "deploy failed",
            "deploy.deploy",
            1,
        ),
        row(
            "wait-call-back",
            "test-wait",
            AVAILABLE,
            json!({"fake_poll_seconds": 3, "fake_rounds": 2}),
            json!({"target": "active"}),
            "wait call-back",
            "step deploy starts",
            "active",
            "",
            1,
        ),
        row(
            "rebuilding",
            "test",
            ACTIVE,
            slow_step(),
            json!({"target": "rebuild"}),
            "deploying",
            "step deploy starts",
            "active",
            "",
            0,
        ),
        row(
            "deleting",
            "test",
            ACTIVE,
            slow_call("tear_down"),
            json!({"target": "deleted"}),
            "deleting",
            "",
            "available",
            "",
            0,
        ),
        row(
            "adopting",
            "test",
            MANAGEABLE,
            slow_call("take_over"),
            json!({"target": "adopt"}),
            "adopting",
            "",
            "active",
            "",
            0,
        ),
        row(
            "servicing-rerun",
            "test",
            ACTIVE,
            json!({}),
            steps("service", "service_steps", "sleep"),
            "servicing",
            "step sleep starts",
            "active",
            "",
            2,
        ),
        row(
            "servicing-resume",
            "test",
            ACTIVE,
            json!({}),
            steps("service", "service_steps", "resume"),
            "servicing",
            "step resume starts",
            "active",
            "",
            1,
        ),
        row(
            "servicing-fail",
            "test",
            ACTIVE,
            json!({}),
            steps("service", "service_steps", "fragile"),
            "servicing",
            "step fragile starts",
            "service failed",
            "deploy.fragile",
            1,
        ),
        row(
            "inspecting",
            "test",
            MANAGEABLE,
            slow_call("inspect_hardware"),
            json!({"target": "inspect"}),
            "inspecting",
            "",
            "manageable",
            "",
            0,
        ),
        row(
            "rescuing",
            "test",
            ACTIVE,
            slow_call("rescue"),
            json!({"target": "rescue", "rescue_password": RESCUE_PASSWORD}),
            "rescuing",
            "",
            "rescue",
            "",
            0,
        ),
        row(
            "unrescuing",
            "test",
            RESCUED,
            slow_call("unrescue"),
            json!({"target": "unrescue"}),
            "unrescuing",
            "",
            "active",
            "",
            0,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_working_state_ends_as_the_table_says() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default().with("test")).await;
    let rows = rows();
    let client = service.client().clone();
    let mut uuids = Vec::new();
    for row in &rows {
        uuids.push(bring(&client, row).await);
    }
    let quiet = service.log().len();
    for row in &rows {
        client.verb(row.name, &row.ask).await.expect(202);
    }
    for (row, uuid) in rows.iter().zip(&uuids) {
        eventually(&format!("{} to be at it", row.name), async || {
            let node = client.node(row.name).await;
            assert_eq!(node["last_error"], Value::Null, "{}: {node}", row.name);
            let there = node["provision_state"] == row.during;
            (there && (row.witness.is_empty() || seen(&service, quiet, uuid, row.witness) > 0))
                .then_some(())
        })
        .await;
    }
    // Nothing may have got to its end before the kill, or the test would show nothing.
    for row in &rows {
        assert_eq!(
            client.node(row.name).await["provision_state"],
            row.during,
            "{} was too fast",
            row.name
        );
    }
    service.kill().await;
    service.restart().await;
    for (row, uuid) in rows.iter().zip(&uuids) {
        let node = client
            .wait_for_node_within(LONG, row.name, &format!("to end as {}", row.ends), |node| {
                node["provision_state"] == row.ends && node["reservation"].is_null()
            })
            .await;
        if row.error.is_empty() {
            assert_eq!(node["last_error"], Value::Null, "{}", row.name);
            assert_eq!(node["maintenance"], false, "{}", row.name);
        } else {
            let error = node["last_error"].as_str().unwrap_or_default();
            assert!(error.contains(row.error), "{}: {error}", row.name);
            in_history(&client, row.name, row.error).await;
        }
        if row.ends == "clean failed" {
            assert_eq!(
                (node["maintenance"].clone(), node["fault"].clone()),
                (json!(true), json!("clean failure")),
                "{}",
                row.name
            );
        }
        if row.starts > 0 {
            assert_eq!(
                seen(&service, quiet, uuid, row.witness),
                row.starts,
                "{}: {}",
                row.name,
                row.witness
            );
        }
    }
    // Each row's own end was reached only once: what an inspection finds is stored with it, and a password goes with its rescue.
    let ports = client.get("/v1/ports?node=inspecting").await.expect(200);
    assert_eq!(ports["ports"].as_array().unwrap().len(), 2, "{ports}");
    for (name, has_password) in [("rescuing", true), ("unrescuing", false)] {
        let info = client.node(name).await["instance_info"].clone();
        assert_eq!(info["rescue_password"].is_string(), has_password, "{info}");
    }
    assert!(!service.log().contains(RESCUE_PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_power_target_is_reached_after_a_kill() {
    // Target, power before, power after, in the order of the rack.
    const TARGETS: &[(&str, bool, &str)] = &[
        ("power on", false, "power on"),
        ("power off", true, "power off"),
        ("rebooting", true, "power on"),
        ("soft power off", true, "power off"),
        ("soft rebooting", true, "power on"),
    ];
    let stage = Stage::shared().await;
    let rack = rack(TARGETS.len()).await;
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    for ((target, before, _), bmc) in TARGETS.iter().zip(rack.bmcs()) {
        bmc.set_power(*before);
        enrol(&client, &ipmi_node(&name(target), bmc)).await;
        bmc.set_faults(Faults {
            power: PowerFault::Slow(Duration::from_secs(3)),
            ..Faults::default()
        });
    }
    for (target, ..) in TARGETS {
        client.power(&name(target), target).await.expect(202);
    }
    for ((target, ..), bmc) in TARGETS.iter().zip(rack.bmcs()) {
        eventually(&format!("{target} to begin"), async || {
            (!controls(bmc).is_empty()).then_some(())
        })
        .await;
        assert!(
            client.node(&name(target)).await["target_power_state"].is_string(),
            "{target} was too fast"
        );
    }
    service.kill().await;
    service.restart().await;
    for ((target, _, after), bmc) in TARGETS.iter().zip(rack.bmcs()) {
        let node = client
            .wait_for_node_within(LONG, &name(target), "to get there", |node| {
                node["target_power_state"].is_null() && node["reservation"].is_null()
            })
            .await;
        assert_eq!(node["power_state"], *after, "{target}");
        assert_eq!(node["last_error"], Value::Null, "{target}");
        assert_eq!(bmc.power(), *after == "power on", "{target}");
        // A restart went through off, and didn't begin again once it was on.
        let sent = controls(bmc);
        if target.ends_with("rebooting") {
            let on = sent
                .iter()
                .position(|control| *control == 1)
                .unwrap_or_else(|| panic!("{target}: {sent:?}"));
            assert!(
                on > 0 && sent[on..].iter().all(|control| *control == 1),
                "{target}: {sent:?}"
            );
        }
    }
}

/// What has no journal can't be carried on: such a row comes from elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_without_a_journal_fails_by_name() {
    const STATES: &[(&str, &str)] = &[
        ("inspecting", "inspect failed"),
        ("rescuing", "rescue failed"),
        ("unrescuing", "unrescue failed"),
    ];
    let stage = Stage::shared().await;
    let setup = Setup::default().set("conductor", "host", "rack-1");
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    for (state, _) in STATES {
        let body = json!({"name": state, "driver": "fake-hardware"});
        client.create_node(&body).await;
    }
    service.kill().await;
    let mut database = service.database().await;
    for (state, _) in STATES {
        let changed = sqlx::query(
            "UPDATE nodes SET provision_state = $1, reservation = 'rack-1' WHERE name = $1",
        )
        .bind(state)
        .execute(&mut database)
        .await
        .unwrap();
        assert_eq!(changed.rows_affected(), 1);
    }
    database.close().await.unwrap();
    service.restart().await;
    for (state, failed) in STATES {
        let node = client
            .wait_for_node(state, "to fail", |node| node["provision_state"] == *failed)
            .await;
        assert!(
            node["last_error"]
                .as_str()
                .is_some_and(|error| error.contains(state)),
            "{node}"
        );
        assert_eq!(node["reservation"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_work_is_not_replayed() {
    let stage = Stage::shared().await;
    // Whatever is interrupted is too old.
    let setup = Setup::default()
        .with("test")
        .set("conductor", "resume_max_age", 0);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    let row = rows()
        .into_iter()
        .find(|row| row.name == "cleaning-rerun")
        .unwrap();
    let uuid = bring(&client, &row).await;
    client.verb(row.name, &row.ask).await.expect(202);
    eventually("the step to start", async || {
        (seen(&service, 0, &uuid, row.witness) > 0).then_some(())
    })
    .await;
    service.kill().await;
    service.restart().await;
    let node = client
        .wait_for_node(row.name, "to fail", |node| {
            node["provision_state"] == "clean failed"
        })
        .await;
    let error = node["last_error"].as_str().unwrap_or_default();
    assert!(error.contains("deploy.sleep"), "{error}");
    assert_eq!(seen(&service, 0, &uuid, row.witness), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_vendor_call_leaves_an_error_and_a_free_node() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default().with("test")).await;
    let client = service.client().clone();
    enrol(
        &client,
        &json!({"name": "vendor", "driver": "test-hardware"}),
    )
    .await;
    client
        .post(
            "/v1/nodes/vendor/vendor_passthru/sleep",
            &json!({"ms": 20_000}),
        )
        .await
        .expect(202);
    client
        .wait_for_node("vendor", "to be held", |node| {
            node["reservation"].is_string()
        })
        .await;
    service.kill().await;
    service.restart().await;
    let node = client
        .wait_for_node("vendor", "to be free", |node| node["reservation"].is_null())
        .await;
    assert_eq!(node["provision_state"], "manageable");
    assert!(
        node["last_error"]
            .as_str()
            .is_some_and(|error| error.contains("interrupted")),
        "{node}"
    );
}

/// Creates the row's node, takes it to where the row begins, and makes it slow. Its UUID.
async fn bring(client: &Client, row: &Row) -> String {
    let created = client
        .create_node(&json!({
            "name": row.name,
            "driver": "test-hardware",
            "power_interface": "fake-slow",
            "deploy_interface": row.deploy,
            "inspect_interface": "test",
            "rescue_interface": "test",
            "driver_info": {"fake_step_ms": 1, "fake_rounds": 3},
        }))
        .await;
    // Cleaning on the way would take time that only the rows about cleaning need.
    let path = format!("/v1/nodes/{}", row.name);
    let clean =
        |value: bool| json!([{"op": "replace", "path": "/automated_clean", "value": value}]);
    client.patch(&path, &clean(false)).await.expect(200);
    for (verb, reached) in row.way {
        let mut body = json!({"target": verb});
        if *verb == "rescue" {
            body["rescue_password"] = json!(RESCUE_PASSWORD);
        }
        client.provision_with(row.name, &body, reached).await;
    }
    client.patch(&path, &clean(true)).await.expect(200);
    let slow: Vec<Value> = row
        .slow
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| json!({"op": "add", "path": format!("/driver_info/{key}"), "value": value}))
        .collect();
    client.patch(&path, &json!(slow)).await.expect(200);
    created["uuid"].as_str().unwrap().to_owned()
}

/// How often a driver logged this about a node since `from`. The log is outside of the service: a kill doesn't take it back.
fn seen(service: &Service, from: usize, uuid: &str, what: &str) -> usize {
    let log = service.log();
    log[from..]
        .lines()
        .filter(|line| line.contains(uuid) && line.contains(what))
        .count()
}

async fn in_history(client: &Client, node: &str, text: &str) {
    let history = client
        .get(&format!("/v1/nodes/{node}/history?detail=true"))
        .await
        .expect(200);
    let found = history["history"].as_array().unwrap().iter().any(|entry| {
        entry["severity"] == "ERROR"
            && entry["event"]
                .as_str()
                .is_some_and(|event| event.contains(text))
    });
    assert!(found, "{node}: {history}");
}

fn name(target: &str) -> String {
    target.replace(' ', "-")
}

fn controls(bmc: &BmcHandle) -> Vec<u8> {
    bmc.commands()
        .iter()
        .filter(|record| record.command == Command::CHASSIS_CONTROL)
        .filter_map(|record| record.data.first().copied())
        .collect()
}
