//! `/v1/deploy_templates` and `/v1/inspection_rules`; that no conductor has to be there.

use serde_json::{Value, json};

use super::harness::{Answer, LATEST, Site};
use crate::ApiConfig;

const NOBODY: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";

fn step(name: &str) -> Value {
    json!({"interface": "bios", "step": name, "args": {}, "priority": 10})
}

async fn post(site: &Site, path: &str, body: Value) -> Answer {
    site.send("POST", path, LATEST, Some(body)).await
}

async fn patch(site: &Site, path: &str, ops: Value) -> Answer {
    site.send("PATCH", path, LATEST, Some(ops)).await
}

#[tokio::test]
async fn a_deploy_template_needs_no_conductor() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let body = json!({
        "name": "CUSTOM_RAID", "extra": {"a": 1},
        "steps": [{"interface": "raid", "step": "make", "args": {"password": "x", "size": 5}, "priority": "20"}],
    });
    let answer = post(&site, "/v1/deploy_templates", body).await.expect(201);
    let shown = answer.json();
    let uuid = shown["uuid"].as_str().unwrap();
    let own = format!("http://127.0.0.1:6385/v1/deploy_templates/{uuid}");
    assert_eq!(answer.header("location"), Some(own.as_str()));
    assert_eq!(
        shown,
        json!({
            "uuid": uuid, "name": "CUSTOM_RAID", "extra": {"a": 1}, "created_at": shown["created_at"], "updated_at": null,
            "steps": [{"interface": "raid", "step": "make", "args": {"password": "******", "size": 5}, "priority": 20}],
            "links": [
                {"href": own, "rel": "self"},
                {"href": format!("http://127.0.0.1:6385/deploy_templates/{uuid}"), "rel": "bookmark"},
            ],
        })
    );
    for name in [uuid, "CUSTOM_RAID"] {
        let path = format!("/v1/deploy_templates/{name}");
        assert_eq!(site.get(&path, LATEST).await.expect(200).json(), shown);
    }
    let listed = site.get("/v1/deploy_templates", LATEST).await.json();
    let one = listed["deploy_templates"][0].as_object().unwrap();
    assert_eq!(one.len(), 3, "uuid, name, links: {one:?}");
    let listed = site
        .get("/v1/deploy_templates?detail=true", LATEST)
        .await
        .json();
    assert_eq!(listed["deploy_templates"][0], shown);

    let path = "/v1/deploy_templates/CUSTOM_RAID";
    let ops = json!([
        {"op": "replace", "path": "/name", "value": "CUSTOM_BIOS"},
        {"op": "add", "path": "/steps/0", "value": step("set")},
        {"op": "replace", "path": "/steps/1/priority", "value": "30"},
        {"op": "remove", "path": "/extra"},
    ]);
    let changed = patch(&site, path, ops).await.expect(200).json();
    assert_eq!(
        (&changed["name"], &changed["extra"]),
        (&json!("CUSTOM_BIOS"), &json!({}))
    );
    assert_eq!(changed["steps"][0], step("set"));
    assert_eq!(changed["steps"][1]["priority"], 30);
    // What is hidden is kept.
    let stored = ironbark_model::ident::Ident::Name("CUSTOM_BIOS".to_owned());
    let stored = site.db.deploy_template_get(&stored).await.unwrap().unwrap();
    assert_eq!(stored.steps[1]["args"]["password"], "x");
    site.get(path, LATEST).await.expect(404);
    let path = "/v1/deploy_templates/CUSTOM_BIOS";
    site.send("DELETE", path, LATEST, None).await.expect(204);
    for method in ["GET", "DELETE", "PATCH"] {
        let body = (method == "PATCH").then(|| json!([]));
        site.send(method, path, LATEST, body).await.expect(404);
    }
}

