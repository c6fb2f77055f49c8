//! sushy-tools' emulator as a Redfish service that others wrote.

use std::time::{Duration, Instant};

use ironbark_bmc::redfish::{Client, ClientConfig, RedfishError, Request, Target};
use serde_json::{Value, json};

use crate::{emulator::Emulator, support::ask};

const FIRST: &str = "6b3a1e5c-0000-4000-8000-000000000001";
const SECOND: &str = "6b3a1e5c-0000-4000-8000-000000000002";

fn target(emulator: &Emulator, more: Value) -> Target {
    let mut keys = json!({
        "redfish_address": emulator.url(),
        "redfish_username": "admin",
        "redfish_password": "password",
    });
    let keys = keys.as_object_mut().unwrap();
    keys.extend(more.as_object().unwrap().clone());
    Target::from_driver_info(keys).unwrap()
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
    let target = target(&emulator, json!({}));
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
    let target = target(&emulator, json!({"redfish_auth_type": "basic"}));
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
        .resources(&target(&emulator, json!({})), limit)
        .await
        .unwrap_err();
    assert!(matches!(error, RedfishError::InvalidTarget(_)), "{error}");
    let named = target(
        &emulator,
        json!({"redfish_system_id": format!("/redfish/v1/Systems/{SECOND}")}),
    );
    client.resources(&named, limit).await.unwrap();
    let wrong = target(&emulator, json!({"redfish_password": "wrong"}));
    let error = client.resources(&wrong, limit).await.unwrap_err();
    assert!(matches!(error, RedfishError::AuthFailed { .. }), "{error}");
    let missing = Request::get("/redfish/v1/Systems/none");
    let response = ask(&client, &named.service, &missing).await.unwrap();
    assert_eq!(response.status, 404);
}
