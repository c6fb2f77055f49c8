//! Every row of the gates of what isn't a node, a port or a driver in bodies: at the version before it, and at its own.

use serde_json::json;

use super::gates::value_of;
use super::harness::{LATEST, Site};
use crate::gates::{allocation, chassis, inspection_rule, portgroup, standalone, volume};

#[tokio::test]
async fn fields_in_bodies() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    for (table, path, body) in [
        (
            portgroup::FIELDS,
            "/v1/portgroups",
            json!({"node_uuid": node.uuid}),
        ),
        (chassis::FIELDS, "/v1/chassis", json!({})),
        (
            volume::CONNECTOR,
            "/v1/volume/connectors",
            json!({"node_uuid": node.uuid, "type": "iqn", "connector_id": "c"}),
        ),
        (
            volume::TARGET,
            "/v1/volume/targets",
            json!({"node_uuid": node.uuid, "volume_type": "iscsi", "boot_index": 0, "volume_id": "v"}),
        ),
        (
            allocation::FIELDS,
            "/v1/allocations",
            json!({"resource_class": "gold"}),
        ),
        (
            standalone::DEPLOY_TEMPLATE,
            "/v1/deploy_templates",
            json!({"name": "CUSTOM_A", "steps": [{"interface": "bios", "step": "a", "args": {}, "priority": 1}]}),
        ),
        (
            standalone::RUNBOOK,
            "/v1/runbooks",
            json!({"name": "CUSTOM_A", "steps": [{"interface": "bios", "step": "a", "order": 1}]}),
        ),
        (
            inspection_rule::FIELDS,
            "/v1/inspection_rules",
            json!({"actions": [{"op": "fail", "args": {"msg": "x"}}]}),
        ),
    ] {
        let resource_since = table.iter().map(|row| row.since).min().unwrap();
        let made = site
            .send("POST", path, LATEST, Some(body.clone()))
            .await
            .expect(201)
            .json();
        let one = format!("{path}/{}", made["uuid"].as_str().unwrap());
        for row in table.iter().filter(|row| row.name != "node_uuid") {
            let patch =
                json!([{"op": "add", "path": format!("/{}", row.name), "value": value_of(row)}]);
            let mut created = body.clone();
            created[row.name] = value_of(row);
            if row.since > resource_since && row.patchable() {
                site.send("PATCH", &one, Some(row.since - 1), Some(patch.clone()))
                    .await
                    .expect(406);
                site.send("POST", path, Some(row.since - 1), Some(created.clone()))
                    .await
                    .expect(406);
            }
            let status = if row.patchable() { 200 } else { 400 };
            let since = match path {
                "/v1/allocations" => row.since.max(allocation::PATCH_SINCE),
                _ => row.since,
            };
            site.send("PATCH", &one, Some(since), Some(patch))
                .await
                .expect(status);
            if !row.creatable() {
                site.send("POST", path, LATEST, Some(created))
                    .await
                    .expect(400);
            }
        }
    }
}
