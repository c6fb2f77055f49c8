//! Answers beside those of Ironic 39.0.0, recorded.

use serde_json::{Value, json};

use super::harness::{LATEST, Site};
use crate::gates::node;

const NODE: &str = "4b9be2cb-06da-448a-bf48-8cb359c45e89";

fn sample(name: &str) -> Value {
    let path = format!("{}/tests/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Times and other people's documentation differ.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                let time = matches!(key.as_str(), "created_at" | "updated_at") && value.is_string();
                let documentation =
                    key == "href" && value.as_str().unwrap().starts_with("https://docs.");
                *value = if time || documentation {
                    json!("…")
                } else {
                    comparable(value.take())
                };
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = comparable(item.take());
            }
        }
        _ => {}
    }
    value
}

async fn site_with_node() -> Site {
    let site = Site::new().await;
    let body = json!({"uuid": NODE, "name": "facts-22145", "driver": "fake-hardware"});
    let created = site
        .send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(201);
    assert_eq!(
        created.header("location"),
        Some(format!("http://127.0.0.1:6385/v1/nodes/{NODE}").as_str())
    );
    assert_eq!(comparable(created.json()), comparable(sample("node_115")));
    site
}

#[tokio::test]
async fn roots() {
    let site = Site::new().await;
    assert_eq!(
        comparable(site.get("/v1", None).await.json()),
        comparable(sample("v1_nohdr"))
    );
    assert_eq!(
        comparable(site.get("/v1/", LATEST).await.json()),
        comparable(sample("v1_115"))
    );
    let root = site.get("/", None).await.json();
    assert_eq!(root["default_version"], root["versions"][0]);
    assert_eq!(root["default_version"], sample("v1_115")["version"]);
    assert_eq!(root["name"], "OpenStack Ironic API");
}

#[tokio::test]
async fn nodes() {
    let site = site_with_node().await;
    let path = format!("/v1/nodes/{NODE}");
    assert_eq!(
        comparable(site.get(&path, LATEST).await.json()),
        comparable(sample("node_115"))
    );
    assert_eq!(
        comparable(site.get(&path, None).await.json()),
        comparable(sample("node_no_version_header"))
    );
    assert_eq!(
        site.get(&format!("{path}/states"), LATEST).await.json(),
        sample("node_states")
    );
    assert_eq!(
        site.get(&format!("{path}/states/console"), LATEST)
            .await
            .json(),
        sample("node_states_console")
    );
    let shown = sample("node_115");
    assert!(
        shown
            .as_object()
            .unwrap()
            .keys()
            .all(|key| node::FIELDS.iter().any(|row| row.name == key))
    );
}

#[tokio::test]
async fn a_page_of_nodes() {
    let site = Site::new().await;
    let wanted = sample("nodes_list");
    for node in wanted["nodes"].as_array().unwrap() {
        site.node(|new| {
            new.uuid = node["uuid"].as_str().unwrap().to_owned();
            new.name = Some(node["name"].as_str().unwrap().to_owned());
        })
        .await;
    }
    site.node(|_| {}).await;
    assert_eq!(site.get("/v1/nodes?limit=2", LATEST).await.json(), wanted);
}

#[tokio::test]
async fn ports() {
    let site = site_with_node().await;
    let wanted = sample("port_create_response");
    let body = json!({"address": wanted["address"], "node_uuid": NODE, "uuid": wanted["uuid"]});
    let created = site
        .send("POST", "/v1/ports", LATEST, Some(body))
        .await
        .expect(201);
    assert_eq!(comparable(created.json()), comparable(wanted));
    let nested = site
        .get(&format!("/v1/nodes/{NODE}/ports"), LATEST)
        .await
        .json();
    assert_eq!(nested, sample("node_ports"));
    let detail = site.get("/v1/ports/detail", LATEST).await.json();
    assert_eq!(
        comparable(detail.clone()),
        comparable(sample("coll_ports_detail"))
    );
    assert_eq!(
        site.get("/v1/ports?detail=True", LATEST).await.json(),
        detail
    );
}

