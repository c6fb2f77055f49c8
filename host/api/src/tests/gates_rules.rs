//! Versions that stand by themselves in the gates: what is done before, and what at each.

use ironbark_model::ProvisionState as S;
use serde_json::{Value, json};

use super::harness::{LATEST, Site};
use crate::gates::{self, allocation, node, others, port, portgroup, standalone, volume};

const NOBODY: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

/// Something that came with a version: the same request, the answer before it and at it.
pub(super) struct Rule<'a> {
    since: u16,
    method: &'a str,
    path: &'a str,
    body: Option<Value>,
    below: u16,
    at: u16,
}

pub(super) async fn hold(site: &Site, rules: Vec<Rule<'_>>) {
    for rule in rules {
        for (minor, status) in [(rule.since - 1, rule.below), (rule.since, rule.at)] {
            let answer = site
                .send(rule.method, rule.path, Some(minor), rule.body.clone())
                .await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{} {} {:?} at 1.{minor}: {}",
                rule.method,
                rule.path,
                rule.body,
                answer.text
            );
        }
    }
}

fn get(since: u16, path: &str, below: u16, at: u16) -> Rule<'_> {
    let (method, body) = ("GET", None);
    Rule {
        since,
        method,
        path,
        body,
        below,
        at,
    }
}

pub(super) fn send<'a>(
    since: u16,
    method: &'a str,
    path: &'a str,
    body: Value,
    below: u16,
    at: u16,
) -> Rule<'a> {
    Rule {
        since,
        method,
        path,
        body: Some(body),
        below,
        at,
    }
}

#[tokio::test]
async fn nodes_and_what_is_asked_of_lists() {
    let site = Site::new().await;
    let one = site.node(|node| node.name = Some("one".to_owned())).await;
    let path = format!("/v1/nodes/{}", one.uuid);
    let suffixed = format!("{path}.json");
    let reset = format!("{path}?reset_interfaces=true");
    let driver = json!([{"op": "replace", "path": "/driver", "value": "ipmi"}]);
    let unset = || json!([{"op": "remove", "path": "/chassis_uuid"}]);
    let null = || json!([{"op": "add", "path": "/chassis_uuid", "value": null}]);
    let hostname = json!([{"op": "add", "path": "/name", "value": "Not_a_host~name"}]);
    hold(
        &site,
        vec![
            get(node::NAMES_SINCE, "/v1/nodes/one", 404, 200),
            get(gates::FIELDS_SINCE, "/v1/nodes?fields=uuid", 406, 200),
            get(gates::DETAIL_SINCE, "/v1/nodes?detail=true", 400, 200),
            get(
                volume::DETAIL_SINCE,
                "/v1/volume/targets?detail=true",
                404,
                200,
            ),
            // The other way round: until this version.
            get(gates::JSON_SUFFIX_UNTIL, &suffixed, 200, 404),
            send(node::UNSET_CHASSIS_SINCE, "PATCH", &path, unset(), 406, 200),
            send(node::UNSET_CHASSIS_SINCE, "PATCH", &path, null(), 406, 200),
            send(
                node::RESET_INTERFACES_SINCE,
                "PATCH",
                &reset,
                driver,
                406,
                200,
            ),
            send(10, "PATCH", &path, hostname, 400, 200),
        ],
    )
    .await;

    let traits = async |minor: u16| {
        let detail = site
            .get("/v1/nodes/detail", Some(minor))
            .await
            .expect(200)
            .json();
        detail["nodes"][0].get("traits").cloned()
    };
    assert_eq!(traits(node::TRAITS_SINCE - 1).await, None);
    assert_eq!(traits(node::TRAITS_SINCE).await, Some(json!([])));
}

