//! Inspection rules (facts §2.15).

use serde_json::{Value, json};

use super::gates::value_of;
use super::harness::{LATEST, Site};
use crate::gates::inspection_rule as gate;

const PATH: &str = "/v1/inspection_rules";

fn rule() -> Value {
    json!({
        "description": "mark it", "priority": 5,
        "conditions": [{"op": "!is-none", "args": {"value": "{inventory[bmc_address]}"}}],
        "actions": [{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}, "loop": [1, 2]}],
    })
}

async fn create(site: &Site, body: Value) -> Value {
    let made = site.send("POST", PATH, LATEST, Some(body)).await;
    made.expect(201).json()
}

#[tokio::test]
async fn a_rule_is_created_shown_changed_and_deleted() {
    let site = Site::new().await;
    let answer = site.send("POST", PATH, LATEST, Some(rule())).await;
    let answer = answer.expect(201);
    let made = answer.json();
    let uuid = made["uuid"].as_str().unwrap();
    let own = format!("{PATH}/{uuid}");
    assert_eq!(
        answer.header("location"),
        Some(format!("http://127.0.0.1:6385{own}").as_str())
    );
    assert_eq!(
        made["links"][0]["href"],
        format!("http://127.0.0.1:6385/v1/inspection/{uuid}")
    );
    for (name, value) in rule().as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    assert_eq!(
        (&made["phase"], &made["sensitive"]),
        (&json!("main"), &json!(false))
    );
    assert_eq!(site.get(&own, LATEST).await.expect(200).json(), made);

    let patch = json!([
        {"op": "replace", "path": "/priority", "value": 7},
        {"op": "remove", "path": "/description"},
        {"op": "remove", "path": "/conditions"},
    ]);
    let changed = site.send("PATCH", &own, LATEST, Some(patch)).await;
    let changed = changed.expect(200).json();
    assert_eq!(changed["priority"], 7);
    assert_eq!(changed["description"], Value::Null);
    assert_eq!(changed["conditions"], json!([]));
    assert_eq!(changed["actions"], made["actions"]);

    site.send("DELETE", &own, LATEST, None).await.expect(204);
    site.get(&own, LATEST).await.expect(404);
    site.send("DELETE", &own, LATEST, None).await.expect(404);
    site.send("DELETE", PATH, LATEST, None).await.expect(405);
}

#[tokio::test]
async fn a_list_has_what_is_needed_to_choose() {
    let site = Site::new().await;
    for priority in [1, 3, 2] {
        let mut body = rule();
        body["priority"] = json!(priority);
        create(&site, body).await;
    }
    let path = format!("{PATH}?sort_key=priority&sort_dir=desc&limit=2");
    let listed = site.get(&path, LATEST).await.expect(200).json();
    let rules = listed["inspection_rules"].as_array().unwrap();
    let priorities: Vec<&Value> = rules.iter().map(|rule| &rule["priority"]).collect();
    assert_eq!(priorities, [&json!(3), &json!(2)]);
    let keys: Vec<&String> = rules[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["description", "links", "phase", "priority", "uuid"]);
    assert!(listed["next"].as_str().unwrap().contains("marker="));
    let whole = site.get(&format!("{PATH}?detail=true"), LATEST).await;
    let whole = whole.expect(200).json();
    assert!(whole["inspection_rules"][0]["actions"].is_array());
    let chosen = site.get(&format!("{PATH}?fields=actions"), LATEST).await;
    let chosen = chosen.expect(200).json();
    let keys = chosen["inspection_rules"][0].as_object().unwrap().len();
    assert_eq!(keys, 2);
    for query in [
        "sort_key=actions",
        "sort_key=conditions",
        "fields=bogus",
        "bogus=1",
    ] {
        site.get(&format!("{PATH}?{query}"), LATEST)
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn what_a_sensitive_rule_does_is_never_shown_again() {
    let site = Site::new().await;
    let mut body = rule();
    body["sensitive"] = json!(true);
    body["actions"][0]["args"]["value"] = json!("hush");
    let made = create(&site, body).await;
    assert_eq!(
        (&made["actions"], &made["conditions"]),
        (&Value::Null, &Value::Null)
    );
    let own = format!("{PATH}/{}", made["uuid"].as_str().unwrap());
    for path in [
        own.clone(),
        format!("{PATH}?detail=true"),
        format!("{own}?fields=actions"),
    ] {
        let answer = site.get(&path, LATEST).await.expect(200);
        assert!(!answer.text.contains("hush"), "{}", answer.text);
    }
    for op in [
        json!({"op": "replace", "path": "/sensitive", "value": false}),
        json!({"op": "remove", "path": "/sensitive"}),
    ] {
        let refused = site.send("PATCH", &own, LATEST, Some(json!([op]))).await;
        assert!(refused.expect(400).fault().contains("sensitive"));
    }
    let other = json!([{"op": "replace", "path": "/priority", "value": 1}]);
    site.send("PATCH", &own, LATEST, Some(other))
        .await
        .expect(200);
}

#[tokio::test]
async fn rules_that_can_not_run_are_refused() {
    let site = Site::new().await;
    let made = create(&site, rule()).await;
    let own = format!("{PATH}/{}", made["uuid"].as_str().unwrap());
    for (name, value) in [
        ("actions", Value::Null),
        ("actions", json!([])),
        ("actions", json!(["fail"])),
        ("actions", json!([{"op": "bogus", "args": []}])),
        ("actions", json!([{"op": "fail"}])),
        (
            "actions",
            json!([{"op": "api-call", "args": ["http://192.0.2.1/"]}]),
        ),
        (
            "conditions",
            json!([{"op": "matches", "args": {"value": "a"}}]),
        ),
        ("conditions", json!({})),
        ("priority", json!(-1)),
        ("priority", json!("high")),
        ("phase", json!("early")),
        ("description", json!("x".repeat(256))),
        ("uuid", json!("x")),
        ("scope", json!("x")),
    ] {
        let mut body = rule();
        body[name] = value.clone();
        let answer = site.send("POST", PATH, LATEST, Some(body)).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "{name} {value}: {}",
            answer.text
        );
        let patch = json!([{"op": "add", "path": format!("/{name}"), "value": value}]);
        let answer = site.send("PATCH", &own, LATEST, Some(patch)).await;
        assert_eq!(
            answer.status.as_u16(),
            400,
            "{name} {value}: {}",
            answer.text
        );
    }
    assert_eq!(site.get(&own, LATEST).await.expect(200).json(), made);
    let mut twice = rule();
    twice["uuid"] = made["uuid"].clone();
    site.send("POST", PATH, LATEST, Some(twice))
        .await
        .expect(409);
}

#[tokio::test]
async fn every_field_can_be_given_that_should_be() {
    let site = Site::new().await;
    for row in gate::FIELDS {
        let mut body = json!({"actions": [{"op": "fail", "args": ["no"]}]});
        body[row.name] = value_of(row);
        let status = if row.creatable() { 201 } else { 400 };
        let answer = site.send("POST", PATH, LATEST, Some(body)).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{}: {}",
            row.name,
            answer.text
        );
        if !row.patchable() {
            continue;
        }
        let made = create(&site, rule()).await;
        let own = format!("{PATH}/{}", made["uuid"].as_str().unwrap());
        let value = value_of(row);
        let patch = json!([{"op": "add", "path": format!("/{}", row.name), "value": value}]);
        let changed = site.send("PATCH", &own, LATEST, Some(patch)).await;
        let shown = changed.expect(200).json()[row.name].clone();
        assert_eq!(shown, value, "{}", row.name);
    }
}
