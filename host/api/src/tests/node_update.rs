//! `PATCH` and `DELETE /v1/nodes/{node}`.

use ironbark_model::ProvisionState;
use ironbark_rpc::Request;
use serde_json::{Value, json};

use super::harness::{Answer, LATEST, Site};

async fn patch(site: &Site, node: &str, ops: Value) -> Answer {
    site.send("PATCH", &format!("/v1/nodes/{node}"), LATEST, Some(ops))
        .await
}

#[tokio::test]
async fn good_patches_reach_the_conductor_in_the_stored_form() {
    let site = Site::new().await;
    site.node(|node| node.name = Some("one".to_owned())).await;
    let shown = patch(
        &site,
        "one",
        json!([
            {"op": "add", "path": "/maintenance", "value": "true"},
            {"op": "add", "path": "/extra/deep", "value": {"a": [1]}},
            {"op": "replace", "path": "/extra/deep/a/0", "value": 2},
            {"op": "add", "path": "/conductor_group", "value": ""},
            {"op": "replace", "path": "/properties", "value": {"memory_mb": 5}},
            {"op": "remove", "path": "/name"}
        ]),
    )
    .await
    .expect(200)
    .json();
    assert_eq!(shown["maintenance"], true);
    assert_eq!(shown["extra"], json!({"deep": {"a": [2]}}));
    assert_eq!(shown["name"], Value::Null);
    assert!(matches!(
        site.conductor.last(),
        Request::UpdateNode {
            reset_interfaces: false,
            ..
        }
    ));
    let uuid = shown["uuid"].as_str().unwrap();
    patch(&site, uuid, json!([])).await.expect(200);
}

#[tokio::test]
async fn who_drives_the_patched_node_decides_about_the_patch() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let group = |group: &str| json!([{"op": "add", "path": "/conductor_group", "value": group}]);
    let driver = |driver: &str| json!([{"op": "replace", "path": "/driver", "value": driver}]);
    // A node that nobody serves could never be patched back.
    for nobodys in [group("RACK-1"), driver("acme")] {
        let refused = patch(&site, &node.uuid, nobodys).await.expect(400);
        assert!(refused.fault().contains("No valid host"));
    }
    assert_eq!(site.conductor.count(), 0);

    let racks = site.another("peer-2", "rack-1", &["fake-hardware"]).await;
    let acmes = site.another("peer-3", "rack-1", &["acme"]).await;
    let moved = patch(&site, &node.uuid, group("RACK-1")).await.expect(200);
    assert_eq!(moved.json()["conductor_group"], "rack-1");
    patch(&site, &node.uuid, driver("acme")).await.expect(200);
    assert_eq!((racks.count(), acmes.count()), (1, 1));
    let back = json!([{"op": "replace", "path": "/driver", "value": "ipmi"}, {"op": "remove", "path": "/conductor_group", "value": "rack-1"}]);
    patch(&site, &node.uuid, back).await.expect(200);
    assert_eq!(site.conductor.count(), 1);
}

#[tokio::test]
async fn bad_patches_are_refused_before_anybody_is_asked() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    for ops in [
        json!({}),
        json!([{"op": "move", "from": "/a", "path": "/b"}]),
        json!([{"op": "replace", "path": "/uuid", "value": "x"}]),
        json!([{"op": "replace", "path": "/provision_state", "value": "active"}]),
        json!([{"op": "replace", "path": "/boot_mode", "value": "uefi"}]),
        json!([{"op": "add", "path": "/nonesuch", "value": 1}]),
        json!([{"op": "add", "path": "/extra/a.b", "value": 1}]),
        json!([{"op": "remove", "path": "/driver"}]),
        json!([{"op": "replace", "path": "/driver", "value": null}]),
        json!([{"op": "replace", "path": "/driver_info", "value": "x"}]),
        json!([{"op": "replace", "path": "/name", "value": "a b"}]),
        json!([{"op": "replace", "path": "/name", "value": null}]),
        json!([{"op": "add", "path": "/name", "value": ""}]),
        json!([{"op": "add", "path": "/network_data", "value": {"links": []}}]),
        json!([{"op": "replace", "path": "/maintenance", "value": "perhaps"}]),
        json!([{"op": "add", "path": "/properties/memory_mb", "value": -1}]),
        json!([{"op": "add", "path": "/chassis_uuid", "value": "1be26c0b-03f2-4d2e-ae87-c02d7f33c999"}]),
        json!([{"op": "add", "path": "/parent_node", "value": "nonesuch"}]),
        json!([{"op": "add", "path": "/instance_uuid", "value": "x"}]),
    ] {
        patch(&site, &node.uuid, ops.clone()).await.expect(400);
        assert_eq!(site.conductor.count(), 0, "{ops}");
    }
    let own = json!([{"op": "add", "path": "/parent_node", "value": node.uuid}]);
    patch(&site, &node.uuid, own).await.expect(400);
    patch(&site, "nonesuch", json!([])).await.expect(404);
    let unset = json!([{"op": "remove", "path": "/chassis_uuid"}]);
    let path = format!("/v1/nodes/{}", node.uuid);
    site.send("PATCH", &path, Some(24), Some(unset.clone()))
        .await
        .expect(406);
    site.send("PATCH", &path, Some(25), Some(unset))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_node_that_is_inspected_is_left_alone_since_1_39() {
    let site = Site::new().await;
    let node = site
        .node(|node| node.provision_state = ProvisionState::Inspecting)
        .await;
    let path = format!("/v1/nodes/{}", node.uuid);
    site.send("PATCH", &path, Some(38), Some(json!([])))
        .await
        .expect(200);
    site.send("PATCH", &path, Some(39), Some(json!([])))
        .await
        .expect(409);
}

#[tokio::test]
async fn deleting_is_answered_without_a_body() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}", node.uuid);
    let answer = site.send("DELETE", &path, LATEST, None).await.expect(204);
    assert!(answer.text.is_empty() && answer.header("content-type").is_none());
    site.send("DELETE", &path, LATEST, None).await.expect(404);
}
