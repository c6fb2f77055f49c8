//! `/v1/allocations` and `/v1/nodes/{node}/allocation`.

use ironbark_db::testing::TestDatabase;
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{AllocationState, Node, ProvisionState, Result};
use ironbark_rpc::{ChangeAllocation, Reply, Request};
use serde_json::{Value, json};

use super::harness::{Answer, HOST, LATEST, Site};
use crate::ApiConfig;

const NOBODY: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

/// What the scripted conductor does: the database's part, and none of a conductor's rules.
pub(super) async fn change(db: &TestDatabase, change: ChangeAllocation) -> Result<Reply> {
    let stored = match change {
        ChangeAllocation::Create(mut new) => {
            new.conductor = Some(HOST.to_owned());
            db.allocation_create(&new).await?
        }
        ChangeAllocation::Backfill {
            mut allocation,
            node,
        } => {
            if allocation.uuid.is_empty() {
                allocation.uuid = new_uuid();
            }
            allocation.state = AllocationState::Active;
            allocation.node_uuid = Some(node.clone());
            let reservation = db.node_reserve(&node, HOST).await?;
            let mut tx = db.reserved(&reservation).await?;
            let mut node = tx.node().await?;
            node.instance_uuid = Some(allocation.uuid.clone());
            node.allocation_uuid = Some(allocation.uuid.clone());
            tx.save_node(&node).await?;
            let stored = tx.allocation_create_placed(&allocation).await?;
            tx.commit_and_release().await?;
            stored
        }
        ChangeAllocation::Destroy { uuid } => {
            if !db.allocation_delete_without_node(&uuid).await? {
                let found = db.allocation_get(&Ident::Uuid(uuid)).await?.unwrap();
                let node = found.node_uuid.unwrap();
                let reservation = db.node_reserve(&node, HOST).await?;
                let mut tx = db.reserved(&reservation).await?;
                let mut node = tx.node().await?;
                node.instance_uuid = None;
                node.allocation_uuid = None;
                tx.save_node(&node).await?;
                tx.commit_and_release().await?;
            }
            return Ok(Reply::Done);
        }
    };
    Ok(Reply::Allocation(Box::new(stored)))
}

async fn post(site: &Site, version: u16, body: Value) -> Answer {
    site.send("POST", "/v1/allocations", Some(version), Some(body))
        .await
}

async fn create(site: &Site, body: Value) -> Value {
    post(site, 115, body).await.expect(201).json()
}

async fn active_node(site: &Site, name: &str) -> Node {
    site.node(|node| {
        node.name = Some(name.to_owned());
        node.provision_state = ProvisionState::Active;
        node.resource_class = Some("gold".to_owned());
    })
    .await
}

fn uuid_of(shown: &Value) -> String {
    shown["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_allocation_is_asked_for_and_shown() {
    let site = Site::new().await;
    let one = active_node(&site, "one").await;
    let two = active_node(&site, "two").await;
    let body = json!({
        "name": "mine", "resource_class": "gold", "extra": {"a": 1}, "owner": "p",
        "traits": ["CUSTOM_B", "CUSTOM_A", "CUSTOM_B"],
        "candidate_nodes": ["one", two.uuid.to_uppercase(), one.uuid],
    });
    let answer = post(&site, 115, body).await.expect(201);
    let shown = answer.json();
    let uuid = uuid_of(&shown);
    let own = format!("http://127.0.0.1:6385/v1/allocations/{uuid}");
    assert_eq!(answer.header("location"), Some(own.as_str()));
    let expected = json!({
        "uuid": uuid, "name": "mine", "node_uuid": null, "state": "allocating", "last_error": null,
        "resource_class": "gold", "traits": ["CUSTOM_A", "CUSTOM_B"], "candidate_nodes": [one.uuid, two.uuid],
        "extra": {"a": 1}, "owner": "p", "created_at": shown["created_at"], "updated_at": null,
        "links": [
            {"href": own, "rel": "self"},
            {"href": format!("http://127.0.0.1:6385/allocations/{uuid}"), "rel": "bookmark"},
        ],
    });
    assert_eq!(shown, expected);
    for name in [uuid.as_str(), "mine"] {
        let path = format!("/v1/allocations/{name}");
        assert_eq!(site.get(&path, LATEST).await.expect(200).json(), expected);
    }
    let Request::ChangeAllocation {
        change: ChangeAllocation::Create(asked),
    } = site.conductor.last()
    else {
        panic!("another request");
    };
    assert!(asked.prefers_name);
    let chosen = site
        .get("/v1/allocations/mine?fields=name,state", LATEST)
        .await
        .expect(200)
        .json();
    let mut keys: Vec<&str> = chosen
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["links", "name", "state"]);
}

