//! Racks of simulated machines, and the nodes that stand for them.

use ironbark_bmc_sim::{BmcHandle, Rack, RackConfig, redfish};
use serde_json::{Value, json};

use crate::Client;

/// A rack of simulated BMCs on loopback.
pub async fn rack(count: usize) -> Rack {
    Rack::start(RackConfig {
        count,
        ..RackConfig::default()
    })
    .await
    .expect("free UDP ports on loopback")
}

/// The body that creates an `ipmi` node for this BMC.
pub fn ipmi_node(name: &str, bmc: &BmcHandle) -> Value {
    let user = bmc.credentials();
    json!({
        "name": name,
        "driver": "ipmi",
        "driver_info": {
            "ipmi_address": bmc.address().ip().to_string(),
            "ipmi_port": bmc.address().port(),
            "ipmi_username": user.username,
            "ipmi_password": user.password,
        },
    })
}

/// A simulated Redfish service on loopback.
pub async fn redfish_service(config: redfish::ServiceConfig) -> redfish::Service {
    redfish::Service::start(config)
        .await
        .expect("a free TCP port on loopback")
}

/// The body that creates a `redfish` node for this System of the service.
pub fn redfish_node(name: &str, service: &redfish::Service, system: &str) -> Value {
    let user = service.credentials();
    json!({
        "name": name,
        "driver": "redfish",
        "driver_info": {
            "redfish_address": service.url(),
            "redfish_system_id": format!("/redfish/v1/Systems/{system}"),
            "redfish_username": user.username,
            "redfish_password": user.password,
        },
    })
}

/// Creates a node and takes it to `manageable`.
pub async fn enrol(client: &Client, body: &Value) -> Value {
    let node = client.create_node(body).await;
    let uuid = node["uuid"].as_str().expect("a uuid");
    client.provision(uuid, "manage", "manageable").await
}