#[tokio::test]
async fn bad_deploy_templates_are_refused_and_change_nothing() {
    let site = Site::new().await;
    let good = json!({"name": "CUSTOM_A", "steps": [step("a")]});
    let made = post(&site, "/v1/deploy_templates", good.clone())
        .await
        .expect(201)
        .json();
    for (key, value) in [
        ("name", json!(null)),
        ("name", json!("not-a-trait")),
        ("name", json!("CUSTOM_")),
        ("name", json!(5)),
        ("steps", json!(null)),
        ("steps", json!([])),
        ("steps", json!({})),
        ("steps", json!([1])),
        (
            "steps",
            json!([{"interface": "bios", "step": "a", "args": {}}]),
        ),
        (
            "steps",
            json!([{"interface": "bios", "step": "a", "priority": 1}]),
        ),
        (
            "steps",
            json!([{"interface": "boot", "step": "a", "args": {}, "priority": 1}]),
        ),
        (
            "steps",
            json!([{"interface": "bios", "step": "a", "args": {}, "priority": -1}]),
        ),
        (
            "steps",
            json!([{"interface": "bios", "step": "a", "args": {}, "priority": 1, "order": 1}]),
        ),
        (
            "steps",
            json!([{"interface": "vendor", "step": "send_raw", "args": {}, "priority": 1}]),
        ),
        ("steps", json!([step("a"), step("a")])),
        ("extra", json!([])),
        ("uuid", json!("x")),
        ("bogus", json!(1)),
    ] {
        let mut body = good.clone();
        body["name"] = json!("CUSTOM_B");
        body[key] = value.clone();
        let answer = post(&site, "/v1/deploy_templates", body).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "POST {key} {value}: {}",
            answer.text
        );
        let ops = json!([{"op": "add", "path": format!("/{key}"), "value": value}]);
        let answer = patch(&site, "/v1/deploy_templates/CUSTOM_A", ops).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "PATCH {key} {value}: {}",
            answer.text
        );
    }
    for missing in ["name", "steps"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(missing);
        post(&site, "/v1/deploy_templates", body).await.expect(400);
        let ops = json!([{"op": "remove", "path": format!("/{missing}")}]);
        patch(&site, "/v1/deploy_templates/CUSTOM_A", ops)
            .await
            .expect(400);
    }
    for ops in [
        json!([{"op": "remove", "path": "/steps/0"}]),
        json!([{"op": "add", "path": "/steps/0", "value": step("a")}]),
        json!([{"op": "replace", "path": "/steps/0/interface", "value": "boot"}]),
    ] {
        patch(&site, "/v1/deploy_templates/CUSTOM_A", ops)
            .await
            .expect(400);
    }
    let shown = site.get("/v1/deploy_templates/CUSTOM_A", LATEST).await;
    assert_eq!(shown.json(), made);
    post(&site, "/v1/deploy_templates", good).await.expect(409);
    let other = json!({"name": "CUSTOM_B", "steps": [step("a")]});
    post(&site, "/v1/deploy_templates", other).await.expect(201);
    let ops = json!([{"op": "replace", "path": "/name", "value": "CUSTOM_A"}]);
    patch(&site, "/v1/deploy_templates/CUSTOM_B", ops)
        .await
        .expect(409);
    let path = format!("/v1/deploy_templates?marker={NOBODY}");
    site.get(&path, LATEST).await.expect(404);
    site.get("/v1/deploy_templates/no%20name", LATEST)
        .await
        .expect(400);
    site.send("PUT", "/v1/deploy_templates/CUSTOM_A", LATEST, None)
        .await
        .expect(405);
}

#[tokio::test]
async fn versions_before_them_know_none_of_them() {
    let site = Site::new().await;
    for (path, since, routers) in [
        ("/v1/deploy_templates", 55, true),
        ("/v1/runbooks", 92, true),
        ("/v1/inspection_rules", 96, false),
    ] {
        for (path, methods) in [
            (path.to_owned(), ["GET", "POST"].as_slice()),
            (
                format!("{path}/{NOBODY}"),
                ["GET", "PATCH", "DELETE"].as_slice(),
            ),
        ] {
            for method in methods {
                let status = if *method == "GET" { 404 } else { 405 };
                let answer = site.send(method, &path, Some(since - 1), None).await;
                assert_eq!(answer.is_routers(), routers, "{method} {path}");
                answer.expect(status);
            }
        }
    }
}

#[tokio::test]
async fn pages_of_deploy_templates_lead_on() {
    let site = Site::new().await;
    for name in ["CUSTOM_B", "CUSTOM_A", "CUSTOM_C"] {
        let body = json!({"name": name, "steps": [step("a")]});
        post(&site, "/v1/deploy_templates", body).await.expect(201);
    }
    let mut path = "/v1/deploy_templates?limit=2&sort_key=name&fields=name,steps".to_owned();
    let mut names = Vec::new();
    loop {
        let page = site.get(&path, LATEST).await.expect(200).json();
        for one in page["deploy_templates"].as_array().unwrap() {
            assert!(one["steps"].is_array() && one.get("uuid").is_none());
            names.push(one["name"].as_str().unwrap().to_owned());
        }
        let Some(next) = page.get("next").and_then(Value::as_str) else {
            break;
        };
        path = next
            .strip_prefix("http://127.0.0.1:6385")
            .unwrap()
            .to_owned();
    }
    assert_eq!(names, ["CUSTOM_A", "CUSTOM_B", "CUSTOM_C"]);
}

