//! `/v1/events` and `/v1/shards`.

use serde_json::{Value, json};

use super::harness::{LATEST, Site};

#[tokio::test]
async fn events_are_checked() {
    let site = Site::new().await;
    let good = json!({"event": "network.bind_port", "port_id": "1be26c0b-03f2-4d2e-ae87-c02d7f33c999",
        "mac_address": "de:ad:be:ef:00:01", "status": "ACTIVE"});
    let send = async |body: Value| site.send("POST", "/v1/events", Some(54), Some(body)).await;
    let with = |name: &str, value: Value| {
        let mut event = good.clone();
        event[name] = value;
        json!({"events": [event]})
    };
    let answer = send(json!({"events": [good, good]})).await.expect(204);
    assert!(answer.text.is_empty() && answer.header("content-type").is_none());
    for (name, value) in [
        ("event", json!("network.delete_port")),
        ("device_id", json!(null)),
        (
            "binding:host_id",
            json!("1be26c0b-03f2-4d2e-ae87-c02d7f33c999"),
        ),
        ("binding:vnic_type", json!("baremetal")),
    ] {
        send(with(name, value)).await.expect(204);
    }
    for (name, value) in [
        ("event", json!("network.create_port")),
        ("event", json!(5)),
        ("port_id", json!("x")),
        ("port_id", json!(null)),
        ("mac_address", json!("x")),
        ("status", json!(5)),
        ("device_id", json!("x")),
        ("binding:host_id", json!("x")),
        ("bogus", json!(1)),
    ] {
        send(with(name, value)).await.expect(400);
    }
    for name in ["event", "port_id", "mac_address", "status"] {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(name);
        send(json!({"events": [event]})).await.expect(400);
    }
    for body in [
        json!({}),
        json!([]),
        json!({"events": []}),
        json!({"events": good}),
        json!({"events": [1]}),
        json!({"events": [good], "bogus": 1}),
    ] {
        send(body).await.expect(400);
    }
    site.get("/v1/events", LATEST).await.expect(405);
}

#[tokio::test]
async fn shards_are_counted() {
    let site = Site::new().await;
    let shards = async || site.get("/v1/shards", Some(82)).await.expect(200).json();
    assert_eq!(shards().await, json!({"shards": []}));
    for shard in [None, Some("west"), Some("east"), Some("west")] {
        site.node(|node| node.shard = shard.map(str::to_owned))
            .await;
    }
    assert_eq!(
        shards().await,
        json!({"shards": [
            {"name": "None", "count": 1},
            {"name": "east", "count": 1},
            {"name": "west", "count": 2},
        ]})
    );
    site.get("/v1/shards/west", LATEST).await.expect(404);
    site.get("/v1/shards?bogus=1", LATEST).await.expect(400);
    site.send("POST", "/v1/shards", LATEST, None)
        .await
        .expect(405);
}
