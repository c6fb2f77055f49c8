//! Every endpoint without credentials, on a service that asks for them. The endpoints come from the tables of paths: one that is
//! new is asked here without anybody's doing, and opens only if it is named in [`PUBLIC`].

use std::collections::BTreeSet;

use axum::body::Body;
use ironbark_model::ident::Ident;
use serde_json::{Value, json};

use super::auth::guarded;
use super::harness::{Answer, Site};
use crate::Limits;
use crate::gates::paths::{OWN_PATHS, PATHS};
use crate::openapi;

/// What everybody may use (facts §1.1) or has a token for, how, and what it is answered without anything in it.
const PUBLIC: &[(&str, &str, u16)] = &[
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("GET", "/v1", 200),
    ("HEAD", "/v1", 200),
    ("GET", "/healthcheck", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/v1/lookup", 400),
    ("POST", "/v1/heartbeat/{node}", 400),
    ("POST", "/v1/continue_inspection", 400),
    ("GET", "/ironbark/v1/consoles/{node}", 403),
];

/// Methods that are tried on each path, whether it has them or not: nobody learns which it has.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Everything that there is, as `(root, pattern)`.
fn paths() -> Vec<(&'static str, &'static str)> {
    let of = |root, table: &'static [crate::gates::paths::Path]| {
        table.iter().map(move |path| (root, path.pattern))
    };
    // Without `/v1` too: that is where the links called "bookmark" lead.
    let mut all: Vec<_> = of("/v1/", PATHS).chain(of("/", PATHS)).collect();
    all.extend(of("/ironbark/v1/", OWN_PATHS));
    all
}

fn public_patterns() -> BTreeSet<&'static str> {
    PUBLIC.iter().map(|(_, path, _)| *path).collect()
}

/// A path that fits, for a node that is there.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|element| match element {
            "{node}" => "rack-1",
            "**" => "x",
            _ if element.starts_with('{') => "x",
            _ => element,
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn refused(what: &str, method: &str, answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 401, "{what}: {}", answer.text);
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Basic realm=\"Baremetal API\""),
        "{what}"
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{what}"
    );
    assert_eq!(
        answer.header("x-openstack-ironic-api-minimum-version"),
        Some("1.1")
    );
    assert_eq!(
        answer.header("x-openstack-ironic-api-maximum-version"),
        Some("1.115")
    );
    // Which version it would be is nobody's business either.
    assert_eq!(
        answer.header("x-openstack-ironic-api-version"),
        None,
        "{what}"
    );
    assert!(answer.header("openstack-request-id").is_some(), "{what}");
    if method == "HEAD" {
        assert!(answer.text.is_empty(), "{what}");
        return;
    }
    let told = json!({
        "code": 401,
        "title": "Unauthorized",
        "description": "Give a valid user name and password with HTTP basic authentication.",
    });
    assert_eq!(answer.error(), told, "{what}");
    assert_eq!(answer.json().as_object().unwrap().len(), 1, "{what}");
}

async fn site() -> Site {
    let site = guarded(Limits::default()).await;
    site.node(|node| node.name = Some("rack-1".to_owned()))
        .await;
    site
}

#[tokio::test]
async fn nothing_opens_without_credentials_but_what_is_public() {
    let site = site().await;
    let rack = Ident::Name("rack-1".to_owned());
    let before = format!("{:?}", site.db.node_get(&rack).await.unwrap());
    let mut tried = 0;
    for (root, pattern) in paths() {
        let path = format!("{root}{pattern}");
        if public_patterns().contains(path.as_str()) {
            continue;
        }
        for method in METHODS {
            for version in ["1.1", "1.115"] {
                let headers = [("X-OpenStack-Ironic-API-Version", version)];
                let path = filled(&path);
                let answer = site.raw(method, &path, &headers, Body::from("{}")).await;
                refused(&format!("{method} {path} at {version}"), method, &answer);
                tried += 1;
            }
        }
    }
    assert!(tried > 14 * (PATHS.len() + OWN_PATHS.len()), "{tried}");
    assert_eq!(site.conductor.count(), 0, "a conductor was asked");
    let after = format!("{:?}", site.db.node_get(&rack).await.unwrap());
    assert_eq!(before, after);
}

#[tokio::test]
async fn no_spelling_opens_anything_else() {
    let site = site().await;
    for (root, pattern) in paths() {
        let path = format!("{root}{pattern}");
        if public_patterns().contains(path.as_str()) {
            continue;
        }
        let path = filled(&path);
        for spelling in [
            format!("{path}/"),
            format!("/{path}"),
            format!("{path}.json"),
            format!("{path}.xml"),
            format!("{path}?x=/v1/lookup"),
            format!("/v1/lookup/..{path}"),
            path.to_uppercase(),
            path.replacen('v', "%76", 1),
        ] {
            let answer = site.raw("GET", &spelling, &[], Body::empty()).await;
            refused(&spelling, "GET", &answer);
        }
    }
}

#[tokio::test]
async fn what_is_public_is_answered() {
    let site = site().await;
    for (method, path, status) in PUBLIC {
        for ending in ["", "/"] {
            let path = format!("{}{ending}", filled(path).trim_end_matches('/'));
            let path = if path.is_empty() {
                "/".to_owned()
            } else {
                path
            };
            // The one name of a file.
            if path == "/openapi.json/" {
                continue;
            }
            let headers = [("X-OpenStack-Ironic-API-Version", "1.115")];
            let answer = site.raw(method, &path, &headers, Body::empty()).await;
            assert_eq!(
                answer.status.as_u16(),
                *status,
                "{method} {path}: {}",
                answer.text
            );
        }
    }
    // Also with wrong ones: whoever needs none isn't asked for them.
    let wrong = [("authorization", "Basic bm9ib2R5Om5vdGhpbmc=")];
    site.raw("GET", "/v1", &wrong, Body::empty())
        .await
        .expect(200);
    assert_eq!(site.conductor.count(), 0);
}

/// The description says the same.
#[test]
fn the_description_tells_what_needs_no_credentials() {
    let public = public_patterns();
    let document = openapi::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_public = public.contains(path.as_str());
            let expected = is_public.then(|| json!([]));
            assert_eq!(
                operation.get("security").cloned(),
                expected,
                "{method} {path}"
            );
            let may_be_refused = operation["responses"].get("401").is_some();
            assert_eq!(may_be_refused, !is_public, "{method} {path}");
        }
    }
    let body = &document["components"]["responses"]["401"]["content"]["application/json"];
    assert_eq!(
        body["schema"],
        json!({"$ref": "#/components/schemas/Error"})
    );
    assert_ne!(document["components"]["schemas"]["Error"], Value::Null);
}