#[tokio::test]
async fn an_inspection_rule_is_kept() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let action = json!({"op": "set-attribute", "args": {"path": "/driver", "value": "ipmi"}});
    let body = json!({
        "description": "d", "priority": 7, "phase": null,
        "conditions": [{"op": "!eq", "args": {"values": [1, 2]}}], "actions": [action],
    });
    let answer = post(&site, "/v1/inspection_rules", body).await.expect(201);
    let shown = answer.json();
    let uuid = shown["uuid"].as_str().unwrap();
    let own = format!("http://127.0.0.1:6385/v1/inspection_rules/{uuid}");
    assert_eq!(answer.header("location"), Some(own.as_str()));
    assert_eq!(
        shown,
        json!({
            "uuid": uuid, "description": "d", "priority": 7, "phase": "main", "sensitive": false,
            "conditions": [{"op": "!eq", "args": {"values": [1, 2]}}], "actions": [action],
            "created_at": shown["created_at"], "updated_at": null,
            "links": [
                {"href": format!("http://127.0.0.1:6385/v1/inspection/{uuid}"), "rel": "self"},
                {"href": format!("http://127.0.0.1:6385/inspection/{uuid}"), "rel": "bookmark"},
            ],
        })
    );
    let listed = site.get("/v1/inspection_rules", LATEST).await.json();
    let one = &listed["inspection_rules"][0];
    assert_eq!((&one["priority"], one.get("actions")), (&json!(7), None));
    let path = format!("/v1/inspection_rules/{uuid}");
    let ops = json!([
        {"op": "remove", "path": "/conditions"},
        {"op": "remove", "path": "/priority"},
        {"op": "add", "path": "/actions/1", "value": {"op": "fail", "args": ["no"]}},
        {"op": "replace", "path": "/sensitive", "value": "true"},
    ]);
    let changed = patch(&site, &path, ops).await.expect(200).json();
    assert_eq!(
        (&changed["conditions"], &changed["actions"]),
        (&json!(null), &json!(null)),
        "hidden"
    );
    assert_eq!(
        (&changed["priority"], &changed["sensitive"]),
        (&json!(0), &json!(true))
    );
    let stored = site.db.inspection_rule_get(uuid).await.unwrap().unwrap();
    assert_eq!((stored.conditions.len(), stored.actions.len()), (0, 2));
    for op in ["replace", "remove"] {
        let mut ops = json!([{"op": op, "path": "/sensitive"}]);
        if op == "replace" {
            ops[0]["value"] = json!(false);
        }
        patch(&site, &path, ops).await.expect(400);
    }
    site.send("DELETE", &path, LATEST, None).await.expect(204);
    site.send("DELETE", &path, LATEST, None).await.expect(404);
    site.send("DELETE", "/v1/inspection_rules", LATEST, None)
        .await
        .expect(405);
}

#[tokio::test]
async fn bad_inspection_rules_are_refused() {
    let site = Site::new().await;
    let fail = json!({"op": "fail", "args": {"msg": "no"}});
    let good = json!({"actions": [fail]});
    let made = post(&site, "/v1/inspection_rules", good.clone())
        .await
        .expect(201)
        .json();
    let path = format!("/v1/inspection_rules/{}", made["uuid"].as_str().unwrap());
    for (key, value) in [
        ("actions", json!([])),
        ("actions", json!(null)),
        ("actions", json!([{"op": "bogus", "args": {}}])),
        ("actions", json!([{"op": "fail"}])),
        ("conditions", json!({})),
        ("conditions", json!([{"op": "fail", "args": {"msg": "x"}}])),
        ("priority", json!(-1)),
        ("priority", json!(10_000)),
        ("priority", json!("1")),
        ("phase", json!("early")),
        ("description", json!("x".repeat(256))),
        ("sensitive", json!("perhaps")),
        ("uuid", json!("x")),
        ("bogus", json!(1)),
    ] {
        let mut body = good.clone();
        body[key] = value.clone();
        let answer = post(&site, "/v1/inspection_rules", body).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "POST {key} {value}: {}",
            answer.text
        );
        let ops = json!([{"op": "add", "path": format!("/{key}"), "value": value}]);
        let answer = patch(&site, &path, ops).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "PATCH {key} {value}: {}",
            answer.text
        );
    }
    post(&site, "/v1/inspection_rules", json!({}))
        .await
        .expect(400);
    assert_eq!(site.get(&path, LATEST).await.json(), made);
    let taken = json!({"uuid": made["uuid"], "actions": [fail]});
    post(&site, "/v1/inspection_rules", taken).await.expect(409);
    // There are no names.
    site.get("/v1/inspection_rules/one", LATEST)
        .await
        .expect(400);
    site.get(&format!("/v1/inspection_rules/{NOBODY}"), LATEST)
        .await
        .expect(404);
}
