//! `/v1/ports`.

use ironbark_rpc::Request;
use serde_json::{Value, json};

use super::harness::{LATEST, Site};

async fn create(site: &Site, body: Value) -> Value {
    site.send("POST", "/v1/ports", LATEST, Some(body))
        .await
        .expect(201)
        .json()
}

#[tokio::test]
async fn a_ports_life() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".to_owned())).await;
    let port = create(
        &site,
        json!({"address": "52:54:00:AB:CD:0F", "node_ident": "one", "name": "p0", "pxe_enabled": "no",
               "local_link_connection": {"switch_id": "0A:1B:2C:3D:4E:5F", "port_id": "e1"}}),
    )
    .await;
    assert_eq!(port["address"], "52:54:00:ab:cd:0f");
    assert_eq!(port["node_uuid"], node.uuid);
    assert_eq!(port["pxe_enabled"], false);
    assert_eq!(
        port["local_link_connection"]["switch_id"],
        "0a:1b:2c:3d:4e:5f"
    );
    let uuid = port["uuid"].as_str().unwrap();
    assert_eq!(
        site.get("/v1/ports/p0", LATEST).await.expect(200).json(),
        port
    );
    // Who knows nothing of names finds it by them nevertheless.
    let old = site.get("/v1/ports/p0", Some(1)).await.expect(200).json();
    assert_eq!(old["uuid"], port["uuid"]);
    assert!(old.get("name").is_none());
    let shown = site.get("/v1/ports/p0?fields=address", LATEST).await.json();
    assert_eq!(shown.as_object().unwrap().len(), 2);
    let ops = json!([{"op": "replace", "path": "/address", "value": "52:54:00:AB:CD:10"}, {"op": "add", "path": "/extra/a", "value": 1}]);
    let patched = site
        .send("PATCH", "/v1/ports/p0", LATEST, Some(ops))
        .await
        .expect(200)
        .json();
    assert_eq!(patched["address"], "52:54:00:ab:cd:10");
    assert!(
        matches!(site.conductor.last(), Request::UpdatePort { node: owner, .. } if owner == node.uuid)
    );
    for ops in [
        json!([{"op": "remove", "path": "/address"}]),
        json!([{"op": "replace", "path": "/address", "value": "x"}]),
        json!([{"op": "replace", "path": "/internal_info", "value": {}}]),
        json!([{"op": "replace", "path": "/node_uuid", "value": "1be26c0b-03f2-4d2e-ae87-c02d7f33c999"}]),
        json!([{"op": "replace", "path": "/physical_network", "value": ""}]),
    ] {
        site.send("PATCH", "/v1/ports/p0", LATEST, Some(ops))
            .await
            .expect(400);
    }
    site.send("DELETE", "/v1/ports/p0", LATEST, None)
        .await
        .expect(400);
    site.send("DELETE", &format!("/v1/ports/{uuid}"), LATEST, None)
        .await
        .expect(204);
    site.get(&format!("/v1/ports/{uuid}"), LATEST)
        .await
        .expect(404);
}

