//! `/v1/portgroups`, and ports in one.

use ironbark_model::ProvisionState;
use ironbark_rpc::{Change, ChangeBelonging, Request};
use serde_json::{Value, json};

use super::harness::{LATEST, Site};

const NOBODY: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

async fn create(site: &Site, body: Value) -> Value {
    site.send("POST", "/v1/portgroups", LATEST, Some(body))
        .await
        .expect(201)
        .json()
}

#[tokio::test]
async fn a_portgroups_life() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let made = create(
        &site,
        json!({"node_uuid": node.uuid, "name": "bond-1", "address": "52:54:00:AB:CD:0F",
               "standalone_ports_supported": "no", "mode": null, "properties": null, "physical_network": ""}),
    )
    .await;
    assert_eq!(made["address"], "52:54:00:ab:cd:0f");
    assert_eq!(made["standalone_ports_supported"], false);
    assert_eq!(made["mode"], "active-backup");
    assert_eq!(made["properties"], json!({}));
    assert_eq!(
        create(&site, json!({"node_uuid": node.uuid, "mode": ""})).await["mode"],
        "active-backup"
    );
    let uuid = made["uuid"].as_str().unwrap();
    for path in ["/v1/portgroups/bond-1", &format!("/v1/portgroups/{uuid}")] {
        assert_eq!(site.get(path, LATEST).await.expect(200).json(), made);
    }
    let chosen = site
        .get("/v1/portgroups/bond-1?fields=ports,name", LATEST)
        .await
        .json();
    assert_eq!(chosen.as_object().unwrap().len(), 3);
    let patch = async |ops: Value| {
        site.send("PATCH", "/v1/portgroups/bond-1", LATEST, Some(ops))
            .await
    };
    let ops = json!([
        {"op": "remove", "path": "/address"},
        {"op": "remove", "path": "/standalone_ports_supported"},
        {"op": "replace", "path": "/mode", "value": "802.3ad"},
        {"op": "add", "path": "/properties/miimon", "value": 100},
    ]);
    let patched = patch(ops).await.expect(200).json();
    assert_eq!(patched["address"], json!(null));
    assert_eq!(patched["standalone_ports_supported"], true);
    assert_eq!(patched["properties"], json!({"miimon": 100}));
    let Request::ChangeBelonging {
        change: ChangeBelonging::Portgroup(Change::Update { node: owner, .. }),
    } = site.conductor.last()
    else {
        panic!("something else was asked")
    };
    assert_eq!(owner, node.uuid);
    for ops in [
        json!([{"op": "remove", "path": "/mode"}]),
        json!([{"op": "remove", "path": "/node_uuid"}]),
        json!([{"op": "replace", "path": "/node_uuid", "value": NOBODY}]),
        json!([{"op": "replace", "path": "/uuid", "value": NOBODY}]),
        json!([{"op": "replace", "path": "/internal_info", "value": {}}]),
        json!([{"op": "replace", "path": "/dynamic_portgroup", "value": true}]),
        json!([{"op": "replace", "path": "/address", "value": "x"}]),
        json!([{"op": "replace", "path": "/name", "value": "a b"}]),
        json!([{"op": "replace", "path": "/category", "value": "x".repeat(81)}]),
    ] {
        patch(ops).await.expect(400);
    }
    site.send("DELETE", "/v1/portgroups/bond-1", LATEST, None)
        .await
        .expect(204);
    site.send("DELETE", "/v1/portgroups/bond-1", LATEST, None)
        .await
        .expect(404);
}

#[tokio::test]
async fn what_is_said_of_a_new_port_must_fit_its_group() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let body = json!({"node_uuid": node.uuid, "standalone_ports_supported": false});
    let whole = create(&site, body).await;
    let other = create(&site, json!({"node_uuid": node.uuid})).await;
    let post = async |number: u8, group: &Value, boots: Option<bool>| {
        let mut body = json!({"node_uuid": node.uuid, "portgroup_uuid": group["uuid"],
            "address": format!("52:54:00:00:00:0{number}")});
        if let Some(boots) = boots {
            body["pxe_enabled"] = json!(boots);
        }
        site.send("POST", "/v1/ports", LATEST, Some(body)).await
    };
    post(1, &whole, Some(true)).await.expect(409);
    post(1, &whole, Some(false)).await.expect(201);
    // Ports boot unless told otherwise: nobody said so.
    post(2, &whole, None).await.expect(201);
    post(3, &other, Some(true)).await.expect(201);
}

