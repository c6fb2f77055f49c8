//! Inspection ramdisks that post what they found (facts §2.12, §10.4).

use ironbark_model::{Node, Port, ProvisionState as S};
use ironbark_rpc::{RamdiskRequest, Request};
use serde_json::{Value, json};

use super::harness::{HOST, LATEST, Site};

const PATH: &str = "/v1/continue_inspection";

/// A node in this state with a port of this address.
pub(super) async fn node(site: &Site, state: S, address: &str) -> Node {
    let node = site.node(|node| node.provision_state = state).await;
    let reservation = site.db.node_reserve(&node.uuid, HOST).await.unwrap();
    let mut tx = site.db.reserved(&reservation).await.unwrap();
    tx.port_create(&Port {
        uuid: ironbark_model::ident::new_uuid(),
        node_uuid: node.uuid.clone(),
        address: address.to_owned(),
        ..Port::default()
    })
    .await
    .unwrap();
    tx.commit_and_release().await.unwrap();
    node
}

fn posted(addresses: &[&str]) -> Value {
    let interfaces: Vec<Value> = addresses
        .iter()
        .map(|address| json!({"name": "eth0", "mac_address": address}))
        .collect();
    json!({
        "inventory": {"interfaces": interfaces, "memory": {"physical_mb": 4096}},
        "root_disk": {"name": "/dev/sda"}, "logs": "H4sI",
    })
}

#[tokio::test]
async fn who_names_no_version_is_answered_with_the_uuid() {
    let site = Site::new().await;
    let node = node(&site, S::InspectWait, "52:54:00:aa:00:01").await;
    let body = posted(&["52:54:00:AA:00:01", "52:54:00:ff:00:01"]);
    let answer = site.send("POST", PATH, None, Some(body.clone())).await;
    assert_eq!(answer.expect(202).json(), json!({"uuid": node.uuid}));
    let Request::Ramdisk { node: to, request } = site.conductor.last() else {
        panic!("something else was asked");
    };
    assert_eq!(to, node.uuid);
    let RamdiskRequest::ContinueInspection {
        inventory,
        plugin_data,
    } = request
    else {
        panic!("no inspection");
    };
    assert_eq!(Value::Object(inventory), body["inventory"]);
    assert_eq!(
        Value::Object(plugin_data),
        json!({"root_disk": {"name": "/dev/sda"}})
    );
}

#[tokio::test]
async fn versions_between_the_first_and_84_do_not_have_it() {
    let site = Site::new().await;
    let node = node(&site, S::InspectWait, "52:54:00:aa:00:01").await;
    let body = posted(&["52:54:00:aa:00:01"]);
    for minor in [2, 22, 83] {
        let answer = site
            .send("POST", PATH, Some(minor), Some(body.clone()))
            .await;
        assert!(!answer.expect(404).is_routers());
    }
    site.send("POST", PATH, Some(1), Some(body.clone()))
        .await
        .expect(202);
    let answer = site.send("POST", PATH, Some(84), Some(body)).await;
    let told = answer.expect(202).json();
    assert_eq!(told["node"]["uuid"], node.uuid.as_str());
    assert_eq!(told["config"]["agent_token"], Value::Null);
}

#[tokio::test]
async fn only_the_node_that_waits_for_it_takes_an_inventory() {
    let site = Site::new().await;
    let waiting = node(&site, S::InspectWait, "52:54:00:aa:00:01").await;
    let other = node(&site, S::InspectWait, "52:54:00:aa:00:02").await;
    let active = node(&site, S::Active, "52:54:00:aa:00:03").await;
    let uuid = |node: &Node| format!("{PATH}?node_uuid={}", node.uuid);
    for (path, addresses) in [
        (PATH.to_owned(), vec!["52:54:00:ff:00:01"]),
        // Of two nodes.
        (
            PATH.to_owned(),
            vec!["52:54:00:aa:00:01", "52:54:00:aa:00:02"],
        ),
        // Of one that doesn't wait.
        (PATH.to_owned(), vec!["52:54:00:aa:00:03"]),
        (uuid(&active), vec!["52:54:00:ff:00:01"]),
        // Of another than is named.
        (uuid(&other), vec!["52:54:00:aa:00:01"]),
        (
            format!("{PATH}?node_uuid=1be26c0b-03f2-4d2e-ae87-c02d7f33c999"),
            vec!["52:54:00:ff:00:01"],
        ),
    ] {
        let answer = site
            .send("POST", &path, None, Some(posted(&addresses)))
            .await;
        assert_eq!(answer.status.as_u16(), 404, "{path} {addresses:?}");
    }
    assert_eq!(site.conductor.count(), 0);
    // A machine whose ports nobody knows yet is named.
    let named = site
        .send(
            "POST",
            &uuid(&waiting),
            None,
            Some(posted(&["52:54:00:ff:00:01"])),
        )
        .await;
    named.expect(202);
}

