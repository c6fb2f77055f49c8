//! Every row of the gates: at the version before it, and at its own.

use serde_json::{Value, json};

use super::harness::{Answer, LATEST, Site};
use crate::gates::paths::{Below, PATHS};
use crate::gates::{
    Attribute, Kind, allocation, chassis, inspection_rule, node, others, port, portgroup,
    provision, standalone, volume,
};
use crate::versions::Version;

/// A path that fits a pattern.
pub(super) fn path_of(pattern: &str, node: &str) -> String {
    let path = pattern
        .replace("{node}", node)
        .replace("{driver}", "fake-hardware")
        .replace("{conductor}", "peer-1")
        .replace("{trait}", "CUSTOM_A")
        .replace("{event}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{method}", "m")
        .replace("{rule}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{portgroup}", "g")
        .replace("{chassis}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{connector}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{target}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{allocation}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{template}", "CUSTOM_A")
        .replace("{runbook}", "CUSTOM_A")
        .replace("{port}", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999")
        .replace("{vif}", "v")
        .replace("{indicator}", "led@system")
        .replace("{setting}", "BootMode")
        .replace("/**", "");
    format!("/v1/{path}")
}

/// A value that may be given for a field.
pub(super) fn value_of(attribute: &Attribute) -> Value {
    match attribute.kind {
        Kind::Object | Kind::Properties => json!({"a": 1}),
        Kind::NetworkData => json!({"links": [], "networks": [], "services": []}),
        Kind::LocalLink => json!({"port_id": "e1", "switch_id": "0a:1b:2c:3d:4e:5f"}),
        // With an owner, which runbooks may have instead.
        Kind::Flag if attribute.name == "public" => json!(false),
        Kind::Flag => json!(true),
        Kind::Uuid => json!("1be26c0b-03f2-4d2e-ae87-c02d7f33c999"),
        Kind::Mac | Kind::MacOrNull => json!("52:54:00:00:00:01"),
        Kind::Integer => json!(7),
        Kind::TextList => json!([]),
        Kind::Trait | Kind::RunbookName => json!("CUSTOM_B"),
        Kind::DeploySteps => {
            json!([{"interface": "bios", "step": "a", "args": {}, "priority": 1}])
        }
        Kind::RunbookSteps => {
            json!([{"interface": "bios", "step": "a", "args": {}, "order": 1}])
        }
        Kind::Priority => json!(1),
        Kind::Objects if attribute.name == "actions" => json!([{"op": "fail", "args": ["no"]}]),
        Kind::Objects => json!([{"op": "is-true", "args": [1]}]),
        Kind::OneOf(words) => json!(words[0]),
        Kind::Group => json!(""),
        _ if attribute.name == "parent_node" => json!("nonesuch"),
        _ => json!("some-text"),
    }
}

#[tokio::test]
async fn paths() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    for row in PATHS {
        let path = path_of(row.pattern, &node.uuid);
        for method in ["GET", "PUT", "POST", "DELETE"] {
            if row.since > 1 {
                let answer = site.send(method, &path, Some(row.since - 1), None).await;
                let known = row.method_names().any(|name| name == method);
                let (status, routers) = match (row.below, method) {
                    (Below::NotAcceptable, _) | (Below::FieldName, "GET") => (406, false),
                    (Below::FieldName, "DELETE") => (404, false),
                    (Below::FieldName, _) => (405, true),
                    (Below::FaultNotFound | Below::FaultNotFoundAfterFirst, _) if !known => {
                        (405, true)
                    }
                    (Below::FaultGetNotFound, "GET") => (404, false),
                    (Below::FaultGetNotFound, _) => (405, false),
                    (Below::FaultNotFound | Below::FaultNotFoundAfterFirst, _) => (404, false),
                    (Below::GetNotFound, "GET") | (Below::NotFound, _) => (404, true),
                    (Below::GetNotFound, _) => (405, true),
                };
                let what = format!("{method} {path} below 1.{}: {}", row.since, answer.text);
                assert_eq!(answer.status.as_u16(), status, "{what}");
                assert_eq!(answer.is_routers(), routers, "{what}");
            }
        }
        let answer = site.get(&path, Some(row.since)).await;
        assert!(
            answer.status.is_success()
                || !answer.is_routers()
                || matches!(answer.status.as_u16(), 400 | 405),
            "GET {path} at 1.{}: {}",
            row.since,
            answer.text
        );
        assert_ne!(answer.status.as_u16(), 406, "GET {path}");
    }
}