#[tokio::test]
async fn the_network_of_a_bond_is_its_groups_where_groups_have_one() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let group = create(&site, json!({"node_uuid": node.uuid})).await;
    let body = json!({"node_uuid": node.uuid, "address": "52:54:00:00:00:01", "portgroup_uuid": group["uuid"]});
    let port = site.send("POST", "/v1/ports", LATEST, Some(body)).await;
    let path = format!("/v1/ports/{}", port.json()["uuid"].as_str().unwrap());
    let set = async |version: u16, also: Value| {
        let mut ops =
            vec![json!({"op": "add", "path": "/physical_network", "value": version.to_string()})];
        ops.extend(also.as_array().unwrap().iter().cloned());
        site.send("PATCH", &path, Some(version), Some(json!(ops)))
            .await
    };
    set(102, json!([])).await.expect(400);
    set(101, json!([])).await.expect(200);
    // Nothing changes, or the port leaves its group.
    let ops = json!([{"op": "add", "path": "/physical_network", "value": "101"}]);
    site.send("PATCH", &path, LATEST, Some(ops))
        .await
        .expect(200);
    set(102, json!([{"op": "remove", "path": "/portgroup_uuid"}]))
        .await
        .expect(200);
    set(103, json!([])).await.expect(200);
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    for (name, value) in [
        ("node_uuid", json!(NOBODY)),
        ("node_uuid", json!("one")),
        ("node_uuid", json!(null)),
        ("name", json!("a b")),
        ("name", json!("x".repeat(256))),
        ("address", json!("")),
        ("address", json!(5)),
        ("mode", json!(5)),
        ("mode", json!("x".repeat(256))),
        ("standalone_ports_supported", json!(5)),
        ("standalone_ports_supported", json!("perhaps")),
        ("physical_network", json!("x".repeat(65))),
        ("dynamic_portgroup", json!(true)),
        ("internal_info", json!({})),
        ("extra", json!([])),
        ("bogus", json!(1)),
    ] {
        let mut body = json!({"node_uuid": node.uuid});
        body[name] = value;
        site.send("POST", "/v1/portgroups", LATEST, Some(body.clone()))
            .await
            .expect(400);
        assert_eq!(site.conductor.count(), 0, "{body}");
    }
    let named = json!({"node_uuid": node.uuid, "name": "bond-1"});
    create(&site, named.clone()).await;
    site.send("POST", "/v1/portgroups", LATEST, Some(named))
        .await
        .expect(409);
    site.send("POST", "/v1/portgroups", Some(22), Some(json!({})))
        .await
        .expect(404);
    site.get("/v1/portgroups/a%20b", LATEST).await.expect(400);
}