#[tokio::test]
async fn a_node_is_found_by_its_bmc_where_no_port_tells() {
    let site = Site::new().await;
    let waiting = async |address: &str| {
        site.node(|node| {
            node.provision_state = S::InspectWait;
            node.driver_info
                .insert("redfish_address".to_owned(), json!(address));
        })
        .await
    };
    let one = waiting("https://192.0.2.7:8443").await;
    for _ in 0..2 {
        waiting("192.0.2.8").await;
    }
    let with_port = node(&site, S::InspectWait, "52:54:00:aa:00:09").await;
    let post = async |mac: &str, bmc: Value| {
        let mut body = posted(&[mac]);
        body["inventory"]["bmc_address"] = bmc;
        site.send("POST", PATH, None, Some(body)).await
    };
    let found = post("52:54:00:aa:00:01", json!("192.0.2.7")).await;
    assert_eq!(found.expect(202).json()["uuid"], one.uuid.as_str());
    // A BMC that is nobody's is no witness against a port.
    let found = post("52:54:00:aa:00:09", json!("192.0.2.99")).await;
    assert_eq!(found.expect(202).json()["uuid"], with_port.uuid.as_str());
    for (mac, bmc, status) in [
        ("52:54:00:aa:00:01", json!("192.0.2.99"), 404),
        // Two nodes are behind it.
        ("52:54:00:aa:00:01", json!("192.0.2.8"), 404),
        // Port and BMC contradict each other.
        ("52:54:00:aa:00:09", json!("192.0.2.7"), 404),
        ("nothing", json!(null), 400),
        ("nothing", json!("127.0.0.1"), 400),
        ("52:54:00:aa:00:01", json!(7), 400),
    ] {
        let refused = post(mac, bmc.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{mac} {bmc}");
    }
}

#[tokio::test]
async fn what_is_no_inventory_is_refused() {
    let site = Site::new().await;
    node(&site, S::InspectWait, "52:54:00:aa:00:01").await;
    for body in [
        json!({}),
        json!([]),
        json!({"inventory": []}),
        json!({"inventory": {}}),
        json!({"inventory": {"interfaces": []}}),
        json!({"inventory": {"interfaces": {}}}),
        json!({"inventory": {"interfaces": [{"name": "eth0"}]}}),
        json!({"inventory": {"interfaces": [{"mac_address": 7}]}}),
    ] {
        site.send("POST", PATH, LATEST, Some(body))
            .await
            .expect(400);
    }
    site.send(
        "POST",
        &format!("{PATH}?bogus=1"),
        LATEST,
        Some(posted(&["a"])),
    )
    .await
    .expect(400);
    let mut large = posted(&["52:54:00:aa:00:01"]);
    large["extra"] = json!("x".repeat(5 << 20));
    let refused = site.send("POST", PATH, LATEST, Some(large)).await;
    assert!(refused.expect(400).fault().contains("larger"));
    // Logs may be large: they are dropped.
    let mut logs = posted(&["52:54:00:aa:00:01"]);
    logs["logs"] = json!("x".repeat(5 << 20));
    site.send("POST", PATH, LATEST, Some(logs))
        .await
        .expect(202);
    let mut huge = posted(&["52:54:00:aa:00:01"]);
    huge["logs"] = json!("x".repeat(17 << 20));
    site.send("POST", PATH, LATEST, Some(huge))
        .await
        .expect(413);
    site.send("GET", PATH, LATEST, None).await.expect(405);
}
