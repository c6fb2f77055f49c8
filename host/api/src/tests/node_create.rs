//! `POST /v1/nodes`.

use axum::body::Body;
use ironbark_rpc::Request;
use serde_json::{Value, json};

use super::harness::{LATEST, Site};
use crate::ApiConfig;

async fn refused(site: &Site, body: Value) -> String {
    let before = site.conductor.count();
    let answer = site
        .send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(400);
    assert_eq!(site.conductor.count(), before, "no conductor was asked");
    answer.fault()
}

#[tokio::test]
async fn new_nodes_begin_where_the_version_says() {
    let site = Site::new().await;
    for (version, state) in [
        (None, json!(null)),
        (Some(10), json!("available")),
        (Some(11), json!("enroll")),
    ] {
        let body = json!({"driver": "fake-hardware"});
        let node = site
            .send("POST", "/v1/nodes", version, Some(body))
            .await
            .expect(201)
            .json();
        assert_eq!(node["provision_state"], state, "{version:?}");
    }
}

#[tokio::test]
async fn values_are_brought_into_form() {
    let site = Site::new().await;
    let body = json!({
        "driver": "fake-hardware", "uuid": "1BE26C0B-03F2-4D2E-AE87-C02D7F33C999", "maintenance": "yes",
        "automated_clean": "off", "properties": {"memory_mb": "1024"}, "extra": null, "name": null, "owner": null,
        "network_data": null, "retired": true, "retired_reason": "old",
    });
    let node = site
        .send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(201)
        .json();
    assert_eq!(node["uuid"], "1be26c0b-03f2-4d2e-ae87-c02d7f33c999");
    assert_eq!(node["maintenance"], true);
    assert_eq!(node["automated_clean"], false);
    assert_eq!(node["extra"], json!({}));
    assert_eq!(node["retired_reason"], "old");
    let again = json!({"driver": "fake-hardware", "uuid": node["uuid"]});
    site.send("POST", "/v1/nodes", LATEST, Some(again))
        .await
        .expect(409);
}

#[tokio::test]
async fn what_is_left_empty_is_nothing() {
    let site = Site::new().await;
    let body =
        json!({"driver": "fake-hardware", "resource_class": "", "owner": "", "network_data": {}});
    let node = site
        .send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(201)
        .json();
    for field in ["resource_class", "owner", "provision_updated_at"] {
        assert_eq!(node[field], json!(null), "{field}");
    }
    // Who says that there is none need not know what it is.
    let body =
        json!({"driver": "fake-hardware", "name": null, "shard": null, "network_data": null});
    site.send("POST", "/v1/nodes", Some(1), Some(body))
        .await
        .expect(201);
    let body = json!({"driver": "fake-hardware", "nonesuch": null});
    site.send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(400);
}

#[tokio::test]
async fn bad_bodies_are_refused_before_anybody_is_asked() {
    let site = Site::new().await;
    for (body, names) in [
        (json!({}), "driver"),
        (json!({"driver": null}), "driver"),
        (json!({"driver": 7}), "driver"),
        (json!([]), "object"),
        (json!({"driver": "fake-hardware", "bogus": 1}), "bogus"),
        (
            json!({"driver": "fake-hardware", "protected": true}),
            "protected",
        ),
        (json!({"driver": "fake-hardware", "traits": []}), "traits"),
        (
            json!({"driver": "fake-hardware", "provision_state": "active"}),
            "provision_state",
        ),
        (json!({"driver": "fake-hardware", "name": "a b"}), "a b"),
        (json!({"driver": "fake-hardware", "name": ""}), "name"),
        (
            json!({"driver": "fake-hardware", "network_data": {"links": []}}),
            "networks",
        ),
        (
            json!({"driver": "fake-hardware", "name": "validate"}),
            "validate",
        ),
        (
            json!({"driver": "fake-hardware", "properties": {"memory_mb": "much"}}),
            "memory_mb",
        ),
        (
            json!({"driver": "fake-hardware", "chassis_uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c999"}),
            "Chassis",
        ),
        (
            json!({"driver": "fake-hardware", "parent_node": "nonesuch"}),
            "nonesuch",
        ),
        (
            json!({"driver": "fake-hardware", "retired_reason": "x"}),
            "retired",
        ),
        (json!({"driver": "nonesuch"}), "nonesuch"),
        (
            json!({"driver": "fake-hardware", "conductor_group": "elsewhere"}),
            "elsewhere",
        ),
    ] {
        let fault = refused(&site, body.clone()).await;
        assert!(fault.contains(names), "{body}: {fault}");
    }
    let headers = [("X-OpenStack-Ironic-API-Version", "1.115")];
    for body in ["", "{", "{\"driver\": }", "\u{0}"] {
        site.raw("POST", "/v1/nodes", &headers, Body::from(body))
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn names_follow_the_version_and_groups_are_lower_case() {
    let site = Site::new().await;
    let body = |name: &str| Some(json!({"driver": "fake-hardware", "name": name}));
    site.send("POST", "/v1/nodes", Some(9), body("Not_A_Host"))
        .await
        .expect(400);
    site.send("POST", "/v1/nodes", Some(10), body("Not_A_Host"))
        .await
        .expect(201);
    let grouped = json!({"driver": "fake-hardware", "conductor_group": "RACK"});
    site.send("POST", "/v1/nodes", LATEST, Some(grouped))
        .await
        .expect(400);
    let parent = site
        .node(|node| node.name = Some("parent".to_owned()))
        .await;
    let child = json!({"driver": "fake-hardware", "parent_node": "parent"});
    let child = site
        .send("POST", "/v1/nodes", LATEST, Some(child))
        .await
        .expect(201)
        .json();
    assert_eq!(child["parent_node"], parent.uuid);
    assert!(matches!(site.conductor.last(), Request::CreateNode { .. }));
}

#[tokio::test]
async fn the_default_group_decides_who_creates_the_node() {
    let site = Site::with(ApiConfig {
        default_conductor_group: "rack-1".to_owned(),
        ..ApiConfig::default()
    })
    .await;
    let racks = site.another("peer-2", "rack-1", &["fake-hardware"]).await;
    for body in [
        json!({"driver": "fake-hardware"}),
        json!({"driver": "fake-hardware", "conductor_group": null}),
    ] {
        let node = site
            .send("POST", "/v1/nodes", LATEST, Some(body))
            .await
            .expect(201)
            .json();
        assert_eq!(node["conductor_group"], "rack-1");
    }
    assert_eq!((site.conductor.count(), racks.count()), (0, 2));
}