#[tokio::test]
async fn what_is_new_in_a_version_is_not_in_older_ones() {
    let site = Site::new().await;
    let plain = json!({"resource_class": "gold"});
    let old = post(&site, 78, plain.clone()).await.expect(201).json();
    let Request::ChangeAllocation {
        change: ChangeAllocation::Create(asked),
    } = site.conductor.last()
    else {
        panic!("another request");
    };
    assert!(!asked.prefers_name);
    let path = format!("/v1/allocations/{}", uuid_of(&old));
    let before = site.get(&path, Some(59)).await.expect(200).json();
    assert!(before.get("owner").is_none());
    post(&site, 51, plain.clone()).await.expect(405);
    site.get("/v1/allocations", Some(51)).await.expect(404);
    site.send("DELETE", &path, Some(51), None).await.expect(405);
    post(&site, 59, json!({"resource_class": "gold", "owner": "p"}))
        .await
        .expect(406);
    let node = active_node(&site, "one").await;
    post(&site, 57, json!({"node": node.uuid}))
        .await
        .expect(406);
    let patch = json!([{"op": "add", "path": "/name", "value": "x"}]);
    let refused = site
        .send("PATCH", &path, Some(56), Some(patch.clone()))
        .await
        .expect(405);
    assert!(!refused.is_routers());
    site.send("PATCH", &path, Some(57), Some(patch))
        .await
        .expect(200);
    let nested = format!("/v1/nodes/{}/allocation", node.uuid);
    site.get(&nested, Some(51)).await.expect(404);
}

#[tokio::test]
async fn bad_bodies_are_refused_and_nobody_is_asked() {
    let site = Site::new().await;
    active_node(&site, "one").await;
    for bad in [
        json!([]),
        json!({}),
        json!({"name": "x"}),
        json!({"resource_class": ""}),
        json!({"resource_class": "x".repeat(81)}),
        json!({"resource_class": 5}),
        json!({"resource_class": "gold", "name": "no name"}),
        json!({"resource_class": "gold", "name": NOBODY}),
        json!({"resource_class": "gold", "uuid": "x"}),
        json!({"resource_class": "gold", "traits": "CUSTOM_A"}),
        json!({"resource_class": "gold", "traits": ["not-a-trait"]}),
        json!({"resource_class": "gold", "traits": [1]}),
        json!({"resource_class": "gold", "candidate_nodes": {}}),
        json!({"resource_class": "gold", "candidate_nodes": ["nobody"]}),
        json!({"resource_class": "gold", "candidate_nodes": ["no name"]}),
        json!({"resource_class": "gold", "candidate_nodes": vec!["one"; 1001]}),
        json!({"resource_class": "gold", "extra": []}),
        json!({"resource_class": "gold", "owner": 5}),
        json!({"resource_class": "gold", "state": "active"}),
        json!({"resource_class": "gold", "bogus": 1}),
        json!({"node": 5}),
        json!({"node": "nobody"}),
        json!({"node": "one", "candidate_nodes": ["nobody"]}),
    ] {
        let answer = post(&site, 115, bad.clone()).await;
        assert_eq!(answer.status.as_u16(), 400, "{bad}: {}", answer.text);
    }
    assert_eq!(site.conductor.count(), 0);
    let listed = site.get("/v1/allocations", LATEST).await.json();
    assert_eq!(listed["allocations"], json!([]));
}