#[tokio::test]
async fn fields_in_answers() {
    let site = Site::new().await;
    let uuid = site.node(|_| {}).await.uuid;
    let mac = json!({"address": "52:54:00:00:00:02", "node_uuid": uuid});
    let port = site
        .send("POST", "/v1/ports", LATEST, Some(mac))
        .await
        .expect(201)
        .json();
    let port = format!("/v1/ports/{}", port["uuid"].as_str().unwrap());
    let made = async |path: &str, body: Value| {
        let made = site
            .send("POST", path, LATEST, Some(body))
            .await
            .expect(201);
        format!("{path}/{}", made.json()["uuid"].as_str().unwrap())
    };
    let group = made("/v1/portgroups", json!({"node_uuid": uuid})).await;
    let rack = made("/v1/chassis", json!({})).await;
    let connector = json!({"node_uuid": uuid, "type": "iqn", "connector_id": "c"});
    let connector = made("/v1/volume/connectors", connector).await;
    let target =
        json!({"node_uuid": uuid, "volume_type": "iscsi", "boot_index": 0, "volume_id": "v"});
    let target = made("/v1/volume/targets", target).await;
    let step = json!({"interface": "bios", "step": "a", "args": {}});
    let with = |key: &str| {
        let mut step = step.clone();
        step[key] = json!(1);
        json!({"name": "CUSTOM_A", "steps": [step]})
    };
    let template = made("/v1/deploy_templates", with("priority")).await;
    let runbook = made("/v1/runbooks", with("order")).await;
    let rule = json!({"actions": [{"op": "fail", "args": ["no"]}]});
    let rule = made("/v1/inspection_rules", rule).await;
    let allocation = made("/v1/allocations", json!({"resource_class": "x"})).await;
    for (table, path) in [
        (allocation::FIELDS, allocation),
        (standalone::DEPLOY_TEMPLATE, template),
        (standalone::RUNBOOK, runbook),
        (inspection_rule::FIELDS, rule),
        (portgroup::FIELDS, group),
        (chassis::FIELDS, rack),
        (volume::CONNECTOR, connector),
        (volume::TARGET, target),
        (node::FIELDS, format!("/v1/nodes/{uuid}")),
        (node::STATES, format!("/v1/nodes/{uuid}/states")),
        (port::FIELDS, port),
    ] {
        for row in table {
            let resource_since = table.iter().map(|row| row.since).min().unwrap();
            if row.since > resource_since {
                let before = site
                    .get(&path, Some(row.since - 1))
                    .await
                    .expect(200)
                    .json();
                assert!(
                    before.get(row.name).is_none(),
                    "{} before 1.{}",
                    row.name,
                    row.since
                );
            }
            let since = site.get(&path, Some(row.since)).await.expect(200).json();
            assert!(
                since.get(row.name).is_some(),
                "{} at 1.{}",
                row.name,
                row.since
            );
        }
    }
}

