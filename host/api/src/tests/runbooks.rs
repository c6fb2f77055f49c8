//! `/v1/runbooks`, their traits, and what cleaning and service make of them.

use ironbark_model::ProvisionState;
use ironbark_rpc::Request;
use serde_json::{Value, json};

use super::harness::{Answer, HOST, LATEST, Site};

fn step(name: &str, order: u64) -> Value {
    json!({"interface": "deploy", "step": name, "args": {}, "order": order})
}

async fn post(site: &Site, version: u16, body: Value) -> Answer {
    site.send("POST", "/v1/runbooks", Some(version), Some(body))
        .await
}

async fn patch(site: &Site, version: u16, name: &str, ops: Value) -> Answer {
    let path = format!("/v1/runbooks/{name}");
    site.send("PATCH", &path, Some(version), Some(ops)).await
}

async fn traits_of(site: &Site, name: &str) -> Value {
    let path = format!("/v1/runbooks/{name}/traits");
    site.get(&path, LATEST).await.expect(200).json()["traits"].clone()
}

/// A node in this state with the trait CUSTOM_A.
async fn node(site: &Site, name: &str, state: ProvisionState) {
    let node = site
        .node(|node| {
            node.name = Some(name.to_owned());
            node.provision_state = state;
        })
        .await;
    let reservation = site.db.node_reserve(&node.uuid, HOST).await.unwrap();
    let mut tx = site.db.reserved(&reservation).await.unwrap();
    tx.set_traits(&["CUSTOM_A".to_owned()]).await.unwrap();
    tx.commit_and_release().await.unwrap();
}

async fn provision(site: &Site, version: u16, node: &str, body: Value) -> Answer {
    let path = format!("/v1/nodes/{node}/states/provision");
    site.send("PUT", &path, Some(version), Some(body)).await
}

#[tokio::test]
async fn a_runbook_is_kept() {
    let site = Site::new().await;
    let body = json!({
        "name": "wipe-disks", "description": "d", "owner": "p", "extra": {"a": 1}, "disable_ramdisk": "true",
        "steps": [{"interface": "deploy", "step": "erase", "order": "5"}],
    });
    let answer = post(&site, 115, body).await.expect(201);
    let shown = answer.json();
    let uuid = shown["uuid"].as_str().unwrap();
    let own = format!("http://127.0.0.1:6385/v1/runbooks/{uuid}");
    assert_eq!(answer.header("location"), Some(own.as_str()));
    assert_eq!(
        shown,
        json!({
            "uuid": uuid, "name": "wipe-disks", "description": "d", "public": false, "owner": "p", "disable_ramdisk": true,
            "steps": [step("erase", 5)], "traits": [], "extra": {"a": 1},
            "created_at": shown["created_at"], "updated_at": null,
            "links": [
                {"href": own, "rel": "self"},
                {"href": format!("http://127.0.0.1:6385/runbooks/{uuid}"), "rel": "bookmark"},
            ],
        })
    );
    let before = site
        .get("/v1/runbooks/wipe-disks", Some(111))
        .await
        .expect(200)
        .json();
    assert!(before.get("traits").is_none() && before.get("description").is_none());
    let listed = site.get("/v1/runbooks", LATEST).await.json();
    assert_eq!(listed["runbooks"][0].as_object().unwrap().len(), 3);
    let listed = site.get("/v1/runbooks?detail=true", LATEST).await.json();
    assert_eq!(listed["runbooks"][0], shown);
    let ops = json!([
        {"op": "remove", "path": "/description"},
        {"op": "remove", "path": "/disable_ramdisk"},
        {"op": "replace", "path": "/steps/0/order", "value": 6},
    ]);
    let changed = patch(&site, 115, "wipe-disks", ops)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&changed["description"], &changed["disable_ramdisk"]),
        (&json!(null), &json!(false))
    );
    assert_eq!(changed["steps"], json!([step("erase", 6)]));
    let path = format!("/v1/runbooks/{uuid}");
    site.send("DELETE", &path, LATEST, None).await.expect(204);
    site.get(&path, LATEST).await.expect(404);
}

