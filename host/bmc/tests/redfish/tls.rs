//! Certificates: trusted, listed, pinned, unchecked.

use std::io::Write;

use ironbark_bmc::redfish::{Client, RedfishError};
use ironbark_bmc_sim::redfish::ServiceConfig;
use serde_json::{Value, json};

use crate::support::{power, quick, start, target};

const TLS: fn() -> ServiceConfig = || ServiceConfig {
    tls: true,
    ..ServiceConfig::default()
};

async fn outcome(
    simulator: &ironbark_bmc_sim::redfish::Service,
    more: Value,
) -> Result<String, RedfishError> {
    let client = Client::new(quick());
    power(&client, &target(simulator, more).service).await
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused_before_anything_is_sent() {
    let simulator = start(TLS()).await;
    let error = outcome(&simulator, json!({"redfish_verify_ca": true}))
        .await
        .unwrap_err();
    assert!(matches!(error, RedfishError::Untrusted { .. }), "{error}");
    assert!(simulator.requests().is_empty());
    outcome(&simulator, json!({"redfish_verify_ca": "false"}))
        .await
        .unwrap();
}

#[tokio::test]
async fn exactly_the_pinned_certificate_is_accepted() {
    let (simulator, other) = (start(TLS()).await, start(TLS()).await);
    let right = simulator.certificate_sha256().unwrap();
    // A pin is stricter than no check at all, whatever else is said.
    for verify in [json!(true), json!(false)] {
        let pin = |fingerprint: &str| json!({"redfish_verify_ca": verify, "redfish_certificate_sha256": fingerprint});
        outcome(&simulator, pin(right)).await.unwrap();
        let error = outcome(&simulator, pin(other.certificate_sha256().unwrap()))
            .await
            .unwrap_err();
        assert!(matches!(error, RedfishError::Untrusted { .. }), "{error}");
    }
}

#[tokio::test]
async fn authorities_are_read_from_a_file() {
    let (simulator, other) = (start(TLS()).await, start(TLS()).await);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(simulator.certificate_pem().unwrap().as_bytes())
        .unwrap();
    let path = json!({"redfish_verify_ca": file.path()});
    outcome(&simulator, path.clone()).await.unwrap();
    let error = outcome(&other, path).await.unwrap_err();
    assert!(matches!(error, RedfishError::Untrusted { .. }), "{error}");
    let error = outcome(&simulator, json!({"redfish_verify_ca": "/nowhere/ca.pem"}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("redfish_verify_ca"), "{error}");
}

#[tokio::test]
async fn versions_and_cipher_suites_can_be_narrowed() {
    let simulator = start(TLS()).await;
    for more in [
        json!({"redfish_tls_minimum_version": "1.3"}),
        json!({"redfish_tls_minimum_version": "1.1"}),
        json!({"redfish_tls_ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384:NULL"}),
    ] {
        outcome(&simulator, more).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_in_the_clear_is_no_tls_service() {
    let simulator = start(ServiceConfig::default()).await;
    let address = json!({"redfish_address": format!("https://{}", simulator.address())});
    let error = outcome(&simulator, address).await.unwrap_err();
    assert!(matches!(error, RedfishError::Untrusted { .. }), "{error}");
    assert!(error.to_string().contains("scheme"), "{error}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_checked_against_the_certificate() {
    let simulator = start(TLS()).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(simulator.certificate_pem().unwrap().as_bytes())
        .unwrap();
    let address = format!("https://localhost:{}", simulator.address().port());
    let more = json!({"redfish_address": address, "redfish_verify_ca": file.path()});
    outcome(&simulator, more).await.unwrap();
}
