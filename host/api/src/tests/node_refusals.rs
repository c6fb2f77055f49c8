//! What a node's state forbids to be changed about it: every row of facts §2.1, beside what is allowed next to it. The conductor
//! of these tests keeps the rules of `ironbark_model::node_rules`, as real ones do.

use ironbark_model::ident::Ident;
use ironbark_model::{InterfaceKind, Node, ProvisionState as S};
use serde_json::{Value, json};

use super::harness::{LATEST, Site};

const INSTANCE: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";
const OTHER: &str = "cb3e5614-d127-41fe-b673-685bef5598d3";

/// A patch, and what comes of it.
struct Row {
    what: &'static str,
    node: fn(&mut Node),
    version: u16,
    patch: Value,
    status: u16,
    /// Part of the message; nothing of a success.
    says: &'static str,
}

fn row(
    what: &'static str,
    node: fn(&mut Node),
    version: u16,
    patch: Value,
    (status, says): (u16, &'static str),
) -> Row {
    Row {
        what,
        node,
        version,
        patch,
        status,
        says,
    }
}

fn add(name: &str, value: impl Into<Value>) -> Value {
    json!({"op": "add", "path": format!("/{name}"), "value": value.into()})
}

fn remove(name: &str) -> Value {
    json!({"op": "remove", "path": format!("/{name}")})
}

fn enter(node: &mut Node, state: S) {
    node.provision_state = state;
    node.target_provision_state = state.default_target();
}

fn active(node: &mut Node) {
    enter(node, S::Active);
}

fn available(node: &mut Node) {
    enter(node, S::Available);
}

fn deploying(node: &mut Node) {
    enter(node, S::Deploying);
    node.instance_uuid = Some(INSTANCE.to_owned());
}

fn set_aside(node: &mut Node) {
    deploying(node);
    node.maintenance = true;
}

fn inspecting(node: &mut Node) {
    enter(node, S::Inspecting);
}

fn classy(node: &mut Node) {
    active(node);
    node.resource_class = Some("tin".to_owned());
}

async fn site() -> Site {
    let site = Site::new().await;
    site.conductor.keep_rules();
    site
}

#[tokio::test]
async fn every_refusal_of_a_patch() {
    const ALLOWED: (u16, &str) = (200, "");
    let new = 115;
    let rows = [
        row(
            "in motion",
            deploying,
            new,
            json!([add("extra", json!({}))]),
            (409, "on its way"),
        ),
        row(
            "in motion, only the instance",
            deploying,
            new,
            json!([remove("instance_uuid")]),
            (409, "on its way"),
        ),
        row(
            "in motion, in maintenance",
            set_aside,
            new,
            json!([add("extra", json!({}))]),
            (409, "on its way"),
        ),
        row(
            "only the instance, in maintenance",
            set_aside,
            new,
            json!([remove("instance_uuid")]),
            ALLOWED,
        ),
        row(
            "the instance and more, in maintenance",
            set_aside,
            new,
            json!([remove("instance_uuid"), add("extra", json!({}))]),
            (409, "on its way"),
        ),
        row(
            "inspected",
            inspecting,
            39,
            json!([add("extra", json!({}))]),
            (409, "inspecting"),
        ),
        row(
            "inspected, for old clients",
            inspecting,
            38,
            json!([add("extra", json!({}))]),
            ALLOWED,
        ),
        row(
            "class in use",
            classy,
            new,
            json!([add("resource_class", "gold")]),
            (409, "resource_class"),
        ),
        row(
            "class in use, the same",
            classy,
            new,
            json!([add("resource_class", "tin")]),
            ALLOWED,
        ),
        row(
            "class in use, taken away",
            classy,
            new,
            json!([remove("resource_class")]),
            (409, "resource_class"),
        ),
        row(
            "first class",
            active,
            new,
            json!([add("resource_class", "gold")]),
            ALLOWED,
        ),
        row(
            "class in maintenance",
            |node| {
                classy(node);
                node.maintenance = true;
            },
            new,
            json!([add("resource_class", "gold")]),
            (409, "resource_class"),
        ),
        row(
            "class while available",
            |node| {
                classy(node);
                available(node);
            },
            new,
            json!([add("resource_class", "gold")]),
            ALLOWED,
        ),
        row(
            "driver with a console",
            |node| node.console_enabled = true,
            new,
            json!([add("driver", "ipmi")]),
            (409, "console"),
        ),
        row(
            "driver without a console",
            |_| {},
            new,
            json!([add("driver", "ipmi")]),
            ALLOWED,
        ),
        row(
            "driver of nobody",
            |_| {},
            new,
            json!([add("driver", "acme")]),
            (400, "No valid host"),
        ),
        row(
            "driver taken away",
            |_| {},
            new,
            json!([remove("driver")]),
            (400, "mandatory"),
        ),
        row(
            "another instance",
            |node| node.instance_uuid = Some(INSTANCE.to_owned()),
            new,
            json!([add("instance_uuid", OTHER)]),
            (409, "associated with instance"),
        ),
        row(
            "the same instance",
            |node| node.instance_uuid = Some(INSTANCE.to_owned()),
            new,
            json!([add("instance_uuid", INSTANCE)]),
            ALLOWED,
        ),
        row(
            "protected while available",
            available,
            new,
            json!([add("protected", true)]),
            (409, "protected"),
        ),
        row(
            "protected while active",
            active,
            new,
            json!([add("protected", true)]),
            ALLOWED,
        ),
        row(
            "protected in rescue",
            |node| enter(node, S::Rescue),
            new,
            json!([add("protected", true)]),
            ALLOWED,
        ),
        row(
            "only a reason to protect",
            active,
            new,
            json!([add("protected_reason", "r")]),
            (400, "protected_reason"),
        ),
        row(
            "protected with a reason",
            active,
            new,
            json!([add("protected", true), add("protected_reason", "r")]),
            ALLOWED,
        ),
        row(
            "retired while available",
            available,
            new,
            json!([add("retired", true)]),
            (409, "retired"),
        ),
        row(
            "retired while active",
            active,
            new,
            json!([add("retired", true)]),
            ALLOWED,
        ),
        row(
            "only a reason to retire",
            active,
            new,
            json!([add("retired_reason", "r")]),
            (400, "retired_reason"),
        ),
        row(
            "chassis taken away",
            |_| {},
            24,
            json!([remove("chassis_uuid")]),
            (406, "1.25"),
        ),
        row(
            "chassis made null",
            |_| {},
            24,
            json!([add("chassis_uuid", Value::Null)]),
            (406, "1.25"),
        ),
        row(
            "chassis taken away, in time",
            |_| {},
            25,
            json!([remove("chassis_uuid")]),
            ALLOWED,
        ),
        row(
            "not to be changed",
            |_| {},
            new,
            json!([add("provision_state", "active")]),
            (400, "Cannot patch"),
        ),
    ];
    for row in rows {
        let site = site().await;
        let node = site.node(row.node).await;
        let path = format!("/v1/nodes/{}", node.uuid);
        let answer = site
            .send("PATCH", &path, Some(row.version), Some(row.patch))
            .await;
        assert_eq!(
            answer.status.as_u16(),
            row.status,
            "{}: {}",
            row.what,
            answer.text
        );
        if row.status == 200 {
            continue;
        }
        let fault = answer.fault();
        assert!(fault.contains(row.says), "{}: {fault}", row.what);
        let ident = Ident::Uuid(node.uuid.clone());
        let after = site.db.node_get(&ident).await.unwrap().unwrap();
        let untouched = Node {
            fence: node.fence,
            updated_at: node.updated_at,
            ..after
        };
        assert_eq!(untouched, node, "{}: something changed", row.what);
    }
}

#[tokio::test]
async fn what_is_in_motion_is_left_alone_in_every_state_but_some() {
    let site = site().await;
    for state in S::ALL {
        let node = site.node(|node| enter(node, *state)).await;
        let path = format!("/v1/nodes/{}", node.uuid);
        let free = state.is_stable() || state.allows_update_in_transition();
        let patch = json!([add("extra", json!({"a": 1}))]);
        // Below 1.39 what is inspected may be changed.
        let answer = site.send("PATCH", &path, Some(38), Some(patch)).await;
        let expected = if free { 200 } else { 409 };
        assert_eq!(answer.status.as_u16(), expected, "{state}: {}", answer.text);
    }
}

#[tokio::test]
async fn every_interface_changes_only_while_the_node_is_settled() {
    let site = site().await;
    for kind in InterfaceKind::ALL {
        let with = async |state: S, maintenance: bool| {
            let set = |node: &mut Node| {
                enter(node, state);
                node.maintenance = maintenance;
                node.set_interface(*kind, Some("fake".to_owned()));
            };
            format!("/v1/nodes/{}", site.node(set).await.uuid)
        };
        let patch = async |path: &str, name: &str| {
            let patch = json!([add(kind.field(), name)]);
            site.send("PATCH", path, LATEST, Some(patch)).await
        };
        let in_use = with(S::Active, false).await;
        let refused = patch(&in_use, "other").await.expect(409).fault();
        assert!(refused.contains(kind.field()), "{refused}");
        patch(&in_use, "fake").await.expect(200);
        for state in [S::Enroll, S::InspectWait, S::Manageable, S::Available] {
            patch(&with(state, false).await, "other").await.expect(200);
        }
        patch(&with(S::Active, true).await, "other")
            .await
            .expect(200);
        // A patch can't open the door for itself.
        let both = json!([add("maintenance", true), add(kind.field(), "other")]);
        site.send("PATCH", &in_use, LATEST, Some(both))
            .await
            .expect(409);
    }
}

#[tokio::test]
async fn an_allocated_node_keeps_its_instance_and_its_owner() {
    let site = site().await;
    let node = site
        .node(|node| {
            active(node);
            node.resource_class = Some("tin".to_owned());
            node.owner = Some("ada".to_owned());
        })
        .await;
    let body = json!({"node": node.uuid, "resource_class": "tin", "owner": "ada", "name": "a"});
    site.send("POST", "/v1/allocations", LATEST, Some(body))
        .await
        .expect(201);
    let path = format!("/v1/nodes/{}", node.uuid);
    let patch = async |ops: Value| site.send("PATCH", &path, LATEST, Some(ops)).await;
    let fault = patch(json!([remove("instance_uuid")]))
        .await
        .expect(409)
        .fault();
    assert!(fault.contains("allocated"), "{fault}");
    for op in [add("owner", "eve"), remove("owner")] {
        let fault = patch(json!([op])).await.expect(409).fault();
        assert!(fault.contains("allocation of ada"), "{fault}");
    }
    patch(json!([add("owner", "ada")])).await.expect(200);
    site.get("/v1/allocations/a", LATEST).await.expect(200);

    // In maintenance the instance may go, and its allocation goes with it; then the owner may change.
    patch(json!([add("maintenance", true)])).await.expect(200);
    let freed = patch(json!([remove("instance_uuid")]))
        .await
        .expect(200)
        .json();
    assert_eq!(freed["allocation_uuid"], Value::Null);
    site.get("/v1/allocations/a", LATEST).await.expect(404);
    patch(json!([add("owner", "eve")])).await.expect(200);
}

#[tokio::test]
async fn an_instance_has_one_node_and_a_locked_node_is_left_alone() {
    let site = site().await;
    site.node(|node| node.instance_uuid = Some(INSTANCE.to_owned()))
        .await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}", node.uuid);
    let patch = json!([add("instance_uuid", INSTANCE)]);
    site.send("PATCH", &path, LATEST, Some(patch))
        .await
        .expect(409);
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}", node.uuid);
    site.db.node_reserve(&node.uuid, "peer-1").await.unwrap();
    for (method, body) in [("PATCH", Some(json!([]))), ("DELETE", None)] {
        let fault = site
            .send(method, &path, LATEST, body)
            .await
            .expect(409)
            .fault();
        assert!(fault.contains("is locked by host peer-1"), "{fault}");
    }
}

