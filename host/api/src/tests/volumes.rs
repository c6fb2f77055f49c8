//! `/v1/volume`.

use ironbark_model::{Error, ErrorKind};
use serde_json::{Value, json};

use super::harness::{LATEST, Site};

const NOBODY: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

/// The two resources, and a body that creates one of each.
fn kinds(node: &str) -> [(&'static str, Value); 2] {
    [
        (
            "connectors",
            json!({"node_uuid": node, "type": "iqn", "connector_id": "iqn.1"}),
        ),
        (
            "targets",
            json!({"node_uuid": node, "volume_type": "iscsi", "boot_index": 0, "volume_id": "v1"}),
        ),
    ]
}

#[tokio::test]
async fn volumes_are_made_shown_changed_and_deleted() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    for (name, body) in kinds(&node.uuid) {
        let list = format!("/v1/volume/{name}");
        let post = async |body: &Value| site.send("POST", &list, LATEST, Some(body.clone())).await;
        let made = post(&body).await.expect(201).json();
        assert_eq!(made["extra"], json!({}));
        let path = format!("{list}/{}", made["uuid"].as_str().unwrap());
        assert_eq!(site.get(&path, Some(32)).await.expect(200).json(), made);
        post(&body).await.expect(409);
        let chosen = site.get(&format!("{path}?fields=extra"), LATEST).await;
        assert_eq!(chosen.json().as_object().unwrap().len(), 2);

        let patch = async |ops: Value| site.send("PATCH", &path, LATEST, Some(ops)).await;
        let ops = json!([
            {"op": "add", "path": "/extra/a", "value": 1},
            {"op": "replace", "path": "/node_uuid", "value": node.uuid},
        ]);
        assert_eq!(patch(ops).await.expect(200).json()["extra"]["a"], 1);
        for key in body.as_object().unwrap().keys() {
            patch(json!([{"op": "remove", "path": format!("/{key}")}]))
                .await
                .expect(400);
            patch(json!([{"op": "replace", "path": format!("/{key}"), "value": null}]))
                .await
                .expect(400);
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(key);
            post(&without).await.expect(400);
        }
        patch(json!([{"op": "replace", "path": "/uuid", "value": NOBODY}]))
            .await
            .expect(400);
        patch(json!([{"op": "replace", "path": "/node_uuid", "value": NOBODY}]))
            .await
            .expect(400);
        site.conductor
            .next(Err(Error::new(ErrorKind::InvalidState, "power it off")));
        patch(json!([{"op": "add", "path": "/extra/a", "value": 2}]))
            .await
            .expect(400);

        for bad in ["x", "detail"] {
            site.get(&format!("{list}/{bad}"), LATEST).await.expect(400);
        }
        site.get(&format!("{list}/{NOBODY}"), LATEST)
            .await
            .expect(404);
        site.send("DELETE", &path, LATEST, None).await.expect(204);
        site.send("DELETE", &path, LATEST, None).await.expect(404);
    }
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let long = |length: usize| json!("x".repeat(length));
    for (name, body) in kinds(&node.uuid) {
        let bad = match name {
            "connectors" => vec![
                ("type", long(33)),
                ("type", json!("")),
                ("type", json!(5)),
                ("connector_id", long(256)),
            ],
            _ => vec![
                ("boot_index", json!("2")),
                ("boot_index", json!(1.5)),
                ("boot_index", json!(true)),
                ("boot_index", json!(4_294_967_296_i64)),
                ("volume_id", long(37)),
                ("volume_type", long(65)),
                ("properties", json!([])),
            ],
        };
        let both = [
            ("node_uuid", json!(NOBODY)),
            ("node_uuid", json!("one")),
            ("uuid", json!("x")),
            ("extra", json!([])),
            ("bogus", json!(1)),
        ];
        for (key, value) in bad.into_iter().chain(both) {
            let mut body = body.clone();
            body[key] = value;
            site.send("POST", &format!("/v1/volume/{name}"), LATEST, Some(body))
                .await
                .expect(400);
        }
    }
    assert_eq!(site.conductor.count(), 0);
    let low = json!({"node_uuid": node.uuid, "volume_type": "iscsi", "boot_index": -1, "volume_id": "v", "properties": null});
    let made = site
        .send("POST", "/v1/volume/targets", LATEST, Some(low))
        .await
        .expect(201)
        .json();
    assert_eq!(
        (&made["boot_index"], &made["properties"]),
        (&json!(-1), &json!({}))
    );
}

#[tokio::test]
async fn lists_are_narrowed_and_nested() {
    let site = Site::new().await;
    let one = site.node(|node| node.name = Some("one".to_owned())).await;
    let two = site.node(|_| {}).await;
    for (name, id) in [("connectors", "connector_id"), ("targets", "volume_id")] {
        let list = format!("/v1/volume/{name}");
        for (index, node) in [&one, &one, &two].into_iter().enumerate() {
            let body = kinds(&node.uuid)
                .into_iter()
                .find(|(known, _)| *known == name);
            let mut body = body.unwrap().1;
            body[id] = json!(format!("id-{index}"));
            if name == "targets" {
                body["boot_index"] = json!(index);
                body["properties"] = json!({"auth_password": "hush"});
            }
            site.send("POST", &list, LATEST, Some(body))
                .await
                .expect(201);
        }
        let count = async |path: &str| {
            let answer = site.get(path, LATEST).await.expect(200);
            assert!(!answer.text.contains("hush"), "{path}");
            answer.json()[name].as_array().unwrap().len()
        };
        assert_eq!(count(&list).await, 3);
        assert_eq!(count(&format!("{list}?detail=True")).await, 3);
        assert_eq!(count(&format!("{list}?node=one")).await, 2);
        assert_eq!(count(&format!("/v1/nodes/one/volume/{name}")).await, 2);
        let nested = format!("/v1/nodes/one/volume/{name}");
        let page = site
            .get(&format!("{nested}?limit=1&detail=true"), LATEST)
            .await
            .json();
        let next = page["next"].as_str().unwrap();
        let next = next.strip_prefix("http://127.0.0.1:6385").unwrap();
        assert!(next.starts_with(&format!("{list}?")), "{next}");
        let second = site.get(next, LATEST).await.expect(200).json();
        assert_eq!(second[name][0][id], "id-1");
        for (path, status) in [
            (format!("{list}?node=nonesuch"), 404),
            (format!("{list}?node_uuid={}", one.uuid), 400),
            (format!("{list}?sort_key=extra"), 400),
            (format!("{list}?sort_key=node_uuid"), 400),
            (format!("{list}?marker={NOBODY}"), 404),
            (format!("{nested}/{NOBODY}"), 400),
            ("/v1/nodes/nonesuch/volume".to_owned(), 404),
        ] {
            site.get(&path, LATEST).await.expect(status);
        }
        site.send("POST", &nested, LATEST, Some(json!({})))
            .await
            .expect(400);
    }
    let by_name = site.get("/v1/nodes/one/volume", LATEST).await.json();
    assert_eq!(
        by_name["targets"][0]["href"],
        "http://127.0.0.1:6385/v1/nodes/one/volume/targets"
    );
    site.get("/v1/volume/bogus", LATEST).await.expect(404);
    site.send("POST", "/v1/volume", LATEST, None)
        .await
        .expect(405);
}
