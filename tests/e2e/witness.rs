//! A BMC that others wrote, seen through the service and through `ipmitool`: both must say the same.

use std::net::SocketAddr;
use std::time::Duration;

use ironbark_tests::{Service, Setup, Stage, enrol, have};
use serde_json::json;
use tokio::process::Command;

use crate::ipmi_sim::{BOARD, IpmiSim, PASSWORD, USERNAME};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipmitool_and_the_service_agree_about_an_ipmi_sim_bmc_through_ten_cycles() {
    if !have("ipmitool") || !have("ipmi_sim") {
        return;
    }
    let stage = Stage::shared().await;
    let simulator = IpmiSim::start().unwrap();
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    // No cipher suite, no protocol version: the service finds out by itself.
    let node = json!({
        "name": "witness",
        "driver": "ipmi",
        "driver_info": {
            "ipmi_address": simulator.address.ip().to_string(),
            "ipmi_port": simulator.address.port(),
            "ipmi_username": USERNAME,
            "ipmi_password": PASSWORD,
        },
    });
    let node = enrol(client, &node).await;
    assert_eq!(node["power_state"], "power off");
    for cycle in 0..10 {
        for state in ["power on", "power off"] {
            client.power_to("witness", state, state).await;
            let seen = power_status(simulator.address).await;
            assert_eq!(
                seen,
                format!("Chassis {}", state.replacen("power", "Power is", 1)),
                "cycle {cycle}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_log_and_the_inventory_of_an_ipmi_sim_bmc_are_read_also_behind_another() {
    if !have("ipmi_sim") {
        return;
    }
    let stage = Stage::shared().await;
    let simulator = IpmiSim::start().unwrap();
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let mut info = json!({
        "ipmi_address": simulator.address.ip().to_string(),
        "ipmi_port": simulator.address.port(),
        "ipmi_username": USERNAME,
        "ipmi_password": PASSWORD,
    });
    enrol(
        client,
        &json!({"name": "logged", "driver": "ipmi", "driver_info": info}),
    )
    .await;
    let path =
        |node: &str, method: &str| format!("/v1/nodes/{node}/vendor_passthru?method={method}");
    let log = client.get(&path("logged", "get_sel")).await.expect(200);
    assert_eq!(log["entries"].as_array().map(Vec::len), Some(1), "{log}");
    let inventory = client.get(&path("logged", "get_fru")).await.expect(200);
    let board = &inventory["board"];
    for (field, expected) in [
        "manufacturer",
        "product_name",
        "serial_number",
        "part_number",
        "fru_file_id",
    ]
    .into_iter()
    .zip(BOARD)
    {
        assert_eq!(board[field], json!(expected), "{inventory}");
    }

    // The other controller has neither: whoever asks for them by way of the first isn't shown what that one has.
    info["ipmi_bridging"] = json!("single");
    info["ipmi_target_channel"] = json!("0x0");
    info["ipmi_target_address"] = json!("0x30");
    let behind = json!({"name": "behind", "driver": "ipmi", "driver_info": info});
    client.post("/v1/nodes", &behind).await.expect(201);
    let shown = client.get(&path("behind", "get_fru")).await;
    assert!(shown.status >= 400, "{}", shown.text);
    assert!(!shown.text.contains("Acme"), "{}", shown.text);
}

/// What `ipmitool` says, without any cipher setting either: it tries them one after the other, and is told to wait only a
/// second for each.
async fn power_status(address: SocketAddr) -> String {
    let running = Command::new("ipmitool")
        .args([
            "-I",
            "lanplus",
            "-H",
            &address.ip().to_string(),
            "-p",
            &address.port().to_string(),
        ])
        .args(["-U", USERNAME, "-P", PASSWORD, "-N", "1", "-R", "1"])
        .args(["power", "status"])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), running)
        .await
        .expect("ipmitool ends")
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
