//! Headers, paths, methods and bodies of errors: what holds for every request.

use std::time::Duration;

use axum::body::Body;
use ironbark_model::{Error, ErrorKind};
use ironbark_rpc::Request;
use serde_json::json;

use super::harness::{LATEST, Site};
use crate::ApiConfig;

#[tokio::test]
async fn every_answer_says_which_versions_there_are_and_has_an_id() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    site.conductor.next(Err(Error::internal("broken")));
    let broken = format!("/v1/nodes/{}/validate", node.uuid);
    for (method, path, version, status) in [
        ("GET", broken.as_str(), "1.50", 500),
        ("GET", "/", "1.1", 200),
        ("GET", "/v1", "latest", 200),
        ("GET", "/v1/nodes", "1.50", 200),
        ("GET", "/v1/nodes/nonesuch", "1.50", 404),
        ("GET", "/", "1.116", 406),
        ("GET", "/v1/nodes/a%20b", "1.50", 400),
        ("GET", "/v1/portgroups/a%20b", "1.50", 400),
        ("GET", "/v1/ports/a%20b", "1.50", 400),
        ("GET", "/v1/ports?node=a%20b", "1.50", 400),
        ("GET", "/v1/allocations/a%20b", "1.55", 400),
        ("GET", "/v1/bogus", "1.50", 404),
        ("GET", "/v2", "1.50", 404),
        ("PUT", "/v1/nodes", "1.50", 405),
        ("GET", "/v1/nodes", "1.116", 406),
        ("GET", "/v1/nodes", "abc", 406),
        ("GET", "/v1/portgroups", "1.22", 404),
        ("PUT", "/v1/portgroups", "1.22", 405),
        ("GET", "/v1/portgroups/x/ports", "1.23", 404),
        ("GET", "/v1/allocations", "1.51", 404),
        ("POST", "/v1/allocations", "1.51", 405),
        ("PATCH", "/v1/allocations/x", "1.56", 405),
        ("GET", "/v1/deploy_templates", "1.54", 404),
        ("GET", "/v1/portgroups", "1.23", 200),
        ("GET", "/healthcheck", "1.1", 200),
        ("GET", "/ironbark/v1/packages", "1.1", 200),
    ] {
        let headers = [("X-OpenStack-Ironic-API-Version", version)];
        let answer = site
            .raw(method, path, &headers, Body::empty())
            .await
            .expect(status);
        assert_eq!(
            answer.header("x-openstack-ironic-api-minimum-version"),
            Some("1.1"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-openstack-ironic-api-maximum-version"),
            Some("1.115"),
            "{path}"
        );
        let id = answer.header("openstack-request-id").unwrap();
        assert!(id.starts_with("req-") && id.len() == 40, "{id}");
        assert_eq!(answer.header("x-openstack-request-id"), Some(id));
        if status >= 400 {
            assert_eq!(
                answer.header("content-type"),
                Some("application/json"),
                "{path}"
            );
            let shown = answer.header("x-openstack-ironic-api-version").is_some();
            assert_eq!(
                shown,
                answer.error().get("title").is_none(),
                "{path}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn the_version_in_effect_is_told() {
    let site = Site::new().await;
    for (headers, effective) in [
        (vec![], "1.1"),
        (vec![("X-OpenStack-Ironic-API-Version", "latest")], "1.115"),
        (
            vec![
                ("X-OpenStack-Ironic-API-Version", "1.9"),
                ("OpenStack-API-Version", "baremetal 1.31"),
            ],
            "1.31",
        ),
    ] {
        let answer = site
            .raw("GET", "/v1/nodes", &headers, Body::empty())
            .await
            .expect(200);
        assert_eq!(
            answer.header("x-openstack-ironic-api-version"),
            Some(effective)
        );
    }
    let refused = site.get("/v1/nodes", Some(116)).await.expect(406);
    assert_eq!(
        refused.error()["description"],
        "Version 1.116 was requested but the minor version is not supported by this service. The supported version range is: [1.1, 1.115]."
    );
    let other = [("X-OpenStack-Ironic-API-Version", "2.1")];
    let refused = site
        .raw("GET", "/v1/nodes", &other, Body::empty())
        .await
        .expect(406);
    assert!(
        refused.error()["description"]
            .as_str()
            .unwrap()
            .starts_with("Mutually exclusive versions requested")
    );
}

#[tokio::test]
async fn the_request_id_goes_to_the_conductor() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let answer = site
        .get(&format!("/v1/nodes/{}/validate", node.uuid), LATEST)
        .await
        .expect(200);
    assert_eq!(
        Some(site.conductor.last_request_id().as_str()),
        answer.header("openstack-request-id")
    );
}

#[tokio::test]
async fn slashes_and_versions_in_paths_are_optional() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".to_owned())).await;
    for path in [
        "/v1/nodes",
        "/v1/nodes/",
        "/nodes",
        "/nodes/",
        "/v1/nodes/?limit=1",
    ] {
        let listed = site.get(path, LATEST).await.expect(200).json();
        assert_eq!(listed["nodes"][0]["uuid"], node.uuid, "{path}");
    }
    for path in ["/v1", "/v1/", "//", "/"] {
        site.get(path, LATEST).await.expect(200);
    }
    for path in ["/nodes/one", "/v1/nodes/one/", "/v1/nodes/%6fne"] {
        assert_eq!(
            site.get(path, LATEST).await.expect(200).json()["uuid"],
            node.uuid,
            "{path}"
        );
    }
    for path in [
        "/v2/nodes",
        "/v1//nodes",
        "/v1/nodes//states",
        "/v1/nodes/one/bogus",
        "/ironbark",
        "/ironbark/v2/packages",
        "/v1/v1/nodes",
    ] {
        let answer = site.get(path, LATEST).await.expect(404);
        assert!(answer.is_routers(), "{path}");
        assert_eq!(answer.error()["code"], 404);
    }
}

#[tokio::test]
async fn old_clients_may_put_json_behind_every_path() {
    let site = Site::new().await;
    for path in ["/v1/nodes.json", "/v1/chassis.json"] {
        site.get(path, Some(90)).await.expect(200);
        site.get(path, Some(91)).await.expect(404);
        site.get(path, None).await.expect(404);
    }
    site.get("/v1/bogus.json", Some(90)).await.expect(404);
}

#[tokio::test]
async fn head_is_for_the_roots_only() {
    let site = Site::new().await;
    for path in ["/", "/v1"] {
        let answer = site.send("HEAD", path, LATEST, None).await.expect(200);
        assert!(answer.text.is_empty());
    }
    let answer = site
        .send("HEAD", "/v1/nodes", LATEST, None)
        .await
        .expect(405);
    assert_eq!(answer.header("allow"), Some("GET, POST"));
    let answer = site.send("POST", "/v1", LATEST, None).await.expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    let answer = site
        .send("POST", "/v1/nodes/x", LATEST, None)
        .await
        .expect(405);
    assert_eq!(answer.header("allow"), Some("DELETE, GET, PATCH"));
}

#[tokio::test]
async fn json_suffixes_mean_something_to_old_clients_only() {
    let site = Site::new().await;
    let plain = site.node(|node| node.name = Some("plain".to_owned())).await;
    let dotted = site
        .node(|node| node.name = Some("dotted.json".to_owned()))
        .await;
    assert_eq!(
        site.get("/v1/nodes/plain.json", Some(90))
            .await
            .expect(200)
            .json()["uuid"],
        plain.uuid
    );
    assert_eq!(
        site.get("/v1/nodes/dotted.json", Some(90))
            .await
            .expect(200)
            .json()["uuid"],
        dotted.uuid
    );
    site.get("/v1/nodes/plain.json", Some(91)).await.expect(404);
    site.get("/v1/nodes/plain.json/states", Some(90))
        .await
        .expect(404);
    assert_eq!(
        site.get("/v1/nodes/dotted.json", Some(91))
            .await
            .expect(200)
            .json()["uuid"],
        dotted.uuid
    );
    let by_uuid = format!("/v1/nodes/{}.json", plain.uuid);
    site.get(&by_uuid, None).await.expect(404);
    site.get(&by_uuid, Some(90)).await.expect(200);
}

#[tokio::test]
async fn only_the_end_of_a_path_loses_its_json() {
    let site = Site::new().await;
    site.node(|node| node.name = Some("one".to_owned())).await;
    let dotted = site
        .node(|node| node.name = Some("one.json".to_owned()))
        .await;
    for (method, path) in [
        ("PUT", "/v1/nodes/one.json/traits/CUSTOM_A"),
        ("POST", "/v1/nodes/one.json/vendor_passthru/m"),
    ] {
        let answer = site.send(method, path, Some(90), None).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        let (Request::SetTraits { node, .. } | Request::VendorPassthru { node, .. }) =
            site.conductor.last()
        else {
            panic!("another request");
        };
        assert_eq!(node, dotted.uuid, "{path}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_named() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    for path in [
        "/v1/nodes?bogus=1".to_owned(),
        format!("/v1/nodes/{}?bogus=1", node.uuid),
        "/v1/drivers?bogus=1".to_owned(),
        "/v1/conductors?bogus=1".to_owned(),
    ] {
        let answer = site.get(&path, LATEST).await.expect(400);
        assert_eq!(answer.fault(), "Unexpected arguments: \"bogus\"", "{path}");
    }
    let path = format!("/v1/nodes/{}/states/power", node.uuid);
    let body = json!({"target": "power on", "bogus": 1});
    site.send("PUT", &path, LATEST, Some(body))
        .await
        .expect(400);
}

#[tokio::test]
async fn errors_of_conductors_become_codes() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/validate", node.uuid);
    for (error, status) in [
        (Error::node_locked(&node.uuid, "peer-1"), 409),
        (Error::unsupported("x"), 400),
        (Error::new(ErrorKind::Denied, "x"), 403),
        (Error::new(ErrorKind::BadGateway, "x"), 502),
        (Error::new(ErrorKind::GatewayTimeout, "x"), 504),
        (Error::overloaded("x"), 503),
    ] {
        site.conductor.next(Err(error.clone()));
        let answer = site.get(&path, LATEST).await.expect(status);
        assert_eq!(answer.fault(), error.message());
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    }
    site.transport.stop(super::harness::HOST);
    site.get(&path, LATEST).await.expect(503);
}

#[tokio::test]
async fn nobody_to_ask() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}", node.uuid);
    let body = json!({"driver": "fake-hardware"});
    assert!(site.get(&path, LATEST).await.expect(200).json()["conductor"].is_null());
    site.get(&format!("{path}/validate"), LATEST)
        .await
        .expect(503);
    site.send("POST", "/v1/nodes", LATEST, Some(body.clone()))
        .await
        .expect(503);
    // There is one now, but it drives something else.
    site.register(&["ipmi"]).await;
    site.get(&format!("{path}/validate"), LATEST)
        .await
        .expect(404);
    site.send("DELETE", &path, LATEST, None).await.expect(400);
    site.send("PATCH", &path, LATEST, Some(json!([])))
        .await
        .expect(400);
    site.send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(400);
}

#[tokio::test]
async fn health_is_the_databases() {
    let site = Site::new().await;
    assert_eq!(site.get("/healthcheck", None).await.expect(200).text, "OK");
    site.db.close().await;
    // What was answered counts for a moment, however often anybody asks.
    site.get("/healthcheck", None).await.expect(200);
    let noticed = async {
        while site.get("/healthcheck", None).await.status != 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed)
        .await
        .unwrap();
}

#[tokio::test]
async fn pages_of_other_sites_reach_nothing() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let power = format!("/v1/nodes/{}/states/power?target=off", node.uuid);
    for header in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.example"),
        ("Host", "evil.example:6385"),
    ] {
        for (method, path) in [("PUT", power.as_str()), ("GET", "/v1/nodes"), ("GET", "/")] {
            site.raw(method, path, &[header], Body::empty())
                .await
                .expect(403);
        }
    }
    assert_eq!(site.conductor.count(), 0);
}