#[tokio::test]
async fn words_are_reserved_for_names_of_nodes_only() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let reserved = ["maintenance", "management", "states", "vendor_passthru"];
    for (number, name) in reserved
        .into_iter()
        .chain(["detail", "validate"])
        .enumerate()
    {
        let mut body = json!({"node_uuid": node.uuid, "name": name});
        for path in ["/v1/portgroups", "/v1/ports"] {
            body["address"] = json!(format!("52:54:00:00:00:0{number}"));
            let made = site.send("POST", path, LATEST, Some(body.clone())).await;
            assert_eq!(made.expect(201).json()["name"], name, "{path}");
        }
        let body = json!({"driver": "fake-hardware", "name": name});
        let refused = site.send("POST", "/v1/nodes", LATEST, Some(body)).await;
        refused.expect(400);
    }
    let rename = |name: &str| json!([{"op": "replace", "path": "/name", "value": name}]);
    let renamed = site.send(
        "PATCH",
        "/v1/portgroups/states",
        LATEST,
        Some(rename("management.x")),
    );
    assert_eq!(renamed.await.expect(200).json()["name"], "management.x");
    for bad in ["a b", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999"] {
        let path = "/v1/portgroups/management.x";
        site.send("PATCH", path, LATEST, Some(rename(bad)))
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn a_null_flag_is_one_that_nobody_gave() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let port = create(
        &site,
        json!({"address": "52:54:00:00:00:01", "node_uuid": node.uuid, "pxe_enabled": null,
               "available_for_dynamic_portgroup": null, "is_smartnic": null}),
    )
    .await;
    let flags = |port: &Value| {
        [
            "pxe_enabled",
            "available_for_dynamic_portgroup",
            "is_smartnic",
        ]
        .map(|name| port[name].as_bool().unwrap())
    };
    assert_eq!(flags(&port), [true, true, false]);
    let path = format!("/v1/ports/{}", port["uuid"].as_str().unwrap());
    let patch = async |value: Value| {
        let op = json!([{"op": "replace", "path": "/pxe_enabled", "value": value}]);
        site.send("PATCH", &path, LATEST, Some(op))
            .await
            .expect(200)
            .json()
    };
    assert_eq!(flags(&patch(json!("no")).await), [false, true, false]);
    assert_eq!(flags(&patch(json!(null)).await), [true, true, false]);
}

#[tokio::test]
async fn a_part_of_a_link_is_patched_as_the_whole_is() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let link = json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "e1"});
    let port = create(
        &site,
        json!({"address": "52:54:00:00:00:01", "node_uuid": node.uuid, "local_link_connection": link}),
    )
    .await;
    let path = format!("/v1/ports/{}", port["uuid"].as_str().unwrap());
    let patch = async |version: u16, op: &str, key: &str, value: Value| {
        let op = json!({"op": op, "path": format!("/local_link_connection/{key}"), "value": value});
        site.send("PATCH", &path, Some(version), Some(json!([op])))
            .await
    };
    for (op, key, value) in [
        ("add", "bogus", json!("x")),
        ("add", "switch_id", json!("zz")),
        ("add", "port_id", json!({"deep": 1})),
        ("remove", "port_id", json!(null)),
    ] {
        patch(115, op, key, value).await.expect(400);
    }
    let unmanaged = json!("unmanaged");
    patch(63, "add", "network_type", unmanaged.clone())
        .await
        .expect(406);
    patch(64, "add", "network_type", unmanaged)
        .await
        .expect(200);
    let switch = json!("AA:1B:2C:3D:4E:5F");
    let patched = patch(63, "replace", "switch_id", switch)
        .await
        .expect(200)
        .json();
    assert_eq!(
        patched["local_link_connection"],
        json!({"switch_id": "aa:1b:2c:3d:4e:5f", "port_id": "e1", "network_type": "unmanaged"})
    );
    // The conductor gets what was said, and not a whole that somebody else may have changed meanwhile.
    let Request::UpdatePort { patch: asked, .. } = site.conductor.last() else {
        panic!("something else was asked")
    };
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, ["local_link_connection", "switch_id"]);
}