#[tokio::test]
async fn states_that_old_versions_call_otherwise() {
    let site = Site::new().await;
    let state = async |uuid: &str, minor: u16| {
        let shown = site.get(&format!("/v1/nodes/{uuid}"), Some(minor)).await;
        shown.expect(200).json()["provision_state"].clone()
    };
    let available = site.node(|node| node.provision_state = S::Available).await;
    assert_eq!(
        state(&available.uuid, node::AVAILABLE_SINCE - 1).await,
        Value::Null
    );
    assert_eq!(
        state(&available.uuid, node::AVAILABLE_SINCE).await,
        "available"
    );
    let waits = site
        .node(|node| node.provision_state = S::InspectWait)
        .await;
    assert_eq!(
        state(&waits.uuid, node::INSPECT_WAIT_SINCE - 1).await,
        "inspecting"
    );
    assert_eq!(
        state(&waits.uuid, node::INSPECT_WAIT_SINCE).await,
        "inspect wait"
    );
    let looked_at = site.node(|node| node.provision_state = S::Inspecting).await;
    let path = format!("/v1/nodes/{}", looked_at.uuid);
    let note = json!([{"op": "add", "path": "/extra/a", "value": 1}]);
    hold(
        &site,
        vec![send(
            node::INSPECT_WAIT_SINCE,
            "PATCH",
            &path,
            note,
            200,
            409,
        )],
    )
    .await;

    let created = async |minor: u16| {
        let body = json!({"driver": "fake-hardware"});
        let created = site
            .send("POST", "/v1/nodes", Some(minor), Some(body))
            .await;
        created.expect(201).json()["provision_state"].clone()
    };
    assert_eq!(created(node::ENROLL_SINCE - 1).await, "available");
    assert_eq!(created(node::ENROLL_SINCE).await, "enroll");
}

#[tokio::test]
async fn ports_and_port_groups() {
    let site = Site::new().await;
    site.node(|node| {
        node.name = Some("one".to_owned());
        node.uuid = NOBODY.to_owned();
    })
    .await;
    let made = |path: &'static str, body: Value| site.send("POST", path, LATEST, Some(body));
    let group = json!({"node_uuid": NOBODY, "name": "bond", "physical_network": "lab"});
    let group = made("/v1/portgroups", group).await.expect(201).json();
    let group = group["uuid"].as_str().unwrap();
    let inside = json!({"node_uuid": NOBODY, "address": "52:54:00:00:00:01", "name": "eth0", "portgroup_uuid": group, "physical_network": "lab"});
    let port = made("/v1/ports", inside).await.expect(201).json();
    let port = format!("/v1/ports/{}", port["uuid"].as_str().unwrap());
    let by_name = json!({"node_ident": "one", "address": "52:54:00:00:00:02"});
    let link =
        |link: Value| json!([{"op": "add", "path": "/local_link_connection", "value": link}]);
    let unmanaged = link(json!({"network_type": "unmanaged"}));
    let vtep =
        || link(json!({"port_id": "e1", "vtep-logical-switch": "a", "vtep-physical-switch": "b"}));
    let network = json!([{"op": "add", "path": "/physical_network", "value": "other"}]);
    let below_group = format!("/v1/portgroups/{group}/ports");
    hold(
        &site,
        vec![
            send(
                port::NODE_IDENT_SINCE,
                "POST",
                "/v1/ports",
                by_name,
                406,
                201,
            ),
            send(
                port::NETWORK_TYPE_SINCE,
                "PATCH",
                &port,
                unmanaged,
                406,
                200,
            ),
            send(port::VTEP_SINCE, "PATCH", &port, vtep(), 406, 200),
            send(port::VTEP_UNTIL, "PATCH", &port, vtep(), 200, 406),
            send(
                portgroup::NETWORK_SINCE,
                "PATCH",
                "/v1/portgroups/bond",
                network,
                406,
                200,
            ),
        ],
    )
    .await;
    // Who knows no network of port groups may move the port's.
    for (minor, to, status) in [
        (portgroup::NETWORK_SINCE - 1, "third", 200),
        (portgroup::NETWORK_SINCE, "fourth", 400),
    ] {
        let network = json!([{"op": "add", "path": "/physical_network", "value": to}]);
        let moved = site.send("PATCH", &port, Some(minor), Some(network)).await;
        moved.expect(status);
    }
    for row in port::NESTED_FILTERS {
        assert_eq!(
            row.since, 1,
            "below lists that are newer nothing is refused: {}",
            row.name
        );
        let filtered = format!("{below_group}?{}=52:54:00:00:00:0f", row.name);
        let none = site.get(&filtered, LATEST).await.expect(200).json();
        assert_eq!(none["ports"], json!([]));
    }
}

