//! `/ironbark/v1/packages`.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ironbark_model::lifecycle::{CanaryScope, PackageEvent, PackageGrants, PackageOwner};
use ironbark_model::{Error, ErrorKind, Timestamp};
use ironbark_rpc::{PackageChange, Request};
use serde_json::json;

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
    let shown = site.get(&format!("{PATH}/acme"), None).await.expect(200);
    for (key, value) in package.as_object().unwrap() {
        assert_eq!(&shown.json()[key], value, "{key}");
    }
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
    assert!(matches!(site.conductor.last(), Request::RemovePackage { name, .. } if name == "acme"));
}

#[tokio::test]
async fn without_a_conductor_nothing_is_taken() {
    let site = Site::without_conductor(ApiConfig::default()).await;
    let refused = upload(&site, "", component()).await.expect(503);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn an_upload_may_bring_a_signature_and_only_be_installed() {
    let site = Site::new().await;
    let text = "untrusted comment: x\nRUQ\ntrusted comment: y\nabc\n";
    let signature = STANDARD.encode(text);
    let send = async |path: &str, signature: &str| {
        let headers = [
            ("content-type", "application/wasm"),
            ("x-ironbark-signature", signature),
        ];
        site.raw("POST", path, &headers, Body::from(component()))
            .await
    };
    let answer = send(&format!("{PATH}?activate=false"), &signature)
        .await
        .expect(201)
        .json();
    assert_eq!(answer["version"], serde_json::Value::Null);
    assert_eq!(answer["versions"][0]["version"], "1.0.0");
    assert_eq!(answer["versions"][0]["active"], false);
    let Request::InstallPackage { installation } = site.conductor.last() else {
        panic!("an installation");
    };
    assert_eq!(installation.signature.as_deref(), Some(text));
    assert_eq!(installation.grants, None, "as before");
    assert_eq!((installation.activate, installation.force), (false, false));
    assert_eq!(installation.by, "anonymous");
    let refused = send(PATH, "untrusted comment: x").await.expect(400);
    assert!(refused.fault().contains("base64"), "{}", refused.text);
}

#[tokio::test]
#[rustfmt::skip]
async fn changes_reach_a_conductor_as_they_were_asked() {
    use PackageChange::{Activate, Canary, Disable, Grant, Promote, Quarantine, Release, Rollback};
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("rack-1".to_owned())).await;
    let one = || Some("1.0.0".to_owned());
    for (method, action, body, expected) in [
        ("POST", "activate", json!({}), Activate { version: None, force: false, dry_run: false }),
        ("POST", "activate", json!({"version": "1.0.0", "force": true, "dry_run": true}), Activate { version: one(), force: true, dry_run: true }),
        ("POST", "rollback", json!({"version": "1.0.0"}), Rollback { version: one(), force: false, dry_run: false }),
        ("POST", "disable", json!({"force": true}), Disable { version: None, force: true }),
        ("POST", "quarantine", json!({"version": "1.0.0", "now": true}), Quarantine { version: one(), now: true }),
        ("POST", "release", json!({}), Release { version: None }),
        ("PUT", "grants", json!({"granted": ["ipmi"]}), Grant { version: None, granted: vec!["ipmi".to_owned()] }),
        ("PUT", "grants", json!({"granted": ["*"], "version": "1.0.0"}), Grant { version: one(), granted: vec!["*".to_owned()] }),
        ("POST", "promote", json!({}), Promote { force: false }),
        ("POST", "canary", json!({"percent": 10}), Canary { version: None, scope: CanaryScope::Percent(10), force: false }),
        ("POST", "canary", json!({"nodes": ["rack-1"]}), Canary { version: None, scope: CanaryScope::Nodes(vec![node.uuid.clone()]), force: false }),
        ("POST", "canary", json!({"conductor_group": "Lab"}), Canary { version: None, scope: CanaryScope::ConductorGroup("lab".to_owned()), force: false }),
    ] {
        site.send(method, &format!("{PATH}/acme/{action}"), None, Some(body)).await.expect(200);
        let Request::ChangePackage { name, change, by } = site.conductor.last() else { panic!("a change") };
        assert_eq!((name.as_str(), by.as_str()), ("acme", "anonymous"));
        assert_eq!(change, expected);
    }
    let before = site.conductor.count();
    for (method, action, body) in [
        ("POST", "activate", json!({"versoin": "1.0.0"})),
        ("POST", "activate", json!({"version": 1})),
        ("POST", "canary", json!({})),
        ("POST", "canary", json!({"percent": 10, "nodes": ["rack-1"]})),
        ("PUT", "grants", json!({})),
        ("PUT", "grants", json!({"granted": "ipmi"})),
    ] {
        site.send(method, &format!("{PATH}/acme/{action}"), None, Some(body)).await.expect(400);
    }
    site.send("POST", &format!("{PATH}/acme/canary"), None, Some(json!({"nodes": ["nobody"]}))).await.expect(404);
    site.get(&format!("{PATH}/acme/activate"), None).await.expect(405);
    assert_eq!(site.conductor.count(), before);
}

