//! Every row of the gates of what is below a node and is no resource of its own: at the version before it, and at its own.

use ironbark_model::Timestamp;
use ironbark_model::hardware::{BiosSetting, FirmwareComponent};
use ironbark_model::history::HistoryEntry;
use ironbark_rpc::{HardwareRequest, Request};
use serde_json::{Value, json};

use super::harness::{HOST, LATEST, Site};
use crate::gates::{Attribute, hardware, node};

const EVENT: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

/// A node with one of each; its path.
async fn filled() -> (Site, String) {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let reservation = site.db.node_reserve(&node.uuid, HOST).await.unwrap();
    let mut tx = site.db.reserved(&reservation).await.unwrap();
    let setting = BiosSetting {
        name: "BootMode".into(),
        ..BiosSetting::default()
    };
    let component = FirmwareComponent {
        component: "bmc".into(),
        ..FirmwareComponent::default()
    };
    tx.bios_settings_write(&[setting]).await.unwrap();
    tx.firmware_components_write(&[component], false)
        .await
        .unwrap();
    tx.history_add(&HistoryEntry {
        uuid: EVENT.to_owned(),
        node_uuid: node.uuid.clone(),
        created_at: Some(Timestamp(1)),
        severity: "ERROR".to_owned(),
        event_type: "verify".to_owned(),
        event: "broken".to_owned(),
        ..HistoryEntry::default()
    })
    .await
    .unwrap();
    tx.commit_and_release().await.unwrap();
    (site, format!("/v1/nodes/{}", node.uuid))
}

/// Each field is shown from its version on. `pick` takes the one thing out of the answer.
async fn shown(site: &Site, path: &str, table: &[Attribute], pick: fn(Value) -> Value) {
    let first = table.iter().map(|row| row.since).min().unwrap();
    for row in table {
        let has = async |minor: u16| {
            let answer = site.get(path, Some(minor)).await.expect(200).json();
            pick(answer).get(row.name).is_some()
        };
        if row.since > first {
            assert!(
                !has(row.since - 1).await,
                "{} before 1.{}",
                row.name,
                row.since
            );
        } else {
            site.get(path, Some(row.since - 1)).await.expect(404);
        }
        assert!(has(row.since).await, "{} at 1.{}", row.name, row.since);
    }
}

#[tokio::test]
async fn fields_in_answers() {
    let (site, node) = filled().await;
    let setting = format!("{node}/bios/BootMode");
    shown(&site, &setting, hardware::BIOS, |answer| {
        answer["BootMode"].clone()
    })
    .await;
    let firmware = format!("{node}/firmware");
    shown(&site, &firmware, hardware::FIRMWARE, |answer| {
        answer["firmware"][0].clone()
    })
    .await;
    let event = format!("{node}/history/{EVENT}");
    shown(&site, &event, node::HISTORY, |answer| answer).await;
    let detail = format!("{node}/history?detail=true");
    shown(&site, &detail, node::HISTORY, |answer| {
        answer["history"][0].clone()
    })
    .await;
}

#[tokio::test]
async fn fields_and_sort_keys_in_queries() {
    let (site, node) = filled().await;
    // Fields that are too new are unknown here, and `fields=` itself may be newer than the list.
    for (table, below, fields_since) in [
        (hardware::BIOS, "bios", hardware::BIOS_REGISTRY_SINCE),
        (hardware::FIRMWARE, "firmware", 86),
    ] {
        for row in table {
            let path = format!("{node}/{below}?fields={}", row.name);
            let since = row.since.max(fields_since);
            let status = match (since > fields_since, fields_since) {
                (true, _) => 400,
                (false, hardware::BIOS_REGISTRY_SINCE) => 406,
                (false, _) => 404,
            };
            let before = site.get(&path, Some(since - 1)).await;
            assert_eq!(before.status.as_u16(), status, "{path} before 1.{since}");
            site.get(&path, Some(since)).await.expect(200);
        }
    }
    for row in node::HISTORY {
        let path = format!("{node}/history?sort_key={}", row.name);
        if row.since > 78 {
            site.get(&path, Some(row.since - 1)).await.expect(406);
        }
        let status = if row.sortable { 200 } else { 400 };
        let answer = site.get(&path, Some(row.since)).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
    }
    let detail = format!("{node}/bios?detail=true");
    let before = Some(hardware::BIOS_REGISTRY_SINCE - 1);
    let refused = site.get(&detail, before).await;
    assert!(
        matches!(refused.status.as_u16(), 400 | 406),
        "{}",
        refused.text
    );
    site.get(&detail, Some(hardware::BIOS_REGISTRY_SINCE))
        .await
        .expect(200);
}

#[tokio::test]
async fn virtual_media_and_interfaces() {
    let (site, node) = filled().await;
    let media = format!("{node}/vmedia");
    let before = Some(hardware::VIRTUAL_MEDIA_LIST_SINCE - 1);
    site.get(&media, before).await.expect(404);
    site.get(&media, Some(hardware::VIRTUAL_MEDIA_LIST_SINCE))
        .await
        .expect(200);

    // Before this version the names mean nothing, and are handed on.
    let vifs = format!("{node}/vifs");
    let both = json!({"id": EVENT, "port_uuid": "no uuid", "portgroup_uuid": EVENT});
    let before = Some(hardware::VIF_PORT_SINCE - 1);
    site.send("POST", &vifs, before, Some(both.clone()))
        .await
        .expect(204);
    let asked = site.conductor.last();
    let Request::Hardware {
        request: HardwareRequest::AttachVif(vif),
        ..
    } = asked
    else {
        panic!("asked {asked:?}");
    };
    assert_eq!(Value::Object(vif), both);
    site.send("POST", &vifs, Some(hardware::VIF_PORT_SINCE), Some(both))
        .await
        .expect(400);
    site.get(&vifs, LATEST).await.expect(200);
}