#[tokio::test]
async fn lists_are_narrowed_and_nested() {
    let site = Site::new().await;
    let one = site.node(|node| node.name = Some("one".to_owned())).await;
    let two = site
        .node(|node| {
            node.shard = Some("Hall".to_owned());
            node.conductor_group = "east".to_owned();
        })
        .await;
    site.another("peer-2", "east", &["fake-hardware"]).await;
    let mut made = Vec::new();
    for (index, node) in [&one, &one, &two].into_iter().enumerate() {
        let body = json!({"node_uuid": node.uuid, "address": format!("52:54:00:00:00:0{index}")});
        made.push(
            create(&site, body).await["uuid"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let found = async |query: &str| {
        let listed = site
            .get(&format!("/v1/portgroups?{query}"), LATEST)
            .await
            .expect(200)
            .json();
        let groups = listed["portgroups"].as_array().unwrap().clone();
        groups
            .iter()
            .map(|group| group["uuid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("").await, made);
    assert_eq!(found("node=one").await, made[..2]);
    assert_eq!(found("address=52:54:00:00:00:01").await, made[1..2]);
    assert!(found("address=52:54:00:ff:ff:ff").await.is_empty());
    assert_eq!(found("shard=Hall,Other").await, made[2..]);
    assert_eq!(found("conductor_groups=east").await, made[2..]);
    assert_eq!(found("shard=").await, made);
    for (query, status) in [
        ("node=nonesuch", 404),
        ("node=one&address=52:54:00:00:00:01", 400),
        ("node=one&shard=Hall", 400),
        ("conductor_groups=east&shard=Hall", 400),
        ("address=x", 400),
        ("node_uuid=one", 400),
        ("sort_key=properties", 400),
        ("sort_key=ports", 400),
        ("fields=bogus", 400),
    ] {
        site.get(&format!("/v1/portgroups?{query}"), LATEST)
            .await
            .expect(status);
    }
    let nested = site
        .get("/v1/nodes/one/portgroups?limit=1", LATEST)
        .await
        .expect(200)
        .json();
    let next = nested["next"].as_str().unwrap();
    let next = next.strip_prefix("http://127.0.0.1:6385").unwrap();
    assert!(
        next.starts_with("/v1/portgroups?") && next.contains(&format!("node={}", one.uuid)),
        "{next}"
    );
    let second = site.get(next, LATEST).await.expect(200).json();
    assert_eq!(second["portgroups"][0]["uuid"], made[1]);
    let detail = site
        .get("/v1/nodes/one/portgroups/detail", LATEST)
        .await
        .expect(200)
        .json();
    assert_eq!(detail["portgroups"][0]["node_uuid"], one.uuid);
    for (method, path) in [
        ("POST", "/v1/nodes/one/portgroups".to_owned()),
        ("GET", format!("/v1/nodes/one/portgroups/{}", made[0])),
        ("PATCH", format!("/v1/nodes/one/portgroups/{}", made[0])),
        ("DELETE", format!("/v1/nodes/one/portgroups/{}", made[0])),
        ("GET", "/v1/nodes/one/portgroups?address=x".to_owned()),
        ("POST", "/v1/nodes/one/ports".to_owned()),
    ] {
        site.send(method, &path, LATEST, None).await.expect(400);
    }
}

#[tokio::test]
async fn ports_are_in_a_portgroup_that_is_there() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let group = create(&site, json!({"node_uuid": node.uuid, "name": "bond-1"})).await;
    let uuid = group["uuid"].as_str().unwrap();
    let port = |index: u8, group: Value| json!({"node_uuid": node.uuid, "address": format!("52:54:00:00:00:0{index}"), "portgroup_uuid": group});
    for bad in [json!(NOBODY), json!("bond-1"), json!(5)] {
        site.send("POST", "/v1/ports", LATEST, Some(port(1, bad)))
            .await
            .expect(400);
    }
    for index in 0..2 {
        let made = site
            .send("POST", "/v1/ports", LATEST, Some(port(index, json!(uuid))))
            .await
            .expect(201)
            .json();
        assert_eq!(made["portgroup_uuid"], uuid);
    }
    let alone = site
        .send("POST", "/v1/ports", LATEST, Some(port(2, json!(null))))
        .await
        .expect(201)
        .json();
    let path = format!("/v1/ports/{}", alone["uuid"].as_str().unwrap());
    let join = |group: &str| json!([{"op": "add", "path": "/portgroup_uuid", "value": group}]);
    site.send("PATCH", &path, LATEST, Some(join(NOBODY)))
        .await
        .expect(400);
    for (list, count) in [
        (format!("/v1/ports?portgroup={uuid}"), 2),
        ("/v1/ports?portgroup=bond-1".to_owned(), 2),
        (
            "/v1/ports?portgroup=bond-1&address=52:54:00:00:00:01".to_owned(),
            1,
        ),
        ("/v1/portgroups/bond-1/ports".to_owned(), 2),
        ("/v1/portgroups/bond-1/ports/detail".to_owned(), 2),
        (
            "/v1/portgroups/bond-1/ports?address=52:54:00:00:00:01".to_owned(),
            1,
        ),
        (
            "/v1/portgroups/bond-1/ports?address=52:54:00:00:00:02".to_owned(),
            0,
        ),
        (
            format!("/v1/nodes/{}/ports?address=52:54:00:00:00:02", node.uuid),
            1,
        ),
    ] {
        let listed = site.get(&list, LATEST).await.expect(200).json();
        assert_eq!(listed["ports"].as_array().unwrap().len(), count, "{list}");
    }
    let page = site
        .get("/v1/portgroups/bond-1/ports?limit=1", LATEST)
        .await
        .json();
    let next = page["next"].as_str().unwrap();
    assert!(
        next.contains("/v1/ports?") && next.contains(&format!("portgroup={uuid}")),
        "{next}"
    );
    for (query, status) in [
        ("portgroup=nonesuch".to_owned(), 404),
        (format!("portgroup=bond-1&node={}", node.uuid), 403),
        ("portgroup=bond-1&shard=a".to_owned(), 403),
        ("portgroup=bond-1&conductor_groups=a".to_owned(), 400),
        (
            "address=52:54:00:00:00:01&conductor_groups=a".to_owned(),
            400,
        ),
    ] {
        site.get(&format!("/v1/ports?{query}"), LATEST)
            .await
            .expect(status);
    }
    site.get(&format!("/v1/portgroups/bond-1/ports/{NOBODY}"), LATEST)
        .await
        .expect(400);
    site.get(&format!("/v1/portgroups/{NOBODY}/ports"), LATEST)
        .await
        .expect(404);
}

#[tokio::test]
async fn while_a_node_is_looked_at_nothing_of_it_changes() {
    let site = Site::new().await;
    let node = site
        .node(|node| node.provision_state = ProvisionState::Inspecting)
        .await;
    create(&site, json!({"node_uuid": node.uuid, "name": "bond-1"})).await;
    let port = json!({"node_uuid": node.uuid, "address": "52:54:00:00:00:01"});
    let port = site
        .send("POST", "/v1/ports", LATEST, Some(port))
        .await
        .expect(201)
        .json();
    for path in [
        "/v1/portgroups/bond-1".to_owned(),
        format!("/v1/ports/{}", port["uuid"].as_str().unwrap()),
    ] {
        let ops = json!([{"op": "add", "path": "/extra/a", "value": 1}]);
        site.send("PATCH", &path, Some(39), Some(ops.clone()))
            .await
            .expect(409);
        site.send("PATCH", &path, Some(38), Some(ops))
            .await
            .expect(200);
    }
}
