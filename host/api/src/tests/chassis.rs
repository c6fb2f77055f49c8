//! `/v1/chassis`, and nodes in one.

use serde_json::{Value, json};

use super::harness::{LATEST, Site};
use crate::ApiConfig;

const NOBODY: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

async fn create(site: &Site, body: Value) -> String {
    let made = site
        .send("POST", "/v1/chassis", None, Some(body))
        .await
        .expect(201)
        .json();
    made["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_chassis_needs_no_conductor() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let uuid = create(&site, json!({"description": null, "extra": null})).await;
    let path = format!("/v1/chassis/{uuid}");
    let shown = site.get(&path, None).await.expect(200).json();
    assert_eq!(
        (&shown["description"], &shown["extra"]),
        (&json!(null), &json!({}))
    );
    let patch = async |ops: Value| site.send("PATCH", &path, None, Some(ops)).await;
    let ops = json!([
        {"op": "replace", "path": "/description", "value": "Rack 7"},
        {"op": "add", "path": "/extra/a", "value": 1},
        // A client that sends back what it was shown.
        {"op": "replace", "path": "/uuid", "value": uuid.to_uppercase()},
    ]);
    let patched = patch(ops).await.expect(200).json();
    assert_eq!(
        (&patched["description"], &patched["extra"]["a"]),
        (&json!("Rack 7"), &json!(1))
    );
    assert!(patched["updated_at"].is_string());
    assert_eq!(patch(json!([])).await.expect(200).json()["extra"]["a"], 1);
    let ops = json!([{"op": "remove", "path": "/description"}, {"op": "replace", "path": "/extra", "value": null}]);
    let patched = patch(ops).await.expect(200).json();
    assert_eq!(
        (&patched["description"], &patched["extra"]),
        (&json!(null), &json!({}))
    );
    for (name, value) in [
        ("uuid", json!(NOBODY)),
        ("nodes", json!([])),
        ("description", json!("x".repeat(256))),
        ("description", json!(5)),
        ("extra", json!([])),
        ("bogus", json!(1)),
    ] {
        let ops = json!([{"op": "replace", "path": format!("/{name}"), "value": value}]);
        patch(ops).await.expect(400);
    }
    site.send("DELETE", &path, None, None).await.expect(204);
    site.send("DELETE", &path, None, None).await.expect(404);
    site.get(&path, None).await.expect(404);
    site.send("PATCH", &path, None, Some(json!([])))
        .await
        .expect(404);
}

#[tokio::test]
async fn extra_grows_no_larger_than_a_body() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let uuid = create(&site, json!({"extra": {"a": 1}})).await;
    let path = format!("/v1/chassis/{uuid}");
    let grow = async |key: &str| {
        let value = "x".repeat(600 * 1024);
        let ops = json!([{"op": "add", "path": format!("/extra/{key}"), "value": value}]);
        site.send("PATCH", &path, LATEST, Some(ops)).await
    };
    grow("b").await.expect(200);
    let refused = grow("c").await.expect(413);
    assert!(refused.text.contains("are stored"), "{}", refused.text);
    grow("b").await.expect(200);
    // What a list doesn't show it doesn't read; what it shows is there.
    let shown = async |query: &str| {
        let listed = site.get(&format!("/v1/chassis{query}"), LATEST).await;
        listed.expect(200).json()["chassis"][0].clone()
    };
    assert!(shown("").await.get("extra").is_none());
    for query in ["?fields=extra", "?detail=true", "/detail"] {
        assert_eq!(shown(query).await["extra"]["a"], 1, "{query}");
    }
}

