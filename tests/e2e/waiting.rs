//! Steps that wait: for a time, for somebody, too long.

use ironbark_tests::{Client, Service, Setup, Stage, enrol};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_polls_is_called_until_it_is_done() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default().with("test")).await;
    let client = service.client();
    enrol(
        client,
        &json!({"name": "poll", "driver": "test-hardware", "driver_info": {"fake_rounds": 2}}),
    )
    .await;
    client.verb("poll", &cleaning("poll")).await.expect(202);
    let node = client
        .wait_for_node("poll", "to wait", |node| {
            node["provision_state"] == "clean wait"
        })
        .await;
    assert_eq!(node["target_provision_state"], "manageable");
    assert_eq!(node["clean_step"]["step"], "poll");
    let node = client.settled("poll", "manageable").await;
    assert_eq!(node["clean_step"], json!({}));
    let notes = client
        .get("/v1/nodes/poll/vendor_passthru/notes")
        .await
        .expect(200);
    assert_eq!(
        (notes["parts poll"].clone(), notes["finished poll"].clone()),
        (json!(2), json!(1)),
        "{notes}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_too_long_fails() {
    let stage = Stage::shared().await;
    let setup = Setup::default()
        .with("test")
        .set("conductor", "clean_callback_timeout", 1)
        .set("conductor", "deploy_callback_timeout", 1)
        .set("conductor", "service_callback_timeout", 1);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    for (name, verb, list, waits, failed) in [
        (
            "clean",
            "clean",
            "clean_steps",
            "clean wait",
            "clean failed",
        ),
        (
            "deploy",
            "active",
            "deploy_steps",
            "wait call-back",
            "deploy failed",
        ),
        (
            "service",
            "service",
            "service_steps",
            "service wait",
            "service failed",
        ),
    ] {
        let node = json!({"name": name, "driver": "test-hardware", "automated_clean": false, "driver_info": {"fake_step_ms": 1}});
        enrol(client, &node).await;
        if name != "clean" {
            client.provision(name, "provide", "available").await;
        }
        if name == "service" {
            client.provision(name, "active", "active").await;
        }
        let mut step = json!({"interface": "deploy", "step": "wait_agent", "args": {}});
        if name == "deploy" {
            step["priority"] = json!(60);
        }
        client
            .verb(name, &json!({"target": verb, list: [step]}))
            .await
            .expect(202);
        client
            .wait_for_node(name, "to wait or to have waited", |node| {
                node["provision_state"] == waits || node["provision_state"] == failed
            })
            .await;
        let node = client
            .wait_for_node(name, "to give up", |node| {
                node["provision_state"] == failed && node["reservation"].is_null()
            })
            .await;
        let error = node["last_error"].as_str().unwrap_or_default();
        assert!(
            error.to_lowercase().contains("timeout") || error.contains("time"),
            "{name}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_can_be_aborted_and_held() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default().with("test")).await;
    let client = service.client();
    enrol(client, &json!({"name": "stop", "driver": "test-hardware"})).await;
    client
        .verb("stop", &cleaning("wait_external"))
        .await
        .expect(202);
    at(client, "clean wait").await;
    client
        .verb("stop", &json!({"target": "abort"}))
        .await
        .expect(202);
    let node = at(client, "clean failed").await;
    assert!(
        node["last_error"]
            .as_str()
            .is_some_and(|error| error.contains("abort")),
        "{node}"
    );
    client
        .delete("/v1/nodes/stop/maintenance")
        .await
        .expect(202);
    client.provision("stop", "manage", "manageable").await;

    let held = json!({"target": "clean", "clean_steps": [
        {"interface": "deploy", "step": "quick"},
        {"interface": "deploy", "step": "hold"},
        {"interface": "deploy", "step": "quick"},
    ]});
    client.verb("stop", &held).await.expect(202);
    at(client, "clean hold").await;
    client
        .verb("stop", &json!({"target": "unhold"}))
        .await
        .expect(202);
    // None of these steps runs on an agent, so nobody is waited for.
    let node = at(client, "manageable").await;
    assert_eq!(node["last_error"], Value::Null);
    let notes = client
        .get("/v1/nodes/stop/vendor_passthru/notes")
        .await
        .expect(200);
    assert_eq!(notes["finished quick"], json!(2), "{notes}");
}

fn cleaning(step: &str) -> Value {
    json!({"target": "clean", "clean_steps": [{"interface": "deploy", "step": step}]})
}

async fn at(client: &Client, state: &str) -> Value {
    client
        .wait_for_node("stop", &format!("to be {state}"), |node| {
            node["provision_state"] == state && node["reservation"].is_null()
        })
        .await
}