#[tokio::test]
async fn names_are_unique_and_may_change() {
    let site = Site::new().await;
    // What is reserved is so for nodes.
    let reserved = create(&site, json!({"resource_class": "gold", "name": "states"})).await;
    assert_eq!(reserved["name"], "states");
    let one = create(&site, json!({"resource_class": "gold", "name": "one"})).await;
    let two = create(&site, json!({"resource_class": "gold"})).await;
    let taken = json!({"resource_class": "gold", "name": "one"});
    post(&site, 115, taken).await.expect(409);
    let taken = json!({"resource_class": "gold", "uuid": one["uuid"]});
    post(&site, 115, taken).await.expect(409);
    let patch = async |name: &str, ops: Value| {
        let path = format!("/v1/allocations/{name}");
        site.send("PATCH", &path, LATEST, Some(ops)).await
    };
    let two = uuid_of(&two);
    let rename = json!([{"op": "replace", "path": "/name", "value": "one"}]);
    patch(&two, rename).await.expect(409);
    let ops = json!([
        {"op": "replace", "path": "/name", "value": "two"},
        {"op": "add", "path": "/extra/a", "value": 1},
    ]);
    let shown = patch(&two, ops).await.expect(200).json();
    assert_eq!(
        (&shown["name"], &shown["extra"]),
        (&json!("two"), &json!({"a": 1}))
    );
    assert!(shown["updated_at"].is_string());
    let ops = json!([{"op": "remove", "path": "/name"}, {"op": "remove", "path": "/extra"}]);
    let shown = patch("two", ops).await.expect(200).json();
    assert_eq!(
        (&shown["name"], &shown["extra"]),
        (&json!(null), &json!({}))
    );
    patch("two", json!([])).await.expect(404);
    for (name, value) in [
        ("uuid", json!(NOBODY)),
        ("resource_class", json!("tin")),
        ("owner", json!("q")),
        ("state", json!("active")),
        ("node_uuid", json!(NOBODY)),
        ("name", json!("no name")),
        ("extra", json!(5)),
    ] {
        let ops = json!([{"op": "add", "path": format!("/{name}"), "value": value}]);
        patch(&two, ops).await.expect(400);
    }
}

