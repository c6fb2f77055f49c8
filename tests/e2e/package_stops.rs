//! Whom a canary serves by a percentage, and what a quarantine does to steps that wait.

use ironbark_tests::{Client, Service, Setup, Stage, enrol, fixture};
use serde_json::{Value, json};

const TEST: &str = "/ironbark/v1/packages/test";
/// Nodes that share the driver. Their UUIDs are chosen here, and so is with them whom a canary serves.
const NODES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_percentage_is_of_the_nodes_and_always_the_same_ones() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    client
        .upload(fixture("test").bytes(), "state")
        .await
        .expect(201);
    for number in 0..NODES {
        let uuid = format!("5eed0000-0000-4000-8000-{number:012}");
        let body = json!({"name": name_of(number), "uuid": uuid, "driver": "test-hardware"});
        client.create_node(&body).await;
    }
    let path = "/ironbark/v1/packages?activate=false";
    client
        .upload_to(path, fixture("test-2").bytes())
        .await
        .expect(201);
    assert_eq!(served(&client).await, [false; NODES]);
    canary(&client, 30).await;
    let some = served(&client).await;
    let count = some.iter().filter(|served| **served).count();
    assert!(
        (4..=20).contains(&count),
        "{count} of {NODES} for 30 percent"
    );
    assert_eq!(served(&client).await, some, "one call is like the next");
    service.kill().await;
    service.restart().await;
    let client = service.client().clone();
    assert_eq!(served(&client).await, some, "also after a restart");

    // More are the same and others.
    canary(&client, 70).await;
    let more = served(&client).await;
    let more_count = more.iter().filter(|served| **served).count();
    assert!(
        (20..=36).contains(&more_count),
        "{more_count} of {NODES} for 70 percent"
    );
    assert!(
        some.iter().zip(&more).all(|(before, now)| *now || !before),
        "{some:?} {more:?}"
    );
    client
        .post(&format!("{TEST}/promote"), &json!({}))
        .await
        .expect(200);
    assert_eq!(served(&client).await, [true; NODES]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_waits_goes_on_in_quarantine_and_ends_with_now() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    client
        .upload(fixture("test").bytes(), "state")
        .await
        .expect(201);
    // Seconds that the step waits, one after another.
    for (name, rounds) in [("goes-on", 5), ("is-stopped", 3_000)] {
        let node = json!({"name": name, "driver": "test-hardware", "driver_info": {"fake_rounds": rounds}});
        enrol(client, &node).await;
        let step = json!({"interface": "deploy", "step": "poll", "args": {"deadline": 3_000}});
        let clean = json!({"target": "clean", "clean_steps": [step]});
        client.verb(name, &clean).await.expect(202);
        client
            .wait_for_node(name, "to wait", |node| {
                node["provision_state"] == "clean wait"
            })
            .await;
    }
    quarantine(client, &json!({})).await;
    let node = client.settled("goes-on", "manageable").await;
    assert_eq!(node["last_error"], Value::Null, "{node}");
    let refused = client
        .get("/v1/nodes/goes-on/vendor_passthru/version")
        .await;
    assert_eq!(refused.status, 502, "nothing new begins: {}", refused.text);
    let state = client.node("is-stopped").await["provision_state"].clone();
    assert!(
        ["clean wait", "cleaning"]
            .iter()
            .any(|waits| state == *waits),
        "{state}"
    );

    quarantine(client, &json!({"now": true})).await;
    let node = client
        .wait_for_node("is-stopped", "to be stopped", |node| {
            node["provision_state"] == "clean failed" && node["reservation"].is_null()
        })
        .await;
    let error = node["last_error"].as_str().unwrap();
    assert!(error.contains("quarantine"), "{error}");
}

async fn canary(client: &Client, percent: u32) {
    client
        .post(
            &format!("{TEST}/canary"),
            &json!({"version": "0.2.0", "percent": percent}),
        )
        .await
        .expect(200);
}

async fn quarantine(client: &Client, arguments: &Value) {
    let path = format!("{TEST}/quarantine");
    client.post(&path, arguments).await.expect(200);
}

fn name_of(number: usize) -> String {
    format!("shared-{number}")
}

/// Which nodes the canary answers for.
async fn served(client: &Client) -> [bool; NODES] {
    let mut served = [false; NODES];
    for (number, by_canary) in served.iter_mut().enumerate() {
        let path = format!("/v1/nodes/{}/vendor_passthru/version", name_of(number));
        *by_canary = client.get(&path).await.expect(200)["version"] == "0.2.0";
    }
    served
}
