//! Which System is the node's.

use ironbark_bmc::{
    TargetError,
    redfish::{Client, RedfishError, Resources},
};
use ironbark_bmc_sim::redfish::{Service as Simulator, ServiceConfig};
use serde_json::json;

use crate::support::{MS, PATIENCE, quick, start, target};

async fn find(
    client: &Client,
    simulator: &Simulator,
    system: Option<&str>,
) -> Result<Resources, RedfishError> {
    let target = target(simulator, json!({"redfish_system_id": system}));
    client.resources(&target, PATIENCE).await
}

#[tokio::test]
async fn the_only_system_needs_no_name_and_is_looked_for_once() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let found = find(&client, &simulator, None).await.unwrap();
    let expected = Resources {
        root: "/redfish/v1".to_owned(),
        system: "/redfish/v1/Systems/1".to_owned(),
        chassis: vec!["/redfish/v1/Chassis/1".to_owned()],
        managers: vec!["/redfish/v1/Managers/bmc".to_owned()],
    };
    assert_eq!(found, expected);
    let requests = simulator.requests().len();
    assert_eq!(find(&client, &simulator, None).await.unwrap(), expected);
    assert_eq!(simulator.requests().len(), requests);
}

#[tokio::test]
async fn one_of_several_systems_must_be_named() {
    let simulator = start(ServiceConfig {
        systems: 3,
        ..ServiceConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let error = find(&client, &simulator, None).await.unwrap_err();
    assert!(
        matches!(
            error,
            RedfishError::InvalidTarget(TargetError::Missing {
                key: "redfish_system_id",
                ..
            })
        ),
        "{error}"
    );
    for id in ["2", "3"] {
        let path = format!("/redfish/v1/Systems/{id}");
        let found = find(&client, &simulator, Some(&path)).await.unwrap();
        assert_eq!(found.system, path);
        assert_eq!(found.chassis, [format!("/redfish/v1/Chassis/{id}")]);
    }
    let error = find(&client, &simulator, Some("/redfish/v1/Systems/4"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            RedfishError::InvalidTarget(TargetError::Invalid {
                key: "redfish_system_id",
                ..
            })
        ),
        "{error}"
    );
    // Nodes on one service share its session.
    assert_eq!(simulator.snapshot().sessions_opened, 1);
}

#[tokio::test]
async fn a_service_without_systems_or_without_a_root_is_said() {
    let simulator = start(ServiceConfig {
        systems: 0,
        ..ServiceConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let error = find(&client, &simulator, None).await.unwrap_err();
    assert!(error.to_string().contains("has no systems"), "{error}");
    let elsewhere = target(
        &simulator,
        json!({"redfish_address": format!("{}/other/v1", simulator.url()), "redfish_auth_type": "basic"}),
    );
    let error = client.resources(&elsewhere, MS(5000)).await.unwrap_err();
    assert!(error.to_string().contains("redfish_address"), "{error}");
}

#[tokio::test]
async fn what_is_other_systems_as_well_is_known_and_looked_at_once() {
    let blades = start(ServiceConfig {
        systems: 2,
        enclosure: true,
        ..ServiceConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let blade = target(
        &blades,
        json!({"redfish_system_id": "/redfish/v1/Systems/1"}),
    );
    let found = client.resources(&blade, PATIENCE).await.unwrap();
    assert_eq!(
        found.chassis,
        ["/redfish/v1/Chassis/1", "/redfish/v1/Chassis/enclosure"]
    );
    let shared = async |path: &str| client.is_shared(&blade, path, PATIENCE).await.unwrap();
    assert!(!shared("/redfish/v1/Chassis/1").await);
    assert!(shared("/redfish/v1/Chassis/enclosure").await);
    assert!(shared("/redfish/v1/Managers/bmc").await);
    // It is gone meanwhile, and the service has others.
    assert!(shared("/redfish/v1/Chassis/3").await);
    let requests = blades.requests().len();
    assert!(shared("/redfish/v1/Managers/bmc").await);
    assert_eq!(blades.requests().len(), requests);

    let alone = start(ServiceConfig::default()).await;
    let alone = target(&alone, json!({}));
    for path in [
        "/redfish/v1/Chassis/1",
        "/redfish/v1/Managers/bmc",
        "/redfish/v1/Chassis/3",
    ] {
        let shared = client.is_shared(&alone, path, PATIENCE).await.unwrap();
        assert!(!shared, "{path}");
    }
}