#[tokio::test]
async fn bad_runbooks_are_refused() {
    let site = Site::new().await;
    let good = json!({"name": "one", "steps": [step("a", 1)]});
    let made = post(&site, 115, good.clone()).await.expect(201).json();
    for (key, value) in [
        ("name", json!(null)),
        ("name", json!("no name")),
        ("name", json!("1be26c0b-03f2-4d2e-ae87-c02d7f33c999")),
        ("name", json!("")),
        ("steps", json!([])),
        ("steps", json!([{"interface": "deploy", "step": "a"}])),
        (
            "steps",
            json!([{"interface": "deploy", "step": "a", "order": -1}]),
        ),
        (
            "steps",
            json!([{"interface": "deploy", "step": "a", "order": 1, "priority": 1}]),
        ),
        (
            "steps",
            json!([{"interface": "vendor", "step": "send_raw", "order": 1}]),
        ),
        ("steps", json!([step("a", 1), step("a", 2)])),
        ("traits", json!(["CUSTOM_A"])),
        ("public", json!("perhaps")),
        ("owner", json!("x".repeat(256))),
        ("description", json!("x".repeat(256))),
        ("extra", json!(1)),
        ("bogus", json!(1)),
    ] {
        let mut body = good.clone();
        body["name"] = json!("two");
        body[key] = value.clone();
        let answer = post(&site, 115, body).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "POST {key} {value}: {}",
            answer.text
        );
        let ops = json!([{"op": "add", "path": format!("/{key}"), "value": value}]);
        let answer = patch(&site, 115, "one", ops).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "PATCH {key} {value}: {}",
            answer.text
        );
    }
    assert_eq!(site.get("/v1/runbooks/one", LATEST).await.json(), made);
    post(&site, 115, good).await.expect(409);
    // Before 1.112, names are traits, and there are no descriptions.
    let old = json!({"name": "two", "steps": [step("a", 1)]});
    post(&site, 111, old).await.expect(400);
    let old = json!({"name": "CUSTOM_B", "description": "d", "steps": [step("a", 1)]});
    post(&site, 111, old).await.expect(406);
}

#[tokio::test]
async fn a_public_runbook_has_no_owner() {
    let site = Site::new().await;
    let both = json!({"name": "x", "public": true, "owner": "p", "steps": [step("a", 1)]});
    post(&site, 115, both).await.expect(400);
    let owned = json!({"name": "x", "owner": "p", "steps": [step("a", 1)]});
    post(&site, 115, owned).await.expect(201);
    let set = |name: &str, value: Value| json!([{"op": "add", "path": format!("/{name}"), "value": value}]);
    let shown = patch(&site, 115, "x", set("public", json!(true)))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&shown["public"], &shown["owner"]),
        (&json!(true), &json!(null))
    );
    patch(&site, 115, "x", set("owner", json!("q")))
        .await
        .expect(400);
    let both = json!([
        {"op": "add", "path": "/public", "value": false},
        {"op": "add", "path": "/owner", "value": "q"},
    ]);
    let shown = patch(&site, 115, "x", both).await.expect(200).json();
    assert_eq!(
        (&shown["public"], &shown["owner"]),
        (&json!(false), &json!("q"))
    );
}

#[tokio::test]
async fn traits_are_set_added_and_removed() {
    let site = Site::new().await;
    let body = json!({"name": "x", "steps": [step("a", 1)]});
    post(&site, 115, body).await.expect(201);
    let all = "/v1/runbooks/x/traits";
    let put = async |body: Value| site.send("PUT", all, LATEST, Some(body)).await;
    put(json!({"traits": ["CUSTOM_B", "CUSTOM_A", "CUSTOM_B"]}))
        .await
        .expect(204);
    assert_eq!(traits_of(&site, "x").await, json!(["CUSTOM_B", "CUSTOM_A"]));
    for bad in [
        json!({}),
        json!({"traits": "CUSTOM_A"}),
        json!({"traits": ["x"]}),
        json!({"traits": [], "bogus": 1}),
    ] {
        put(bad).await.expect(400);
    }
    let one = "/v1/runbooks/x/traits/CUSTOM_C";
    for _ in 0..2 {
        let answer = site.send("PUT", one, LATEST, None).await.expect(204);
        assert_eq!(
            answer.header("location"),
            Some("http://127.0.0.1:6385/v1/runbooks/x/traits/CUSTOM_C")
        );
    }
    site.send("PUT", one, LATEST, Some(json!({"traits": []})))
        .await
        .expect(400);
    site.send("PUT", "/v1/runbooks/x/traits/bad", LATEST, None)
        .await
        .expect(400);
    assert_eq!(traits_of(&site, "x").await.as_array().unwrap().len(), 3);
    // Twice: what isn't there is removed.
    for _ in 0..2 {
        site.send("DELETE", one, LATEST, None).await.expect(204);
    }
    assert_eq!(traits_of(&site, "x").await.as_array().unwrap().len(), 2);
    site.send("DELETE", all, LATEST, None).await.expect(204);
    assert_eq!(traits_of(&site, "x").await, json!([]));
    let many: Vec<String> = (0..51).map(|number| format!("CUSTOM_{number}")).collect();
    put(json!({"traits": many})).await.expect(400);
    for method in ["GET", "PUT", "DELETE"] {
        site.send(method, all, Some(111), None).await.expect(404);
    }
    site.get("/v1/runbooks/nobody/traits", LATEST)
        .await
        .expect(404);
}