#[tokio::test]
async fn lists_have_filters_pages_and_chosen_fields() {
    let site = Site::new().await;
    let node = active_node(&site, "n").await;
    create(&site, json!({"resource_class": "gold", "name": "a"})).await;
    create(
        &site,
        json!({"resource_class": "tin", "name": "b", "owner": "p"}),
    )
    .await;
    create(&site, json!({"node": "n", "name": "c"})).await;
    let names = async |query: &str| -> Vec<String> {
        let path = format!("/v1/allocations?{query}");
        let listed = site.get(&path, LATEST).await.expect(200).json();
        let listed = listed["allocations"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("").await, ["a", "b", "c"]);
    assert_eq!(names("sort_key=name&sort_dir=desc").await, ["c", "b", "a"]);
    assert_eq!(names("resource_class=tin").await, ["b"]);
    assert_eq!(names("state=active").await, ["c"]);
    assert!(names("state=bogus").await.is_empty());
    assert_eq!(names("state=allocating&resource_class=gold").await, ["a"]);
    assert_eq!(names("owner=p").await, ["b"]);
    assert_eq!(names(&format!("node={}", node.uuid)).await, ["c"]);
    assert_eq!(names("node=n").await, ["c"]);
    let all = site.get("/v1/allocations", LATEST).await.json();
    assert_eq!(all["allocations"][0]["extra"], json!({}), "full objects");
    let page = site
        .get("/v1/allocations?limit=2&resource_class=gold", LATEST)
        .await
        .json();
    let next = page["next"].as_str().unwrap();
    assert!(next.contains("resource_class=gold"), "{next}");
    let next = next.strip_prefix("http://127.0.0.1:6385").unwrap();
    let page = site.get(next, LATEST).await.expect(200).json();
    assert_eq!(page["allocations"], json!([]));
    site.get("/v1/allocations?owner=p", Some(59))
        .await
        .expect(406);
    for (bad, status) in [
        ("node=nobody", 400),
        ("bogus=1", 400),
        ("fields=bogus", 400),
        ("sort_key=extra", 400),
        ("sort_key=traits", 400),
        ("limit=0", 400),
        ("marker=x", 400),
        ("detail=true", 400),
    ] {
        let path = format!("/v1/allocations?{bad}");
        let answer = site.get(&path, LATEST).await;
        assert_eq!(answer.status.as_u16(), status, "{bad}: {}", answer.text);
    }
    site.get(&format!("/v1/allocations?marker={NOBODY}"), LATEST)
        .await
        .expect(404);
}

#[tokio::test]
async fn a_backfill_names_its_node() {
    let site = Site::new().await;
    let node = active_node(&site, "n").await;
    let shown = create(&site, json!({"node": "n", "name": "mine"})).await;
    assert_eq!(
        (&shown["state"], &shown["node_uuid"]),
        (&json!("active"), &json!(node.uuid))
    );
    // As it isn't given, it is the node's.
    assert_eq!(shown["resource_class"], "gold");
    let seen = site.get("/v1/nodes/n", LATEST).await.json();
    assert_eq!(seen["allocation_uuid"], shown["uuid"]);
    let nested = "/v1/nodes/n/allocation";
    let of_node = site.get(nested, LATEST).await.expect(200).json();
    assert_eq!(of_node, shown);
    let chosen = site.get("/v1/nodes/n/allocation?fields=name", LATEST).await;
    assert_eq!(chosen.expect(200).json()["name"], "mine");
    site.get("/v1/nodes/n/allocation?bogus=1", LATEST)
        .await
        .expect(400);
    site.send("DELETE", nested, LATEST, None).await.expect(204);
    for method in ["GET", "DELETE"] {
        site.send(method, nested, LATEST, None).await.expect(404);
    }
    let nobodys = "/v1/nodes/nobody/allocation";
    site.get(nobodys, LATEST).await.expect(400);
    site.send("DELETE", nobodys, LATEST, None).await.expect(404);
    site.get("/v1/allocations/mine", LATEST).await.expect(404);
}

#[tokio::test]
async fn an_allocation_is_deleted_by_name_or_uuid() {
    let site = Site::new().await;
    create(&site, json!({"resource_class": "gold", "name": "one"})).await;
    let two = create(&site, json!({"resource_class": "gold"})).await;
    for name in ["one", &uuid_of(&two)] {
        let path = format!("/v1/allocations/{name}");
        site.send("DELETE", &format!("{path}?bogus=1"), LATEST, None)
            .await
            .expect(400);
        site.send("DELETE", &path, LATEST, None).await.expect(204);
        site.send("DELETE", &path, LATEST, None).await.expect(404);
        site.get(&path, LATEST).await.expect(404);
    }
    site.get("/v1/allocations/no%20name", LATEST)
        .await
        .expect(400);
    site.send("PUT", "/v1/allocations/one", LATEST, None)
        .await
        .expect(405);
}

#[tokio::test]
async fn without_a_conductor_nothing_is_allocated() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let answer = post(&site, 115, json!({"resource_class": "gold"})).await;
    assert!(
        matches!(answer.status.as_u16(), 404 | 503),
        "{}",
        answer.text
    );
    let listed = site.get("/v1/allocations", LATEST).await.expect(200).json();
    assert_eq!(listed["allocations"], json!([]));
}