#[tokio::test]
async fn allocations_and_runbooks() {
    let site = Site::new().await;
    site.node(|node| {
        node.name = Some("used".to_owned());
        node.provision_state = S::Active;
        node.resource_class = Some("gold".to_owned());
    })
    .await;
    let new = json!({"name": "a", "resource_class": "gold"});
    let made = site
        .send("POST", "/v1/allocations", LATEST, Some(new))
        .await;
    made.expect(201);
    let runbook = |name: &str| json!({"name": name, "steps": [{"interface": "bios", "step": "a", "order": 1}]});
    hold(
        &site,
        vec![
            send(
                allocation::PATCH_SINCE,
                "PATCH",
                "/v1/allocations/a",
                json!([]),
                405,
                200,
            ),
            send(
                allocation::BACKFILL_SINCE,
                "POST",
                "/v1/allocations",
                json!({"node": "used"}),
                406,
                201,
            ),
            get(60, "/v1/allocations?fields=owner", 406, 200),
            get(60, "/v1/allocations?sort_key=owner", 406, 200),
            send(
                standalone::RUNBOOK_TRAITS_SINCE,
                "POST",
                "/v1/runbooks",
                runbook("weekly"),
                400,
                201,
            ),
        ],
    )
    .await;
    for row in allocation::FIELDS {
        let asked = format!("/v1/allocations?fields={}", row.name);
        site.get(&asked, Some(row.since)).await.expect(200);
        let sorted = format!("/v1/allocations?sort_key={}", row.name);
        let sortable = row.sortable && !matches!(row.name, "traits" | "candidate_nodes");
        let status = if sortable { 200 } else { 400 };
        site.get(&sorted, Some(row.since)).await.expect(status);
    }
    // Whether a node of the allocation's name is taken first is the conductor's to know.
    for (minor, prefers) in [
        (allocation::NAMESAKE_SINCE - 1, false),
        (allocation::NAMESAKE_SINCE, true),
    ] {
        let new = json!({"resource_class": "gold"});
        let made = site
            .send("POST", "/v1/allocations", Some(minor), Some(new))
            .await;
        made.expect(201);
        let asked = format!("{:?}", site.conductor.last());
        assert!(
            asked.contains(&format!("prefers_name: {prefers}")),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn drivers_conductors_and_the_root() {
    let site = Site::new().await;
    hold(
        &site,
        vec![
            get(
                others::DRIVER_TYPE_SINCE,
                "/v1/drivers?type=dynamic",
                406,
                200,
            ),
            get(
                others::DRIVER_FIELDS_SINCE,
                "/v1/drivers/fake-hardware?fields=name",
                406,
                200,
            ),
        ],
    )
    .await;
    let key = async |path: &str, minor: u16, key: &str| {
        let shown = site.get(path, Some(minor)).await.expect(200).json();
        shown.get(key).is_some()
    };
    let driver = "/v1/drivers/fake-hardware";
    let mut keys = vec![
        ("type".to_owned(), others::DRIVER_TYPE_SINCE),
        (
            "properties".to_owned(),
            others::DRIVER_PROPERTIES_LINK_SINCE,
        ),
    ];
    for (kind, since) in [
        ("power", others::DRIVER_TYPE_SINCE),
        ("storage", 33),
        ("rescue", 38),
        ("bios", 40),
        ("firmware", 86),
    ] {
        keys.push((format!("default_{kind}_interface"), since));
        keys.push((format!("enabled_{kind}_interfaces"), since));
    }
    for (name, since) in keys {
        assert!(
            !key(driver, since - 1, &name).await,
            "{name} before 1.{since}"
        );
        assert!(key(driver, since, &name).await, "{name} at 1.{since}");
    }
    for (name, since) in others::ROOT_LINKS {
        if *since > 1 {
            assert!(
                !key("/v1", since - 1, name).await,
                "{name} before 1.{since}"
            );
        }
        assert!(key("/v1", *since, name).await, "{name} at 1.{since}");
    }
    for row in others::CONDUCTOR {
        // All came with the resource.
        assert!(
            key("/v1/conductors/peer-1", row.since, row.name).await,
            "{}",
            row.name
        );
        let asked = format!("/v1/conductors?fields={}", row.name);
        hold(&site, vec![get(row.since, &asked, 404, 200)]).await;
        let sorted = format!("/v1/conductors?sort_key={}", row.name);
        let status = if row.sortable { 200 } else { 400 };
        site.get(&sorted, Some(row.since)).await.expect(status);
    }
}