#[tokio::test]
async fn for_old_clients_the_name_is_the_trait() {
    let site = Site::new().await;
    let body = json!({"name": "CUSTOM_A", "steps": [step("a", 1)]});
    post(&site, 111, body).await.expect(201);
    assert_eq!(traits_of(&site, "CUSTOM_A").await, json!(["CUSTOM_A"]));
    let rename = |name: &str| json!([{"op": "replace", "path": "/name", "value": name}]);
    patch(&site, 111, "CUSTOM_A", rename("CUSTOM_B"))
        .await
        .expect(200);
    assert_eq!(traits_of(&site, "CUSTOM_B").await, json!(["CUSTOM_B"]));
    patch(&site, 115, "CUSTOM_B", rename("b")).await.expect(200);
    assert_eq!(traits_of(&site, "b").await, json!(["CUSTOM_B"]));
    // Other fields of one with a new name can still be changed by them.
    let ops = json!([{"op": "add", "path": "/extra/a", "value": 1}]);
    patch(&site, 111, "b", ops).await.expect(200);
    assert_eq!(traits_of(&site, "b").await, json!(["CUSTOM_B"]));
}

#[tokio::test]
async fn cleaning_and_service_take_a_runbooks_steps() {
    let site = Site::new().await;
    node(&site, "m", ProvisionState::Manageable).await;
    node(&site, "a", ProvisionState::Active).await;
    let body = json!({
        "name": "CUSTOM_A", "disable_ramdisk": true,
        "steps": [step("second", 2), {"interface": "bios", "step": "first", "args": {"x": 1}, "order": 1}],
    });
    post(&site, 92, body).await.expect(201);
    let steps = json!([
        {"interface": "bios", "step": "first", "args": {"x": 1}},
        {"interface": "deploy", "step": "second", "args": {}},
    ]);
    for (node, target) in [("m", "clean"), ("a", "service")] {
        let body = json!({"target": target, "runbook": "CUSTOM_A"});
        provision(&site, 92, node, body).await.expect(202);
        let Request::Provision { args, .. } = site.conductor.last() else {
            panic!("another request");
        };
        let given = if target == "clean" {
            args.clean_steps
        } else {
            args.service_steps
        };
        assert_eq!(json!(given), steps, "{target}");
        assert_eq!(args.disable_ramdisk, Some(true));
    }
    let body = json!({"target": "clean", "runbook": "CUSTOM_A", "disable_ramdisk": false});
    provision(&site, 115, "m", body).await.expect(202);
    let Request::Provision { args, .. } = site.conductor.last() else {
        panic!("another request");
    };
    assert_eq!(args.disable_ramdisk, Some(false), "who asks decides");
}

#[tokio::test]
async fn a_runbook_is_refused_where_it_does_not_belong() {
    let site = Site::new().await;
    node(&site, "m", ProvisionState::Manageable).await;
    let body = json!({"name": "other", "steps": [step("a", 1)]});
    post(&site, 115, body).await.expect(201);
    let clean = |runbook: &str| json!({"target": "clean", "runbook": runbook});
    // None of its traits is the node's.
    let refused = provision(&site, 115, "m", clean("other")).await.expect(400);
    assert!(refused.fault().contains("traits"), "{}", refused.text);
    site.send("PUT", "/v1/runbooks/other/traits/CUSTOM_A", LATEST, None)
        .await
        .expect(204);
    provision(&site, 91, "m", clean("other")).await.expect(406);
    provision(&site, 115, "m", clean("nobody"))
        .await
        .expect(404);
    let mut both = clean("other");
    both["clean_steps"] = json!([{"interface": "deploy", "step": "x"}]);
    provision(&site, 115, "m", both).await.expect(400);
    let inspect = json!({"target": "inspect", "runbook": "other"});
    provision(&site, 115, "m", inspect).await.expect(400);
    provision(&site, 115, "m", json!({"target": "clean"}))
        .await
        .expect(400);
    assert_eq!(site.conductor.count(), 0);
    provision(&site, 115, "m", clean("other")).await.expect(202);
}

#[tokio::test]
async fn whoever_has_no_project_lists_all_runbooks() {
    let site = Site::new().await;
    for (name, more) in [
        ("theirs", json!({"owner": "them"})),
        ("everybodys", json!({"public": true})),
        ("nobodys", json!({})),
    ] {
        let mut body = json!({"name": name, "steps": [step("a", 1)]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        post(&site, 115, body).await.expect(201);
    }
    for project in ["true", "no"] {
        let path = format!("/v1/runbooks?project={project}");
        let listed = site.get(&path, LATEST).await.expect(200).json();
        assert_eq!(listed["runbooks"].as_array().unwrap().len(), 3, "{project}");
    }
    for path in [
        "/v1/runbooks?project=me",
        "/v1/deploy_templates?project=true",
    ] {
        site.get(path, LATEST).await.expect(400);
    }
}
