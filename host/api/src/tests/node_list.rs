//! Lists of nodes: filters, pages, fields; and how a node is shown.

use ironbark_model::ProvisionState;
use serde_json::{Value, json};

use super::harness::{LATEST, Site};
use crate::ApiConfig;
use crate::gates::node::FILTERS;

async fn names(site: &Site, query: &str) -> Vec<String> {
    let listed = site
        .get(&format!("/v1/nodes?{query}"), LATEST)
        .await
        .expect(200)
        .json();
    listed["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn filters_narrow() {
    let site = Site::new().await;
    let parent = site
        .node(|node| {
            node.name = Some("a".to_owned());
            node.maintenance = true;
            node.owner = Some("me".to_owned());
            node.description = Some("By the Door".to_owned());
        })
        .await;
    site.node(|node| {
        node.name = Some("b".to_owned());
        node.provision_state = ProvisionState::Available;
        node.lessee = Some("me".to_owned());
        node.resource_class = Some("big".to_owned());
        node.shard = Some("Hall".to_owned());
        node.driver = "ipmi".to_owned();
        node.conductor_group = "rack-1".to_owned();
        node.instance_name = Some("web".to_owned());
    })
    .await;
    site.node(|node| {
        node.name = Some("c".to_owned());
        node.instance_uuid = Some("1be26c0b-03f2-4d2e-ae87-c02d7f33c999".to_owned());
        node.fault = Some("power failure".to_owned());
        node.driver = "nobody-drives-this".to_owned();
        node.retired = true;
    })
    .await;
    site.node(|node| {
        node.name = Some("child".to_owned());
        node.parent_node = Some(parent.uuid.clone());
    })
    .await;
    let rows = [
        ("", vec!["a", "b", "c"]),
        ("include_children=true", vec!["a", "b", "c", "child"]),
        ("parent_node=a", vec!["child"]),
        ("parent_node=nonesuch", vec![]),
        (&format!("parent_node={}", parent.uuid), vec!["child"]),
        ("maintenance=TRUE", vec!["a"]),
        ("maintenance=off", vec!["b", "c"]),
        ("provision_state=available", vec!["b"]),
        ("owner=me", vec!["a"]),
        ("project=me", vec!["a", "b"]),
        ("description_contains=door", vec!["a"]),
        ("resource_class=big", vec!["b"]),
        ("shard=Hall,Other", vec!["b"]),
        ("sharded=false", vec!["a", "c"]),
        ("sharded=true", vec!["b"]),
        ("lessee=me", vec!["b"]),
        ("conductor_group=Rack-1", vec!["b"]),
        ("instance_name=web", vec!["b"]),
        ("driver=ipmi", vec!["b"]),
        ("associated=true", vec!["c"]),
        ("associated=false", vec!["a", "b"]),
        (
            "instance_uuid=1BE26C0B-03F2-4D2E-AE87-C02D7F33C999",
            vec!["c"],
        ),
        ("fault=power%20failure", vec!["c"]),
        ("retired=true", vec!["c"]),
        ("retired=false", vec!["a", "b"]),
        ("conductor=peer-1", vec!["a"]),
        ("conductor=other", vec![]),
        ("limit=99999999999999999999", vec!["a", "b", "c"]),
        ("sort_key=name&sort_dir=desc", vec!["c", "b", "a"]),
    ];
    // The chassis' own tests ask for theirs.
    for filter in FILTERS
        .iter()
        .filter(|filter| filter.name != "chassis_uuid")
    {
        let asked = |(query, _): &(&str, _)| query.starts_with(&format!("{}=", filter.name));
        assert!(rows.iter().any(asked), "no row asks for {}", filter.name);
    }
    for (query, found) in rows {
        assert_eq!(names(&site, query).await, found, "{query}");
    }
    for bad in [
        "maintenance=perhaps",
        "provision_state=bogus",
        "fault=bogus",
        "instance_uuid=x",
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=-99999999999999999999",
        "sort_dir=up",
        "marker=x",
        "parent_node=a&parent_node=b",
    ] {
        site.get(&format!("/v1/nodes?{bad}"), LATEST)
            .await
            .expect(400);
    }
    site.get(
        "/v1/nodes?marker=1be26c0b-03f2-4d2e-ae87-c02d7f33c999",
        LATEST,
    )
    .await
    .expect(404);
    let children = site
        .get("/v1/nodes/a/children", LATEST)
        .await
        .expect(200)
        .json();
    assert_eq!(children["children"].as_array().unwrap().len(), 1);
    assert_eq!(children["links"]["rel"], "children");
}

#[tokio::test]
async fn pages_lead_to_the_end_and_keep_their_filters() {
    let site = Site::with(ApiConfig {
        max_limit: 2,
        ..ApiConfig::default()
    })
    .await;
    for index in 0..5 {
        site.node(|node| {
            node.name = Some(format!("n{index}"));
            node.owner = (index != 1).then(|| "me & you".to_owned());
        })
        .await;
    }
    for start in [
        "/v1/nodes?owner=me%20%26%20you",
        "/v1/nodes?owner=me%20%26%20you&limit=1000&detail=true",
        "/v1/nodes/detail?owner=me%20%26%20you",
    ] {
        let mut path = start.to_owned();
        let mut found = Vec::new();
        loop {
            let page = site.get(&path, LATEST).await.expect(200).json();
            let nodes = page["nodes"].as_array().unwrap();
            found.extend(
                nodes
                    .iter()
                    .map(|node| node["name"].as_str().unwrap().to_owned()),
            );
            assert_eq!(
                page.get("next").is_some(),
                nodes.len() == 2,
                "a link only behind a full page"
            );
            match page.get("next") {
                Some(Value::String(next)) => {
                    path = next
                        .strip_prefix("http://127.0.0.1:6385")
                        .expect("absolute")
                        .to_owned();
                }
                _ => break,
            }
        }
        assert_eq!(found, ["n0", "n2", "n3", "n4"], "{start}");
    }
    let one = site
        .get(
            "/v1/nodes?instance_uuid=1be26c0b-03f2-4d2e-ae87-c02d7f33c999&limit=1",
            LATEST,
        )
        .await
        .json();
    assert!(one.get("next").is_none());
}

#[tokio::test]
async fn fields_are_chosen_and_links_stay() {
    let site = Site::new().await;
    let node = site.node(|node| node.traits = Vec::new()).await;
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let path = format!("/v1/nodes/{}?fields=UUID,Extra,conductor", node.uuid);
    let shown = site.get(&path, LATEST).await.expect(200).json();
    let mut found = keys(&shown);
    found.sort();
    assert_eq!(found, ["conductor", "extra", "links", "uuid"]);
    assert_eq!(shown["conductor"], "peer-1");
    let listed = site
        .get("/v1/nodes?fields=name,driver", LATEST)
        .await
        .expect(200)
        .json();
    let mut found = keys(&listed["nodes"][0]);
    found.sort();
    assert_eq!(found, ["driver", "links", "name"]);
    assert_eq!(listed["nodes"][0]["driver"], "fake-hardware");
    let detail = site.get("/v1/nodes/detail", LATEST).await.json()["nodes"][0].clone();
    assert_eq!(
        detail,
        site.get(&format!("/v1/nodes/{}", node.uuid), LATEST)
            .await
            .json()
    );
    site.get(&format!("/v1/nodes/{}/detail", node.uuid), LATEST)
        .await
        .expect(404);
    site.get("/v1/nodes/detail?fields=uuid", LATEST)
        .await
        .expect(400);
}

#[tokio::test]
async fn secrets_are_hidden_and_states_fit_the_version() {
    let site = Site::new().await;
    let node = site
        .node(|node| {
            node.driver_info = json!({"ipmi_password": "p", "ipmi_address": "10.0.0.1", "nested": {"api_token": "t"}})
                .as_object()
                .unwrap()
                .clone();
            node.instance_info = json!({"configdrive": "H4sI", "image_url": "u", "root_gb": 1}).as_object().unwrap().clone();
            node.provision_state = ProvisionState::InspectWait;
            node.name = Some("x".to_owned());
        })
        .await;
    let path = format!("/v1/nodes/{}", node.uuid);
    for path in [
        path.as_str(),
        "/v1/nodes/detail",
        "/v1/nodes?fields=driver_info,instance_info",
    ] {
        let answer = site.get(path, LATEST).await.expect(200);
        for secret in ["\"p\"", "\"t\"", "H4sI", "\"u\""] {
            assert!(!answer.text.contains(secret), "{path}: {secret}");
        }
        assert!(
            answer.text.contains("\"ipmi_password\":\"******\"")
                && answer.text.contains("10.0.0.1")
        );
    }
    assert_eq!(
        site.get(&path, Some(38)).await.json()["provision_state"],
        "inspecting"
    );
    assert_eq!(
        site.get(&path, Some(39)).await.json()["provision_state"],
        "inspect wait"
    );
    // Names are not found by versions that don't know them.
    site.get("/v1/nodes/x", Some(4)).await.expect(404);
    site.get("/v1/nodes/x", Some(5)).await.expect(200);
}