#[tokio::test]
async fn bad_bodies_and_names_are_refused() {
    let site = Site::new().await;
    let uuid = create(&site, json!({})).await;
    for body in [
        json!([]),
        json!({"uuid": "x"}),
        json!({"description": "x".repeat(256)}),
        json!({"description": 5}),
        json!({"extra": []}),
        json!({"nodes": []}),
        json!({"bogus": 1}),
        json!({"description": "a\u{1e}b"}),
    ] {
        site.send("POST", "/v1/chassis", None, Some(body))
            .await
            .expect(400);
    }
    site.send("POST", "/v1/chassis", None, Some(json!({"uuid": uuid})))
        .await
        .expect(409);
    for (number, status) in [
        ("18446744073709551616", 400),
        ("-9223372036854775809", 400),
        ("18446744073709551615", 201),
        ("\"18446744073709551616\"", 201),
        ("1e30", 201),
    ] {
        let body = format!(r#"{{"extra": {{"serial": {number}}}}}"#);
        let answer = site.raw("POST", "/v1/chassis", &[], body.into()).await;
        answer.expect(status);
    }
    for method in ["GET", "PATCH", "DELETE"] {
        let body = (method == "PATCH").then(|| json!([]));
        site.send(method, "/v1/chassis/rack-7", None, body)
            .await
            .expect(400);
    }
    site.get("/v1/chassis/nodes", None).await.expect(400);
    site.send("PUT", &format!("/v1/chassis/{uuid}"), None, None)
        .await
        .expect(405);
    let listed = site.get("/v1/chassis?limit=1", LATEST).await.json();
    assert!(
        listed["next"]
            .as_str()
            .unwrap()
            .contains("fields=uuid,description")
    );
    assert!(listed["chassis"][0].get("extra").is_none());
    for bad in [
        "marker=x",
        "bogus=1",
        "sort_key=extra",
        "sort_key=nodes",
        "fields=bogus",
    ] {
        let answer = site.get(&format!("/v1/chassis?{bad}"), LATEST).await;
        assert!(answer.status.is_client_error(), "{bad}");
    }
    site.get(&format!("/v1/chassis?marker={NOBODY}"), LATEST)
        .await
        .expect(404);
}

#[tokio::test]
async fn nodes_are_in_a_chassis_that_is_there() {
    let site = Site::new().await;
    let uuid = create(&site, json!({"description": "Rack 7"})).await;
    let other = create(&site, json!({})).await;
    for bad in [json!(NOBODY), json!("rack-7"), json!(7)] {
        let body = json!({"driver": "fake-hardware", "chassis_uuid": bad});
        site.send("POST", "/v1/nodes", LATEST, Some(body))
            .await
            .expect(400);
    }
    let body = json!({"driver": "fake-hardware", "name": "a", "chassis_uuid": uuid});
    let node = site
        .send("POST", "/v1/nodes", LATEST, Some(body))
        .await
        .expect(201)
        .json();
    assert_eq!(node["chassis_uuid"], uuid);
    site.node(|node| node.name = Some("b".to_owned())).await;
    let set = async |version: u16, op: &str, value: Value| {
        let op = json!([{"op": op, "path": "/chassis_uuid", "value": value}]);
        site.send("PATCH", "/v1/nodes/b", Some(version), Some(op))
            .await
    };
    set(115, "add", json!(NOBODY)).await.expect(400);
    set(115, "add", json!(uuid.to_uppercase()))
        .await
        .expect(200);

    for path in [
        format!("/v1/nodes?chassis_uuid={uuid}"),
        format!("/v1/chassis/{uuid}/nodes"),
        format!("/v1/chassis/{uuid}/nodes/detail"),
    ] {
        let listed = site.get(&path, LATEST).await.expect(200).json();
        assert_eq!(listed["nodes"].as_array().unwrap().len(), 2, "{path}");
    }
    let page = format!("/v1/chassis/{uuid}/nodes?limit=1&fields=name");
    let page = site.get(&page, LATEST).await.expect(200).json();
    let next = page["next"].as_str().unwrap();
    let next = next.strip_prefix("http://127.0.0.1:6385").unwrap();
    assert!(next.contains(&format!("chassis_uuid={uuid}")), "{next}");
    let page = site.get(next, LATEST).await.expect(200).json();
    assert_eq!(page["nodes"][0]["name"], "b");
    for (path, status) in [
        (format!("/v1/nodes?chassis_uuid={NOBODY}"), 404),
        ("/v1/nodes?chassis_uuid=x".to_owned(), 400),
        (format!("/v1/chassis/{NOBODY}/nodes"), 404),
        ("/v1/chassis/x/nodes".to_owned(), 400),
        (
            format!("/v1/chassis/{uuid}/nodes?chassis_uuid={other}"),
            400,
        ),
        (format!("/v1/chassis/{uuid}/nodes/a"), 400),
        (format!("/v1/chassis/{other}/nodes?maintenance=true"), 200),
    ] {
        site.get(&path, LATEST).await.expect(status);
    }

    let delete = format!("/v1/chassis/{uuid}");
    site.send("DELETE", &delete, None, None).await.expect(400);
    for node in ["a", "b"] {
        let path = format!("/v1/nodes/{node}");
        for op in ["remove", "add"] {
            let op = json!([{"op": op, "path": "/chassis_uuid", "value": null}]);
            site.send("PATCH", &path, Some(24), Some(op))
                .await
                .expect(406);
        }
        let op = json!([{"op": "remove", "path": "/chassis_uuid"}]);
        site.send("PATCH", &path, Some(25), Some(op))
            .await
            .expect(200);
    }
    site.send("DELETE", &delete, None, None).await.expect(204);
}
