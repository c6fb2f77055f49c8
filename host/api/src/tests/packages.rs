//! `/ironbark/v1/packages`.

use axum::body::Body;
use ironbark_model::{Error, ErrorKind};
use ironbark_rpc::Request;

use super::harness::{Answer, Site};
use crate::ApiConfig;

const PATH: &str = "/ironbark/v1/packages";

async fn upload(site: &Site, query: &str, bytes: Vec<u8>) -> Answer {
    let headers = [("content-type", "application/wasm")];
    site.raw(
        "POST",
        &format!("{PATH}{query}"),
        &headers,
        Body::from(bytes),
    )
    .await
}

fn component() -> Vec<u8> {
    b"\0asm\x0d\0\x01\0".to_vec()
}

#[tokio::test]
async fn a_packages_life() {
    let site = Site::new().await;
    let created = upload(&site, "?grant=ipmi,%20state", component())
        .await
        .expect(201);
    assert_eq!(
        created.header("location"),
        Some("http://127.0.0.1:6385/ironbark/v1/packages/acme")
    );
    let package = created.json();
    // The digest of these eight bytes, by sha256sum.
    assert_eq!(
        package["digest"],
        "24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29"
    );
    assert_eq!(package["granted"], serde_json::json!(["ipmi", "state"]));
    assert!(package["created_at"].as_str().unwrap().ends_with("+00:00"));
    assert_eq!(
        site.get(PATH, None).await.expect(200).json()["packages"][0],
        package
    );
    assert_eq!(
        site.get(&format!("{PATH}/acme"), None)
            .await
            .expect(200)
            .json(),
        package
    );
    site.send("DELETE", &format!("{PATH}/acme"), None, None)
        .await
        .expect(204);
    site.get(&format!("{PATH}/acme"), None).await.expect(404);
    site.send("DELETE", &format!("{PATH}/acme"), None, None)
        .await
        .expect(404);
}

#[tokio::test]
async fn what_can_not_be_a_package_is_refused() {
    let site = Site::new().await;
    for bytes in [Vec::new(), b"{}".to_vec(), b"\x7fELF".to_vec()] {
        upload(&site, "", bytes).await.expect(400);
    }
    upload(&site, "?bogus=1", component()).await.expect(400);
    // What a form or a script of another site can send without asking.
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "multipart/form-data; boundary=x")],
    ] {
        site.raw("POST", PATH, headers, Body::from(component()))
            .await
            .expect(415);
    }
    assert_eq!(site.conductor.count(), 0);
    let mut large = component();
    large.resize(ironbark_model::package::MAX_PACKAGE_BYTES + 1, 0);
    upload(&site, "", large).await.expect(413);
    site.conductor
        .next(Err(Error::invalid("a trap in its start function")));
    let refused = upload(&site, "", component()).await.expect(400);
    assert!(refused.fault().contains("start function"));
    site.conductor
        .next(Err(Error::new(ErrorKind::Conflict, "used by node x")));
    site.send("DELETE", &format!("{PATH}/acme"), None, None)
        .await
        .expect(409);
    assert!(matches!(site.conductor.last(), Request::RemovePackage { name } if name == "acme"));
}

#[tokio::test]
async fn without_a_conductor_nothing_is_taken() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let refused = upload(&site, "", component()).await.expect(503);
    assert!(refused.header("retry-after").is_some());
}