#[tokio::test]
async fn fields_and_sort_keys_in_queries() {
    let site = Site::new().await;
    for (table, path) in [
        (node::FIELDS, "/v1/nodes"),
        (port::FIELDS, "/v1/ports"),
        (portgroup::FIELDS, "/v1/portgroups"),
        (chassis::FIELDS, "/v1/chassis"),
        (volume::CONNECTOR, "/v1/volume/connectors"),
        (volume::TARGET, "/v1/volume/targets"),
        (standalone::DEPLOY_TEMPLATE, "/v1/deploy_templates"),
        (standalone::RUNBOOK, "/v1/runbooks"),
        (inspection_rule::FIELDS, "/v1/inspection_rules"),
    ] {
        let resource_since = table.iter().map(|row| row.since).min().unwrap();
        for row in table {
            let fields = format!("{path}?fields={}", row.name);
            let sort = format!("{path}?sort_key={}", row.name);
            if row.since > resource_since.max(8) {
                site.get(&fields, Some(row.since - 1)).await.expect(406);
            }
            if row.since > resource_since {
                site.get(&sort, Some(row.since - 1)).await.expect(406);
            }
            site.get(&fields, Some(row.since.max(8))).await.expect(200);
            // What the table of gates calls sortable the database sorts by; only `node_uuid` is in another table there.
            let sortable = row.sortable && row.name != "node_uuid";
            let sorted = site.get(&sort, Some(row.since)).await;
            let expected = if sortable { 200 } else { 400 };
            assert_eq!(sorted.status.as_u16(), expected, "{sort}: {}", sorted.text);
        }
        if resource_since < 8 {
            site.get(&format!("{path}?fields=uuid"), Some(7))
                .await
                .expect(406);
        }
        site.get(&format!("{path}?fields=bogus"), LATEST)
            .await
            .expect(400);
        site.get(&format!("{path}?sort_key=bogus"), LATEST)
            .await
            .expect(400);
        site.get(&format!("{path}?sort_key=extra"), LATEST)
            .await
            .expect(400);
        site.get(&format!("{path}?detail=True&fields=uuid"), LATEST)
            .await
            .expect(400);
        if resource_since > 43 {
            site.get(&format!("{path}?detail=True"), Some(resource_since))
                .await
                .expect(200);
            continue;
        }
        let at_42 = site.get(&format!("{path}?detail=True"), Some(42)).await;
        if path.starts_with("/v1/volume") {
            // There it is as old as the list.
            at_42.expect(200);
        } else {
            assert_eq!(
                at_42.expect(400).fault(),
                "Invalid query parameter ?detail=True received."
            );
        }
        site.get(&format!("{path}?detail=True"), Some(43))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn fields_in_bodies_of_nodes() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}", node.uuid);
    for row in node::FIELDS {
        let patch =
            json!([{"op": "add", "path": format!("/{}", row.name), "value": value_of(row)}]);
        // These name something that has to exist.
        let refers = matches!(row.name, "chassis_uuid" | "parent_node" | "driver");
        if row.patchable() {
            if row.since > 1 {
                site.send("PATCH", &path, Some(row.since - 1), Some(patch.clone()))
                    .await
                    .expect(406);
                let remove = json!([{"op": "remove", "path": format!("/{}", row.name)}]);
                site.send("PATCH", &path, Some(row.since - 1), Some(remove))
                    .await
                    .expect(200);
            }
            let status = if refers { 400 } else { 200 };
            if row.name != "driver" {
                site.send("PATCH", &path, Some(row.since), Some(patch))
                    .await
                    .expect(status);
            }
        } else {
            site.send("PATCH", &path, LATEST, Some(patch))
                .await
                .expect(400);
        }
        let mut body = json!({"driver": "fake-hardware"});
        body[row.name] = value_of(row);
        if row.name == "driver" {
            continue;
        }
        if row.creatable() {
            if row.since > 1 {
                site.send("POST", "/v1/nodes", Some(row.since - 1), Some(body.clone()))
                    .await
                    .expect(406);
            }
            if row.name == "retired_reason" {
                body["retired"] = json!(true);
            }
            let created = site
                .send("POST", "/v1/nodes", Some(row.since), Some(body))
                .await;
            // The node of the patch has this name and this instance already.
            let taken = matches!(row.name, "name" | "instance_uuid");
            let status = if refers {
                400
            } else if taken {
                409
            } else {
                201
            };
            created.expect(status);
        } else {
            site.send("POST", "/v1/nodes", LATEST, Some(body))
                .await
                .expect(400);
        }
    }
}

#[tokio::test]
async fn fields_in_bodies_of_ports() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let body = json!({"address": "52:54:00:00:00:02", "node_uuid": node.uuid});
    let port = site
        .send("POST", "/v1/ports", LATEST, Some(body.clone()))
        .await
        .expect(201)
        .json();
    let path = format!("/v1/ports/{}", port["uuid"].as_str().unwrap());
    for row in port::FIELDS {
        if row.since == 1 {
            continue;
        }
        let patch =
            json!([{"op": "add", "path": format!("/{}", row.name), "value": value_of(row)}]);
        let mut created = body.clone();
        created[row.name] = value_of(row);
        if !row.patchable() {
            site.send("PATCH", &path, LATEST, Some(patch))
                .await
                .expect(400);
            site.send("POST", "/v1/ports", LATEST, Some(created))
                .await
                .expect(400);
            continue;
        }
        site.send("PATCH", &path, Some(row.since - 1), Some(patch.clone()))
            .await
            .expect(406);
        site.send("POST", "/v1/ports", Some(row.since - 1), Some(created))
            .await
            .expect(406);
        let status = if row.name == "portgroup_uuid" {
            400
        } else {
            200
        };
        site.send("PATCH", &path, Some(row.since), Some(patch))
            .await
            .expect(status);
    }
}