#[tokio::test]
async fn what_ends_takes_its_reason_along() {
    let site = site().await;
    let node = site
        .node(|node| {
            active(node);
            node.maintenance = true;
            node.maintenance_reason = Some("r".to_owned());
            node.fault = Some("power failure".to_owned());
            node.protected = true;
            node.protected_reason = Some("r".to_owned());
            node.retired = true;
            node.retired_reason = Some("r".to_owned());
        })
        .await;
    let path = format!("/v1/nodes/{}", node.uuid);
    let ends = json!([
        add("maintenance", false),
        remove("protected"),
        add("retired", "false"),
        add("instance_info", json!({"display_name": "web-1"})),
    ]);
    let shown = site
        .send("PATCH", &path, LATEST, Some(ends))
        .await
        .expect(200)
        .json();
    for name in [
        "maintenance_reason",
        "fault",
        "protected_reason",
        "retired_reason",
    ] {
        assert_eq!(shown[name], Value::Null, "{name}");
    }
    assert_eq!(shown["instance_name"], "web-1");
}

#[tokio::test]
async fn every_refusal_of_a_deletion() {
    let site = site().await;
    let delete = async |change: &dyn Fn(&mut Node)| {
        let path = format!("/v1/nodes/{}", site.node(change).await.uuid);
        site.send("DELETE", &path, LATEST, None).await
    };
    for state in S::ALL {
        let idle = matches!(
            state,
            S::Manageable | S::Enroll | S::AdoptFailed | S::Available
        );
        let answer = delete(&|node| enter(node, *state)).await;
        let expected = if idle { 204 } else { 409 };
        assert_eq!(answer.status.as_u16(), expected, "{state}: {}", answer.text);
        let in_maintenance = |node: &mut Node| {
            enter(node, *state);
            node.maintenance = true;
        };
        delete(&in_maintenance).await.expect(204);
        let protected = |node: &mut Node| {
            in_maintenance(node);
            node.protected = true;
        };
        let fault = delete(&protected).await.expect(403).fault();
        assert!(fault.contains("protected"), "{fault}");
    }
    let fault = delete(&|node| node.instance_uuid = Some(INSTANCE.to_owned()))
        .await
        .expect(409)
        .fault();
    assert!(fault.contains(INSTANCE), "{fault}");
}
