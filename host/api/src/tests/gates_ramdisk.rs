//! Every row of the gates of what ramdisks report: at the version before it, and at its own.

use ironbark_model::{ProvisionState as S, Secret};
use ironbark_rpc::{Carried, Reply};
use serde_json::{Value, json};

use super::harness::Site;
use super::ramdisk_inspection::node;
use crate::gates::{inspection_rule, ramdisk};

const TOKEN: &str = "0123456789012345678901234567890123456789012";
const MAC: &str = "52:54:00:aa:00:01";

async fn waiting(state: S) -> (Site, String) {
    let site = Site::new().await;
    let node = node(&site, state, MAC).await;
    (site, node.uuid)
}

#[tokio::test]
async fn what_a_heartbeat_says() {
    let (site, uuid) = waiting(S::WaitCallBack).await;
    let path = format!("/v1/heartbeat/{uuid}");
    for row in ramdisk::HEARTBEAT {
        let mut beat = json!({"callback_url": "https://192.0.2.7:9999"});
        beat[row.name] = match row.name {
            "callback_url" => beat["callback_url"].clone(),
            "agent_verify_ca" => json!("-----BEGIN CERTIFICATE-----\n"),
            "agent_status" => json!("end"),
            _ => json!("x"),
        };
        let before = site
            .send("POST", &path, Some(row.since - 1), Some(beat.clone()))
            .await;
        if row.since == 22 {
            // As old as heartbeats.
            before.expect(404);
        } else {
            assert!(before.expect(400).fault().contains(row.name));
        }
        let at = site.send("POST", &path, Some(row.since), Some(beat)).await;
        assert_eq!(at.status.as_u16(), 202, "{}: {}", row.name, at.text);
    }
}

#[tokio::test]
async fn what_a_lookup_and_an_inspection_are_told() {
    let (site, uuid) = waiting(S::WaitCallBack).await;
    let path = format!("/v1/lookup?node_uuid={uuid}");
    let token = async |minor: u16| {
        let token = Carried::from(&Secret::new(TOKEN));
        site.conductor.next(Ok(Reply::AgentToken(Some(token))));
        site.get(&path, Some(minor)).await.expect(200).json()["config"]["agent_token"].clone()
    };
    assert_eq!(token(ramdisk::LOOKUP_TOKEN_SINCE - 1).await, Value::Null);
    assert_eq!(token(ramdisk::LOOKUP_TOKEN_SINCE).await, TOKEN);

    let (site, uuid) = waiting(S::InspectWait).await;
    let found = json!({"inventory": {"interfaces": [{"mac_address": MAC}]}});
    let told = async |minor: u16| {
        let path = "/v1/continue_inspection";
        site.send("POST", path, Some(minor), Some(found.clone()))
            .await
    };
    assert_eq!(told(1).await.expect(202).json(), json!({"uuid": uuid}));
    told(ramdisk::INSPECTION_AS_LOOKUP_SINCE - 1)
        .await
        .expect(404);
    let as_lookup = told(ramdisk::INSPECTION_AS_LOOKUP_SINCE)
        .await
        .expect(202)
        .json();
    assert_eq!(as_lookup["node"]["uuid"], uuid);
}

/// All of them came at once; `gates.rs` walks their fields.
#[tokio::test]
async fn inspection_rules_came_with_all_they_have() {
    assert!(
        inspection_rule::FIELDS
            .iter()
            .all(|row| row.since == inspection_rule::SINCE)
    );
    let site = Site::new().await;
    let path = "/v1/inspection_rules";
    site.get(path, Some(inspection_rule::SINCE - 1))
        .await
        .expect(404);
    site.get(path, Some(inspection_rule::SINCE))
        .await
        .expect(200);
}
