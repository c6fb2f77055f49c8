//! The API's own description: complete, and nothing in it that isn't there. That answers keep to it, schemathesis shows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::endpoints::in_tables;
use super::harness::{LATEST, Site};
use crate::openapi::{self, Operation};

#[tokio::test]
async fn every_path_has_its_operation_and_every_operation_its_path() {
    let site = Site::new().await;
    let there = in_tables();
    let operations = openapi::operations();
    let described: BTreeSet<(String, &str)> = operations
        .iter()
        .map(|operation| (operation.path(), operation.method))
        .collect();
    assert_eq!(
        described.len(),
        operations.len(),
        "something is described twice"
    );
    let names: BTreeSet<String> = operations.iter().map(Operation::id).collect();
    assert_eq!(
        names.len(),
        operations.len(),
        "two operations have one name"
    );
    let invented: Vec<_> = described.difference(&there).collect();
    assert!(invented.is_empty(), "{invented:?}");
    // What isn't described only says that there is nothing.
    for (pattern, method) in there.difference(&described) {
        let path = pattern.replace(['{', '}', '*'], "x");
        let answer = site.send(method, &path, LATEST, None).await;
        let nothing = answer.status == 400 && answer.text.contains("Malformed request URI");
        assert!(nothing, "{method} {pattern} is not described");
    }
}

#[tokio::test]
async fn everybody_may_read_it_and_every_reference_in_it_leads_somewhere() {
    let site = Site::new().await;
    let answer = site.get("/openapi.json", None).await;
    assert_eq!(answer.status, 200);
    let document: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], "1.115");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    assert_eq!(
        site.send("PUT", "/openapi.json", None, None).await.status,
        405
    );
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                references.push(reference.clone());
            }
            object.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
