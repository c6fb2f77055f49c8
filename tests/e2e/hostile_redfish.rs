//! Drivers and services of Redfish that mean harm: what isn't the node's is never reached.

use ironbark_bmc_sim::Chance;
use ironbark_bmc_sim::redfish::{Faults, Misbehaviour, ServiceConfig};
use ironbark_tests::{
    Client, Service, Setup, Stage, enrol, eventually, redfish_node, redfish_service,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trespasser_stays_on_its_own_system() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig {
        systems: 2,
        enclosure: true,
        ..ServiceConfig::default()
    })
    .await;
    let setup = Setup::default()
        .with("trespass")
        .set("drivers", "quarantine_faults", 0);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    let mut body = redfish_node("walker", &bmc, "1");
    body["driver"] = json!("hostile-trespass");
    // It says so if anything of what it tried got through.
    let node = enrol(client, &body).await;
    assert_eq!(node["power_state"], "power off", "{node}");

    let own = [
        "/redfish/v1/Systems/1",
        "/redfish/v1/SessionService/Sessions",
        "/redfish/v1/",
        // Read by the host, to see whose else they are.
        "/redfish/v1/Chassis/enclosure",
        "/redfish/v1/Managers/bmc",
    ];
    for seen in bmc.requests() {
        let expected = own.contains(&seen.path.as_str())
            || (seen.method == "DELETE" && seen.path.starts_with(own[1]));
        assert!(expected, "{} {} was sent", seen.method, seen.path);
        assert_ne!(seen.method, "PATCH");
        assert!(
            seen.method != "POST" || seen.path == own[1],
            "{} was sent",
            seen.path
        );
    }
    assert!(!bmc.snapshot().systems[1].power);
    eventually("the refusals", async || {
        let path = "/ironbark/v1/audit?node=walker&kind=denied&format=jsonl";
        let refused = client.get(path).await.text;
        [
            "redfish GET /redfish/v1/Systems/2",
            "redfish POST /redfish/v1/Systems/2/Actions/ComputerSystem.Reset",
            "redfish PATCH /redfish/v1/Systems/1/Bios/Settings",
            "redfish GET /redfish/v1/AccountService/Accounts/1",
            "redfish PATCH /redfish/v1/Chassis/enclosure",
            "redfish POST /redfish/v1/Managers/bmc/VirtualMedia/1/Actions/VirtualMedia.InsertMedia",
        ]
        .iter()
        .all(|operation| refused.contains(operation))
        .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_another_host_is_not_followed() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig::default()).await;
    let lure = redfish_service(ServiceConfig::default()).await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    enrol(client, &redfish_node("lured", &bmc, "1")).await;
    bmc.set_faults(Faults {
        answers: Chance::Always,
        answer: Misbehaviour::Redirect(format!("{}/redfish/v1/Systems/1", lure.url())),
        only: "/Systems/1".to_owned(),
        ..Faults::default()
    });
    let path = "/v1/nodes/lured/management/boot_device";
    let reason = client.get(path).await.refused(403);
    assert!(reason.contains("another host"), "{reason}");
    let on = client.power("lured", "power on").await;
    if on.status == 202 {
        client
            .wait_for_node("lured", "to have an error", |node| {
                node["last_error"].is_string() && node["reservation"].is_null()
            })
            .await;
    }
    assert_eq!(lure.snapshot().connections, 0);
    assert!(!bmc.snapshot().systems[0].power);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_outside_of_the_allowed_networks_gets_no_packet() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig::default()).await;
    let allowed = vec!["192.0.2.0/24".to_owned()];
    let setup = Setup::default().set("bmc", "allowed_networks", allowed);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    client.create_node(&redfish_node("astray", &bmc, "1")).await;
    let said = fails_to_manage(client, "astray").await;
    assert!(said.contains("allowed_networks"), "{said}");
    assert_eq!(bmc.snapshot().connections, 0);
}

/// What a node says when it can't be managed.
async fn fails_to_manage(client: &Client, node: &str) -> String {
    let manage = json!({"target": "manage"});
    client.verb(node, &manage).await.expect(202);
    let node = client
        .wait_for_node(node, "to have an error", |node: &Value| {
            node["last_error"].is_string() && node["reservation"].is_null()
        })
        .await;
    node["last_error"].as_str().unwrap().to_owned()
}
