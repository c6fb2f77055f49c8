//! What all of these tests need.

use std::time::Duration;

use ironbark_bmc::redfish::{
    Client, ClientConfig, Method, RedfishError, Request, Response, Service, Target,
};
use ironbark_bmc_sim::redfish::{Service as Simulator, ServiceConfig};
use serde_json::{Map, Value, json};

/// Long enough for every answer that comes at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";
pub(crate) const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;

/// A client with little patience, as a service on loopback needs little.
pub(crate) fn quick() -> ClientConfig {
    ClientConfig {
        connect_timeout: MS(2000),
        read_timeout: MS(300),
        backoff: MS(20),
        ..ClientConfig::default()
    }
}

pub(crate) async fn start(config: ServiceConfig) -> Simulator {
    Simulator::start(config).await.unwrap()
}

/// The keys that lead to a simulator, with more or other ones.
pub(crate) fn keys(simulator: &Simulator, more: Value) -> Map<String, Value> {
    let credentials = simulator.credentials();
    let mut keys = json!({
        "redfish_address": simulator.url(),
        "redfish_username": credentials.username,
        "redfish_password": credentials.password,
        "redfish_verify_ca": false,
    });
    let map = keys.as_object_mut().unwrap();
    map.extend(more.as_object().unwrap().clone());
    map.clone()
}

pub(crate) fn target(simulator: &Simulator, more: Value) -> Target {
    Target::from_driver_info(&keys(simulator, more)).unwrap()
}

pub(crate) fn service(simulator: &Simulator) -> Service {
    target(simulator, json!({})).service
}

pub(crate) async fn ask(
    client: &Client,
    service: &Service,
    request: &Request,
) -> Result<Response, RedfishError> {
    client.request(service, request, PATIENCE).await
}

/// What the service says about the first system's power.
pub(crate) async fn power(client: &Client, service: &Service) -> Result<String, RedfishError> {
    let response = ask(client, service, &Request::get(SYSTEM)).await?;
    assert_eq!(response.status, 200);
    Ok(response.body.unwrap()["PowerState"]
        .as_str()
        .unwrap()
        .to_owned())
}

pub(crate) fn reset(kind: &str) -> Request {
    Request::post(RESET, json!({"ResetType": kind}))
}

pub(crate) fn boot_from(device: &str) -> Request {
    Request::patch(
        SYSTEM,
        json!({"Boot": {"BootSourceOverrideTarget": device, "BootSourceOverrideEnabled": "Once"}}),
    )
}

pub(crate) fn delete(path: &str) -> Request {
    Request {
        method: Method::Delete,
        path: path.to_owned(),
        body: None,
    }
}

/// Awaits what must come soon, and says what it was if it doesn't.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}
