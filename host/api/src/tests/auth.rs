//! HTTP basic authentication.

use std::io::Write as _;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::harness::Site;
use crate::{ApiConfig, Auth, Htpasswd, Limits};

/// A site that asks for credentials, with one user: ada, right.
pub(super) async fn guarded(limits: Limits) -> Site {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "ada:{}", bcrypt::hash("right", 4).unwrap()).unwrap();
    Site::with(ApiConfig {
        auth: Auth::HttpBasic(Htpasswd::read(file.path()).unwrap()),
        limits,
        ..ApiConfig::default()
    })
    .await
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

#[tokio::test]
async fn only_the_right_password_opens() {
    let site = guarded(Limits::default()).await;
    for _ in 0..2 {
        // The second time the answer comes from memory.
        let right = basic("ada:right");
        site.raw(
            "GET",
            "/v1/nodes",
            &[("authorization", &right)],
            Body::empty(),
        )
        .await
        .expect(200);
    }
    for wrong in [
        basic("ada:wrong"),
        basic("bob:right"),
        basic("ada"),
        basic(":"),
        "Bearer x".to_owned(),
        "Basic !".to_owned(),
    ] {
        let answer = site
            .raw(
                "GET",
                "/v1/nodes",
                &[("authorization", &wrong)],
                Body::empty(),
            )
            .await
            .expect(401);
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Basic realm=\"Baremetal API\"")
        );
        assert_eq!(
            answer.header("x-openstack-ironic-api-maximum-version"),
            Some("1.115")
        );
    }
    for path in [
        "/v1/nodes",
        "/nodes",
        "/v1/bogus",
        "/ironbark/v1/packages",
        "/v1/%6eodes",
        "/v1/lookup/../nodes",
    ] {
        site.get(path, None).await.expect(401);
    }
    for path in ["/", "/v1", "/v1/", "/healthcheck"] {
        site.get(path, None).await.expect(200);
    }
    // Public, but it has to say who it is.
    site.get("/v1/lookup", Some(22)).await.expect(400);
}

#[tokio::test]
async fn passwords_wait_in_a_queue_that_has_an_end() {
    let site = guarded(Limits {
        password_queue: 0,
        ..Limits::default()
    })
    .await;
    let right = basic("ada:right");
    let answer = site
        .raw(
            "GET",
            "/v1/nodes",
            &[("authorization", &right)],
            Body::empty(),
        )
        .await
        .expect(503);
    assert!(answer.header("retry-after").is_some());
}
