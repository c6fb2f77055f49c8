//! ETags: nothing is overwritten that wasn't seen.

use ironbark_bmc::redfish::Client;
use ironbark_bmc_sim::{
    Chance,
    redfish::{Faults, ServiceConfig},
};

use crate::support::{SYSTEM, ask, boot_from, power, quick, service, start};

/// The conditions of the PATCH requests so far.
fn conditions(simulator: &ironbark_bmc_sim::redfish::Service) -> Vec<(Option<String>, u16)> {
    simulator
        .requests()
        .into_iter()
        .filter(|seen| seen.method == "PATCH")
        .map(|seen| (seen.if_match, seen.status.unwrap()))
        .collect()
}

#[tokio::test]
async fn a_change_names_the_version_that_was_read() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let service = service(&simulator);
    ask(&client, &service, &boot_from("Pxe")).await.unwrap();
    power(&client, &service).await.unwrap();
    ask(&client, &service, &boot_from("Cd")).await.unwrap();
    let seen = conditions(&simulator);
    assert_eq!(seen, [(None, 204), (Some("\"2\"".to_owned()), 204)]);
}

#[tokio::test]
async fn a_resource_that_changed_meanwhile_is_read_once_more() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    simulator.set_faults(Faults {
        changed_meanwhile: Chance::Next(1),
        ..Faults::default()
    });
    let response = ask(&client, &service, &boot_from("Pxe")).await.unwrap();
    assert_eq!(response.status, 204);
    let seen = conditions(&simulator);
    assert_eq!(
        seen,
        [
            (Some("\"1\"".to_owned()), 412),
            (Some("\"2\"".to_owned()), 204)
        ]
    );

    // One that never keeps still isn't fought with.
    power(&client, &service).await.unwrap();
    simulator.set_faults(Faults {
        changed_meanwhile: Chance::Always,
        ..Faults::default()
    });
    let response = ask(&client, &service, &boot_from("Cd")).await.unwrap();
    assert_eq!(response.status, 412);
    assert_eq!(conditions(&simulator).len(), 4);
    assert_eq!(simulator.count("GET", SYSTEM), 4);
}

#[tokio::test]
async fn a_weak_version_is_made_strong_for_a_service_that_wants_it_so() {
    let simulator = start(ServiceConfig {
        weak_etags: true,
        ..ServiceConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    let response = ask(&client, &service, &boot_from("Pxe")).await.unwrap();
    assert_eq!(response.status, 204);
    let seen = conditions(&simulator);
    assert_eq!(
        seen,
        [
            (Some("W/\"1\"".to_owned()), 412),
            (Some("\"1\"".to_owned()), 204)
        ]
    );
}