#[tokio::test]
async fn a_smart_nic_says_where_it_is() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let post = async |smart: bool, link: Value| {
        let body = json!({"address": "52:54:00:00:00:01", "node_uuid": node.uuid, "is_smartnic": smart,
            "local_link_connection": link});
        site.send("POST", "/v1/ports", LATEST, Some(body)).await
    };
    for link in [
        json!({"port_id": "e1", "switch_id": "0a:1b:2c:3d:4e:5f"}),
        json!({"network_type": "unmanaged"}),
    ] {
        post(true, link).await.expect(400);
    }
    assert_eq!(site.conductor.count(), 0);
    let complete = json!({"port_id": "e1", "hostname": "h"});
    // It may also be said later.
    for link in [json!({}), json!(null), complete] {
        let port = post(true, link).await.expect(201).json();
        let path = format!("/v1/ports/{}", port["uuid"].as_str().unwrap());
        site.send("DELETE", &path, LATEST, None).await.expect(204);
    }
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".to_owned())).await;
    let mac = "52:54:00:00:00:01";
    for body in [
        json!({"node_uuid": node.uuid}),
        json!({"address": mac}),
        json!({"address": "x", "node_uuid": node.uuid}),
        json!({"address": mac, "node_uuid": "one"}),
        json!({"address": mac, "node_uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c999"}),
        json!({"address": mac, "node_uuid": node.uuid, "node_ident": "one"}),
        json!({"address": mac, "node_uuid": node.uuid, "bogus": 1}),
        json!({"address": mac, "node_uuid": node.uuid, "internal_info": {}}),
        json!({"address": mac, "node_uuid": node.uuid, "portgroup_uuid": node.uuid}),
        json!({"address": mac, "node_uuid": node.uuid, "local_link_connection": {"port_id": "x"}}),
    ] {
        site.send("POST", "/v1/ports", LATEST, Some(body.clone()))
            .await
            .expect(400);
        assert_eq!(site.conductor.count(), 0, "{body}");
    }
    let by_name = json!({"address": mac, "node_ident": "one"});
    site.send("POST", "/v1/ports", Some(93), Some(by_name.clone()))
        .await
        .expect(406);
    site.send("POST", "/v1/ports", Some(94), Some(by_name.clone()))
        .await
        .expect(201);
    site.send("POST", "/v1/ports", Some(94), Some(by_name))
        .await
        .expect(409);
}

#[tokio::test]
async fn lists_are_narrowed_and_nested() {
    let site = Site::new().await;
    let one = site.node(|node| node.name = Some("one".to_owned())).await;
    let two = site.node(|node| node.shard = Some("Hall".to_owned())).await;
    for (index, node) in [&one, &one, &two].into_iter().enumerate() {
        create(
            &site,
            json!({"address": format!("52:54:00:00:00:0{index}"), "node_uuid": node.uuid}),
        )
        .await;
    }
    let count = async |query: &str| {
        let listed = site
            .get(&format!("/v1/ports?{query}"), LATEST)
            .await
            .expect(200)
            .json();
        listed["ports"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("node=one").await, 2);
    assert_eq!(count(&format!("node_uuid={}", two.uuid)).await, 1);
    assert_eq!(count("address=52:54:00:00:00:01").await, 1);
    assert_eq!(count("description_contains=").await, 3);
    assert_eq!(count("description_contains=x").await, 0);
    assert_eq!(count("address=52:54:00:ff:ff:ff").await, 0);
    assert_eq!(count("shard=Hall").await, 1);
    site.get("/v1/ports?node=nonesuch", LATEST)
        .await
        .expect(404);
    site.get("/v1/ports?node=one&shard=Hall", LATEST)
        .await
        .expect(403);
    site.get("/v1/ports?node=one&conductor_groups=a", LATEST)
        .await
        .expect(400);
    for bad in [
        "address=x",
        "address=52-54-00-00-00-01",
        "node_uuid=one",
        "node=a%20b",
        "sort_key=portgroup_uuid",
    ] {
        let refused = site.get(&format!("/v1/ports?{bad}"), LATEST).await;
        assert!(!refused.expect(400).is_routers(), "{bad}");
    }

    let nested = site
        .get("/v1/nodes/one/ports?limit=1", LATEST)
        .await
        .expect(200)
        .json();
    let next = nested["next"]
        .as_str()
        .unwrap()
        .strip_prefix("http://127.0.0.1:6385")
        .unwrap();
    assert!(
        next.starts_with("/v1/ports?") && next.contains(&format!("node={}", one.uuid)),
        "{next}"
    );
    let second = site.get(next, LATEST).await.expect(200).json();
    assert_eq!(second["ports"][0]["address"], "52:54:00:00:00:01");
    let detail = site
        .get("/v1/nodes/one/ports/detail", LATEST)
        .await
        .expect(200)
        .json();
    assert_eq!(detail["ports"][0]["node_uuid"], one.uuid);
    for method in ["GET", "PATCH", "DELETE"] {
        let path = format!("/v1/nodes/one/ports/{}", one.uuid);
        site.send(method, &path, LATEST, None).await.expect(400);
    }
}