#[tokio::test]
async fn filters() {
    let site = Site::new().await;
    let parent = site.node(|_| {}).await;
    for (table, path) in [
        (node::FILTERS, "/v1/nodes"),
        (port::FILTERS, "/v1/ports"),
        (portgroup::FILTERS, "/v1/portgroups"),
        (volume::FILTERS, "/v1/volume/connectors"),
        (volume::FILTERS, "/v1/volume/targets"),
        (allocation::FILTERS, "/v1/allocations"),
        (standalone::RUNBOOK_FILTERS, "/v1/runbooks"),
        (others::DRIVER_FILTERS, "/v1/drivers"),
    ] {
        for row in table {
            let value = match row.name {
                "instance_uuid" | "chassis_uuid" => "1be26c0b-03f2-4d2e-ae87-c02d7f33c999",
                "parent_node" | "node" | "node_uuid" => &parent.uuid,
                "fault" => "power%20failure",
                "provision_state" => "available",
                "address" => "52:54:00:00:00:01",
                "type" => "dynamic",
                "fields" => "name",
                "state" => "active",
                _ => "true",
            };
            let resource_since = match path {
                "/v1/portgroups" => 23,
                "/v1/allocations" => 52,
                "/v1/runbooks" => 92,
                _ if path.starts_with("/v1/volume") => 32,
                _ => 1,
            };
            let path = format!("{path}?{}={value}", row.name);
            if row.since > resource_since {
                let refused = site.get(&path, Some(row.since - 1)).await.expect(406);
                assert!(
                    refused
                        .fault()
                        .contains(&Version::new(row.since).to_string()),
                    "{}",
                    refused.text
                );
            }
            let status = if matches!(row.name, "chassis_uuid" | "portgroup") {
                404
            } else {
                200
            };
            site.get(&path, Some(row.since)).await.expect(status);
        }
    }
}

#[tokio::test]
async fn verbs_and_their_arguments() {
    let site = Site::new().await;
    let node = site
        .node(|node| node.provision_state = ironbark_model::ProvisionState::Manageable)
        .await;
    let put = async |minor: u16, body: Value| -> Answer {
        let path = format!("/v1/nodes/{}/states/provision", node.uuid);
        site.send("PUT", &path, Some(minor), Some(body)).await
    };
    for verb in ironbark_model::Verb::ALL {
        let since = provision::verb_since(*verb);
        if since > 1 {
            put(since - 1, json!({"target": verb.as_str()}))
                .await
                .expect(406);
        }
        let answer = put(since, json!({"target": verb.as_str()})).await;
        assert!(
            matches!(answer.status.as_u16(), 202 | 400),
            "{verb}: {}",
            answer.text
        );
    }
    let clean = json!({"target": "clean", "clean_steps": [{"interface": "deploy", "step": "x"}], "disable_ramdisk": true});
    put(provision::CLEAN_WITHOUT_RAMDISK_SINCE - 1, clean.clone())
        .await
        .expect(406);
    put(provision::CLEAN_WITHOUT_RAMDISK_SINCE, clean)
        .await
        .expect(202);
    let book = json!({"target": "clean", "runbook": "x"});
    put(provision::RUNBOOK_SINCE - 1, book.clone())
        .await
        .expect(406);
    put(provision::RUNBOOK_SINCE, book).await.expect(404);
}

#[tokio::test]
async fn soft_power_and_reset_interfaces() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let power = format!("/v1/nodes/{}/states/power", node.uuid);
    for body in [
        json!({"target": "soft power off"}),
        json!({"target": "power on", "timeout": 5}),
    ] {
        site.send("PUT", &power, Some(26), Some(body.clone()))
            .await
            .expect(406);
        site.send("PUT", &power, Some(27), Some(body))
            .await
            .expect(202);
    }
    let patch = json!([{"op": "replace", "path": "/driver", "value": "ipmi"}]);
    let path = format!("/v1/nodes/{}?reset_interfaces=true", node.uuid);
    site.send("PATCH", &path, Some(44), Some(patch.clone()))
        .await
        .expect(406);
    site.send("PATCH", &path, Some(45), Some(patch))
        .await
        .expect(200);
    let other = json!([{"op": "add", "path": "/extra/a", "value": 1}]);
    site.send("PATCH", &path, Some(45), Some(other))
        .await
        .expect(400);
}