/// Creates what a sample shows, and compares.
async fn create(site: &Site, path: &str, name: &str, body: Value) {
    let wanted = sample(name);
    let mut body = body;
    body["uuid"] = wanted["uuid"].clone();
    let created = site
        .send("POST", path, LATEST, Some(body))
        .await
        .expect(201);
    let location = format!(
        "http://127.0.0.1:6385{path}/{}",
        wanted["uuid"].as_str().unwrap()
    );
    assert_eq!(created.header("location"), Some(location.as_str()));
    assert_eq!(comparable(created.json()), comparable(wanted), "{name}");
}

#[tokio::test]
async fn portgroups_and_chassis() {
    let site = site_with_node().await;
    let group = json!({"node_uuid": NODE, "name": "bond-1"});
    create(&site, "/v1/portgroups", "portgroup_create_response", group).await;
    let chassis = json!({"description": "Rack 7", "extra": {"hall": 1}});
    create(&site, "/v1/chassis", "chassis_create_response", chassis).await;
    assert_eq!(
        comparable(site.get("/v1/portgroups/bond-1", Some(23)).await.json()),
        comparable(sample("portgroup_23"))
    );
    let nested = format!("/v1/nodes/{NODE}/portgroups");
    assert_eq!(
        site.get(&nested, LATEST).await.json(),
        sample("node_portgroups")
    );
}

#[tokio::test]
async fn volumes() {
    let site = site_with_node().await;
    assert_eq!(
        site.get("/v1/volume", LATEST).await.json(),
        sample("coll_volume")
    );
    let nested = format!("/v1/nodes/{NODE}/volume");
    assert_eq!(
        site.get(&nested, LATEST).await.json(),
        sample("node_volume")
    );
    let connector =
        json!({"node_uuid": NODE, "type": "iqn", "connector_id": "iqn.2010-10.org.example:1"});
    create(
        &site,
        "/v1/volume/connectors",
        "volume_connector_create_response",
        connector,
    )
    .await;
    let target = json!({"node_uuid": NODE, "volume_type": "iscsi", "boot_index": 0,
        "volume_id": "04452bed-5367-4202-8bf5-de4335ac56d2",
        "properties": {"auth_password": "p", "auth_username": "u"}});
    create(
        &site,
        "/v1/volume/targets",
        "volume_target_create_response",
        target,
    )
    .await;
    for (below, name) in [
        ("connectors", "node_volume_connectors"),
        ("targets", "node_volume_targets"),
    ] {
        let listed = site.get(&format!("{nested}/{below}"), LATEST).await.json();
        assert_eq!(listed, sample(name));
    }
}

#[tokio::test]
async fn conductors_and_drivers() {
    let site = Site::new().await;
    site.register(&["fake-hardware", "ipmi", "manual-management", "redfish"])
        .await;
    // The samples were taken after that conductor had gone.
    let gone = |mut value: Value| {
        value["alive"] = json!(false);
        comparable(value)
    };
    let listed = site.get("/v1/conductors", LATEST).await.json();
    assert_eq!(listed["conductors"][0]["alive"], true);
    assert_eq!(
        gone(listed["conductors"][0].clone()),
        gone(sample("conductors")["conductors"][0].clone())
    );
    let one = site.get("/v1/conductors/peer-1", LATEST).await.json();
    assert_eq!(gone(one), gone(sample("conductor_peer-1")));
    site.get("/v1/conductors/nonesuch", LATEST)
        .await
        .expect(404);
    assert_eq!(
        site.get("/v1/drivers", LATEST).await.json(),
        sample("drivers")
    );
    let keys = |document: &Value| {
        let mut keys: Vec<String> = document["drivers"][0]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        keys.sort();
        keys
    };
    let detail = site.get("/v1/drivers?detail=True", LATEST).await.json();
    assert_eq!(keys(&detail), keys(&sample("drivers_detail")));
}
