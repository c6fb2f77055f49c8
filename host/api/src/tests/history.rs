//! `/v1/nodes/{node}/history`.

use ironbark_model::Timestamp;
use ironbark_model::history::HistoryEntry;
use ironbark_model::ident::new_uuid;
use serde_json::json;

use super::harness::{HOST, LATEST, Site};

#[tokio::test]
async fn records_are_listed_and_shown() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let other = site.node(|_| {}).await;
    let reservation = site.db.node_reserve(&node.uuid, HOST).await.unwrap();
    let mut transaction = site.db.reserved(&reservation).await.unwrap();
    let mut uuids = Vec::new();
    for (index, event) in ["short".to_owned(), "x".repeat(300)]
        .into_iter()
        .enumerate()
    {
        let entry = HistoryEntry {
            uuid: new_uuid(),
            node_uuid: node.uuid.clone(),
            created_at: Some(Timestamp(1_000_000 * i64::try_from(index).unwrap())),
            severity: "ERROR".to_owned(),
            event_type: "verify".to_owned(),
            event,
            conductor: Some(HOST.to_owned()),
            state: Some("verifying".to_owned()),
            duration_seconds: Some(3),
            ..HistoryEntry::default()
        };
        transaction.history_add(&entry).await.unwrap();
        uuids.push(entry.uuid);
    }
    transaction.commit_and_release().await.unwrap();

    let path = format!("/v1/nodes/{}/history", node.uuid);
    let listed = site.get(&path, Some(78)).await.expect(200).json();
    let keys: Vec<_> = listed["history"][0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert_eq!(listed["history"][0]["uuid"], json!(uuids[0]));
    assert_eq!(listed["history"][1]["event"].as_str().unwrap().len(), 255);
    assert_eq!(
        listed["history"][0]["links"],
        json!([{"href": format!("http://127.0.0.1:6385{path}/{}", uuids[0]), "rel": "self"}])
    );
    let detail = site
        .get(&format!("{path}?detail=true&limit=1&sort_dir=desc"), LATEST)
        .await
        .expect(200)
        .json();
    assert_eq!(detail["history"][0]["event"].as_str().unwrap().len(), 300);
    assert_eq!(detail["history"][0]["duration_seconds"], 3);
    assert!(detail["next"].as_str().unwrap().contains("detail=True"));
    let one = format!("{path}/{}", uuids[1]);
    let shown = site.get(&one, Some(114)).await.expect(200).json();
    assert!(shown.get("duration_seconds").is_none() && shown.get("project").is_some());
    assert_eq!(site.get(&one, LATEST).await.json()["state"], "verifying");
    site.get(
        &format!("/v1/nodes/{}/history/{}", other.uuid, uuids[0]),
        LATEST,
    )
    .await
    .expect(404);
    site.get(&path, Some(77)).await.expect(404);
}
