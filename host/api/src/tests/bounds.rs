//! What is too much.

use std::time::Duration;

use axum::body::Body;
use futures::stream;
use serde_json::{Value, json};

use super::harness::{LATEST, Site};
use crate::{ApiConfig, Limits};

fn limited(limits: Limits) -> ApiConfig {
    ApiConfig {
        limits,
        ..ApiConfig::default()
    }
}

/// The parser replaces an object that begins with such a key by what is in its text, past every bound; a stored row would
/// be unreadable ever after.
#[tokio::test]
async fn the_parsers_own_keys_get_in_nowhere() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let made = site
        .send("POST", "/v1/chassis", LATEST, Some(json!({})))
        .await
        .expect(201)
        .json();
    let chassis = format!("/v1/chassis/{}", made["uuid"].as_str().unwrap());
    let deep = format!(
        r#"{{"a": {{"$serde_json::private::RawValue": "{}{}"}}}}"#,
        "[".repeat(127),
        "]".repeat(127)
    );
    for poison in [
        deep.as_str(),
        // First only once it is sorted.
        r#"{"aaa": 1, "$serde_json::private::RawValue": "x"}"#,
        r#"{"\u0024serde_json::private::RawValue": "[]"}"#,
        r#"[[{"b": {"$serde_json::private::Number": "1"}}]]"#,
    ] {
        let patch = format!(r#"[{{"op": "add", "path": "/extra/n", "value": {poison}}}]"#);
        let node = format!("/v1/nodes/{}", node.uuid);
        for (method, path, body) in [
            ("POST", "/v1/chassis", format!(r#"{{"extra": {poison}}}"#)),
            ("PATCH", chassis.as_str(), patch.clone()),
            (
                "POST",
                "/v1/nodes",
                format!(r#"{{"driver": "fake-hardware", "extra": {poison}}}"#),
            ),
            ("PATCH", node.as_str(), patch),
            (
                "PUT",
                &format!("{node}/states/provision"),
                format!(r#"{{"target": "active", "configdrive": {poison}}}"#),
            ),
            (
                "POST",
                &format!("{node}/vendor_passthru?method=m"),
                format!(r#"{{"a": {poison}}}"#),
            ),
        ] {
            let version = [("X-OpenStack-Ironic-API-Version", "1.115")];
            let answer = site.raw(method, path, &version, Body::from(body)).await;
            answer.expect(400);
        }
    }
    for path in ["/v1/chassis", "/v1/chassis/detail", "/v1/nodes/detail"] {
        site.get(path, LATEST).await.expect(200);
    }
}

#[tokio::test]
async fn patches_have_so_many_operations() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}", node.uuid);
    let patch = async |count: usize| {
        let op = json!({"op": "add", "path": "/extra/a", "value": 1});
        site.send("PATCH", &path, LATEST, Some(json!(vec![op; count])))
            .await
    };
    patch(1_000).await.expect(200);
    let refused = patch(1_001).await.expect(400);
    assert!(refused.text.contains("at most 1000 operations"));
}

#[tokio::test]
async fn bodies_have_a_size_and_a_depth() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let large = format!("{{\"target\": \"{}\"}}", "x".repeat(1024 * 1024));
    let json = [("content-type", "application/json")];
    let power = format!("/v1/nodes/{}/states/power", node.uuid);
    let provision = format!("/v1/nodes/{}/states/provision", node.uuid);
    let answer = site
        .raw("PUT", &power, &json, Body::from(large.clone()))
        .await
        .expect(413);
    assert_eq!(answer.json()["faultcode"], "Client");
    // Room for a config drive.
    site.raw("PUT", &provision, &json, Body::from(large.clone()))
        .await
        .expect(400);
    // In pieces of unknown number.
    let pieces: Vec<Result<String, std::io::Error>> =
        (0..2000).map(|_| Ok("x".repeat(1024))).collect();
    site.raw(
        "PUT",
        &power,
        &json,
        Body::from_stream(stream::iter(pieces)),
    )
    .await
    .expect(413);
    let deep = format!("{}1{}", "[".repeat(26), "]".repeat(26));
    let answer = site
        .raw("POST", "/v1/nodes", &json, Body::from(deep))
        .await
        .expect(400);
    assert!(
        answer.json()["faultstring"]
            .as_str()
            .unwrap()
            .contains("nested too deeply")
    );
}

#[tokio::test]
async fn urls_and_headers_have_a_size() {
    let site = Site::new().await;
    site.get(&format!("/v1/nodes?owner={}", "x".repeat(20_000)), None)
        .await
        .expect(414);
    let large = "x".repeat(70_000);
    site.raw("GET", "/v1/nodes", &[("x-large", &large)], Body::empty())
        .await
        .expect(431);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let site = Site::with(limited(Limits {
        body_timeout: Duration::from_millis(50),
        ..Limits::default()
    }))
    .await;
    let never = Body::from_stream(stream::pending::<Result<String, std::io::Error>>());
    site.raw("POST", "/v1/nodes", &[], never).await.expect(408);
}

#[tokio::test]
async fn at_our_own_bounds_clients_are_told_to_come_back() {
    let busy = Site::with(limited(Limits {
        in_flight: 0,
        ..Limits::default()
    }))
    .await;
    let answer = busy.get("/v1/nodes", None).await.expect(503);
    assert!(answer.header("retry-after").is_some());
    busy.get("/healthcheck", None).await.expect(200);
    let full = Site::with(limited(Limits {
        body_memory: 1024,
        ..Limits::default()
    }))
    .await;
    let answer = full
        .raw("POST", "/v1/nodes", &[], Body::from("x".repeat(5000)))
        .await
        .expect(503);
    assert!(answer.header("retry-after").is_some());
    // What a small body becomes counts as well.
    let zeros = format!("[{}0]", "0,".repeat(400));
    let answer = full
        .raw("POST", "/v1/nodes", &[], Body::from(zeros))
        .await
        .expect(503);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn many_small_steps_nest_no_deeper_than_one_body() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let port = json!({"address": "52:54:00:00:00:01", "node_uuid": node.uuid});
    let port = site
        .send("POST", "/v1/ports", LATEST, Some(port))
        .await
        .expect(201)
        .json();
    let steps = |count: usize| -> Value {
        (1..=count)
            .map(|depth| json!({"op": "add", "path": format!("/extra{}", "/a".repeat(depth)), "value": {}}))
            .collect()
    };
    let chassis = site
        .send("POST", "/v1/chassis", LATEST, Some(json!({})))
        .await
        .expect(201)
        .json();
    let group = json!({"node_uuid": node.uuid, "name": "bond-1"});
    site.send("POST", "/v1/portgroups", LATEST, Some(group))
        .await
        .expect(201);
    for path in [
        format!("/v1/nodes/{}", node.uuid),
        format!("/v1/chassis/{}", chassis["uuid"].as_str().unwrap()),
        "/v1/portgroups/bond-1".to_owned(),
        format!("/v1/ports/{}", port["uuid"].as_str().unwrap()),
    ] {
        // Deeper than a parser reads back, and deeper than a stack holds.
        for count in [24, 130, 600] {
            site.send("PATCH", &path, LATEST, Some(steps(count)))
                .await
                .expect(400);
        }
        site.send("PATCH", &path, LATEST, Some(steps(23)))
            .await
            .expect(200);
        // What a client was shown may be sent again.
        let shown = site.get(&path, LATEST).await.expect(200).json();
        let again = json!({"driver": "fake-hardware", "extra": shown["extra"]});
        site.send("POST", "/v1/nodes", LATEST, Some(again))
            .await
            .expect(201);
    }
}