#[tokio::test]
async fn conductors_that_can_not_load_a_version_are_shown_with_it() {
    let site = Site::new().await;
    upload(&site, "?grant=ipmi", component()).await.expect(201);
    let versions = async || {
        let shown = site.get(&format!("{PATH}/acme"), None).await.expect(200);
        shown.json()["versions"].clone()
    };
    assert_eq!(versions().await[0]["failing_on"], json!([]));
    let host = site.db.conductors_all().await.unwrap()[0].hostname.clone();
    let failure = |package: &str, version: &str| ironbark_db::PackageFailure {
        conductor: host.clone(),
        package: package.to_owned(),
        version: version.to_owned(),
        reason: "it needs a newer contract".to_owned(),
    };
    let failures = [failure("acme", "1.0.0"), failure("other", "1.0.0")];
    site.db
        .package_failures_set(&host, &failures)
        .await
        .unwrap();
    let expected = json!([{"conductor": host, "reason": "it needs a newer contract"}]);
    assert_eq!(versions().await[0]["failing_on"], expected);
    let listed = site.get(PATH, None).await.expect(200).json();
    assert_eq!(listed["packages"][0]["versions"][0]["failing_on"], expected);
    site.db.package_failures_set(&host, &[]).await.unwrap();
    assert_eq!(versions().await[0]["failing_on"], json!([]));
}

#[tokio::test]
async fn what_exactly_is_asked_for_granted_and_whose_it_is_is_shown() {
    let site = Site::new().await;
    upload(&site, "?grant=ssh&take_over=true", component())
        .await
        .expect(201);
    let Request::InstallPackage { installation } = site.conductor.last() else {
        panic!("an installation");
    };
    assert!(installation.take_over);
    let entry = json!({"name": "ssh", "templates": ["power-on"]});
    let mut version = site.db.package_versions("acme").await.unwrap().remove(0);
    version.capabilities = vec![entry.clone()];
    version.implementations = vec!["power/acme".to_owned()];
    let mut tx = site.db.change_packages().await.unwrap();
    tx.version_put(&version).await.unwrap();
    let granted = PackageGrants {
        names: vec!["ssh".to_owned()],
        entries: Some(vec![entry.clone()]),
    };
    tx.grants_set("acme", &granted).await.unwrap();
    let owner = PackageOwner {
        package: "acme".to_owned(),
        publisher: "acme-inc".to_owned(),
        public_key: "RWQ".to_owned(),
        created_at: Timestamp(0),
    };
    tx.owner_set(&owner).await.unwrap();
    tx.commit().await.unwrap();
    let shown = site.get(&format!("{PATH}/acme"), None).await.expect(200);
    let shown = shown.json();
    assert_eq!(shown["grants"], json!([entry]));
    assert_eq!(shown["owner"], "acme-inc");
    assert_eq!(shown["versions"][0]["capabilities"], json!([entry]));
    assert_eq!(
        shown["versions"][0]["implementations"],
        json!(["power/acme"])
    );
}

#[tokio::test]
async fn who_did_what_is_shown() {
    let site = Site::new().await;
    site.get(&format!("{PATH}/acme/history"), None)
        .await
        .expect(404);
    let mut tx = site.db.change_packages().await.unwrap();
    tx.note(&PackageEvent {
        created_at: Timestamp(0),
        package: "acme".to_owned(),
        version: Some("1.0.0".to_owned()),
        digest: Some("d".to_owned()),
        action: "activate".to_owned(),
        actor: "ada".to_owned(),
        request_id: Some("req-1".to_owned()),
        detail: None,
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let shown = site
        .get(&format!("{PATH}/acme/history?limit=5"), None)
        .await
        .expect(200)
        .json();
    assert_eq!(shown["history"][0]["action"], "activate");
    assert_eq!(shown["history"][0]["actor"], "ada");
    for limit in ["0", "1001", "many"] {
        site.get(&format!("{PATH}/acme/history?limit={limit}"), None)
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn publishers_are_trusted_listed_and_removed() {
    const PUBLISHERS: &str = "/ironbark/v1/publishers";
    let site = Site::new().await;
    let body = json!({
        "name": "acme-inc", "public_key": "RWQ", "packages": ["acme*"], "expires_at": "2999-12-31",
    });
    let created = site
        .send("POST", PUBLISHERS, None, Some(body.clone()))
        .await
        .expect(201);
    let location = created.header("location").unwrap();
    assert!(location.ends_with("/ironbark/v1/publishers/acme-inc"));
    let listed = site.get(PUBLISHERS, None).await.expect(200).json();
    assert_eq!(listed["publishers"][0]["packages"], json!(["acme*"]));
    assert_eq!(
        listed["publishers"][0]["expires_at"],
        "2999-12-31T00:00:00.000000+00:00"
    );
    assert_eq!(listed["publishers"][0]["expired"], false);
    site.send("POST", PUBLISHERS, None, Some(body))
        .await
        .expect(409);
    for (key, wrong) in [
        ("name", json!("a b")),
        ("packages", json!([])),
        ("packages", json!(["../x"])),
        ("expires_at", json!("soon")),
        ("colour", json!("red")),
    ] {
        let mut body = json!({"name": "other", "public_key": "RWQ", "packages": ["*"]});
        body[key] = wrong;
        site.send("POST", PUBLISHERS, None, Some(body))
            .await
            .expect(400);
    }
    let path = format!("{PUBLISHERS}/acme-inc?quarantine=true");
    site.send("DELETE", &path, None, None).await.expect(200);
    assert!(
        matches!(site.conductor.last(), Request::RemovePublisher { name, quarantine: true, .. } if name == "acme-inc")
    );
}
