//! The tour: everything that an operator of a small site does on the first day.

use ironbark_bmc_sim::{BmcHandle, Command};
use ironbark_tests::{Client, Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_obey_and_tell() {
    let stage = Stage::shared().await;
    let rack = rack(3).await;
    let service = Service::start(&stage, Setup::default()).await;
    machines(service.client(), rack.bmcs()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fake_node_is_deployed_torn_down_and_deleted() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    life(service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipmi_node_does_not_pretend_to_deploy() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let mut body = ipmi_node("bare", &rack.bmcs()[0]);
    body["automated_clean"] = json!(false);
    let node = enrol(client, &body).await;
    assert_eq!(node["deploy_interface"], "no-deploy");
    assert_eq!(node["boot_interface"], "no-boot");
    let before = client.provision("bare", "provide", "available").await;

    let validation = client.get("/v1/nodes/bare/validate").await.expect(200);
    assert_eq!(validation["power"]["result"], true, "{validation}");
    assert_eq!(validation["deploy"]["result"], false, "{validation}");
    assert_eq!(validation["boot"]["result"], false, "{validation}");

    let reason = client
        .verb("bare", &json!({"target": "active"}))
        .await
        .refused(400);
    assert!(
        reason.contains("no-deploy") || reason.to_lowercase().contains("deploy"),
        "{reason}"
    );
    let after = client.node("bare").await;
    for field in [
        "provision_state",
        "target_provision_state",
        "reservation",
        "power_state",
        "last_error",
        "maintenance",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(!rack.bmcs()[0].power(), "the machine was switched on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_commands_are_steps_of_cleaning() {
    // Chassis Identify, for 15 seconds.
    const IDENTIFY: Command = Command::new(0x00, 0x04);
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    // By default no client can: the operator has to want it.
    let allowed = Vec::<String>::new();
    let setup = Setup::default().set("api", "disallow_clean_steps", allowed);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    enrol(client, &ipmi_node("raw", bmc)).await;
    let step = |raw: &str| {
        let args = json!({"raw_bytes": raw});
        let step = json!({"interface": "vendor", "step": "send_raw", "args": args});
        json!({"target": "clean", "clean_steps": [step]})
    };
    let node = client
        .provision_with("raw", &step("0x00 0x04 0x0f"), "manageable")
        .await;
    assert_eq!(node["last_error"], Value::Null, "{node}");
    let sent = bmc.commands();
    let sent: Vec<_> = sent.iter().filter(|one| one.command == IDENTIFY).collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].data, [0x0f]);

    // What isn't granted isn't sent, and the step is named.
    client
        .verb("raw", &step("0x06 0x47 0x02 0x02"))
        .await
        .expect(202);
    let node = client
        .wait_for_node("raw", "to fail", |node| {
            node["provision_state"] == "clean failed" && node["reservation"].is_null()
        })
        .await;
    let error = node["last_error"].as_str().unwrap();
    assert!(
        error.contains("vendor.send_raw") && error.contains("ipmi:users"),
        "{error}"
    );
    assert_eq!(bmc.count(Command::new(0x06, 0x47)), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fake_node_is_inspected_rescued_and_brought_back() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    enrol(client, &json!({"name": "early", "driver": "fake-hardware"})).await;
    let found = client.provision("early", "inspect", "manageable").await;
    assert!(!found["inspection_finished_at"].is_null(), "{found}");
    assert_eq!(found["properties"]["cpu_arch"], "x86_64", "{found}");
    client.provision("early", "provide", "available").await;
    client.provision("early", "active", "active").await;
    let rescue = |password: &str| json!({"target": "rescue", "rescue_password": password});
    client.verb("early", &rescue(" ")).await.refused(400);
    let rescued = client
        .provision_with("early", &rescue("correct horse"), "rescue")
        .await;
    assert_eq!(rescued["instance_info"]["rescue_password"], "******");
    let back = client.provision("early", "unrescue", "active").await;
    assert_eq!(back["instance_info"], json!({}));
    assert!(!service.log().contains("correct horse"));
}

/// Everything that a node of the `ipmi` driver can do, on each of these machines.
pub(crate) async fn machines(client: &Client, bmcs: &[BmcHandle]) {
    for (index, bmc) in bmcs.iter().enumerate() {
        let name = format!("machine-{index}");
        let created = client.create_node(&ipmi_node(&name, bmc)).await;
        assert_eq!(created["provision_state"], "enroll");
        assert_eq!(created["driver_info"]["ipmi_password"], "******");
        assert_eq!(created["power_interface"], "ipmitool");
        let node = client.provision(&name, "manage", "manageable").await;
        assert_eq!(node["power_state"], "power off", "{node}");
        assert_eq!(node["last_error"], Value::Null);
        power(client, &name, bmc).await;
        boot_device(client, &name, bmc).await;
        interrupt(client, &name, bmc).await;
        vendor_methods(client, &name, bmc).await;
    }
    let listed = client.get("/v1/nodes?driver=ipmi").await.expect(200);
    assert_eq!(listed["nodes"].as_array().unwrap().len(), bmcs.len());
}

/// A node of the `fake-hardware` driver, from its enrolment to its end.
pub(crate) async fn life(client: &Client) {
    client
        .create_node(&json!({"name": "mayfly", "driver": "fake-hardware"}))
        .await;
    let node = client.provision("mayfly", "manage", "manageable").await;
    assert_eq!(node["target_provision_state"], Value::Null);
    let validation = client.get("/v1/nodes/mayfly/validate").await.expect(200);
    for interface in [
        "boot",
        "deploy",
        "management",
        "network",
        "power",
        "bios",
        "console",
        "firmware",
        "inspect",
        "raid",
        "rescue",
        "storage",
    ] {
        assert_eq!(
            validation[interface]["result"], true,
            "{interface}: {validation}"
        );
    }
    client.provision("mayfly", "provide", "available").await;
    let node = client
        .provision_with(
            "mayfly",
            &json!({"target": "active", "configdrive": {"meta_data": {"hello": "there"}}}),
            "active",
        )
        .await;
    assert_eq!(node["deploy_step"], json!({}));
    assert_ne!(
        node["instance_info"]["configdrive"]["meta_data"]["hello"], "there",
        "it is shown in clear"
    );
    client.provision("mayfly", "rebuild", "active").await;
    let node = client.provision("mayfly", "deleted", "available").await;
    assert_eq!(node["instance_info"], json!({}));

    let history = client
        .get("/v1/nodes/mayfly/history?detail=true")
        .await
        .expect(200);
    let events: Vec<&str> = history["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["event_type"].as_str())
        .collect();
    assert!(
        events.iter().any(|event| event.contains("deploy")),
        "{history}"
    );
    assert!(
        events.iter().any(|event| event.contains("clean")),
        "{history}"
    );

    client.delete("/v1/nodes/mayfly").await.expect(204);
    client.get("/v1/nodes/mayfly").await.refused(404);
}

async fn power(client: &Client, name: &str, bmc: &BmcHandle) {
    client.power_to(name, "power on", "power on").await;
    assert!(bmc.power());
    // Already there: a success, and no command to the machine.
    let sent = bmc.count(Command::CHASSIS_CONTROL);
    client.power_to(name, "power on", "power on").await;
    assert_eq!(bmc.count(Command::CHASSIS_CONTROL), sent);

    client.power_to(name, "rebooting", "power on").await;
    assert!(bmc.power());
    assert_eq!(controls(bmc)[1..], [0, 1], "a reboot is off, then on");

    client.power_to(name, "soft power off", "power off").await;
    assert!(!bmc.power());
    assert_eq!(controls(bmc).last(), Some(&5), "soft off");

    client.power_to(name, "power on", "power on").await;
    client.power_to(name, "power off", "power off").await;
    assert!(!bmc.power());
    client.power(name, "power sideways").await.refused(400);
}

async fn boot_device(client: &Client, name: &str, bmc: &BmcHandle) {
    let path = format!("/v1/nodes/{name}/management/boot_device");
    let supported = client.get(&format!("{path}/supported")).await.expect(200);
    let mut devices: Vec<&str> = supported["supported_boot_devices"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    devices.sort_unstable();
    assert_eq!(devices, ["bios", "cdrom", "disk", "pxe", "safe"]);
    client
        .put(&path, &json!({"boot_device": "pxe", "persistent": false}))
        .await
        .expect(204);
    assert_eq!(
        client.get(&path).await.expect(200),
        json!({"boot_device": "pxe", "persistent": false})
    );
    client
        .put(&path, &json!({"boot_device": "disk", "persistent": true}))
        .await
        .expect(204);
    assert_eq!(
        client.get(&path).await.expect(200),
        json!({"boot_device": "disk", "persistent": true})
    );
    // IPMI 2.0 table 28-14, parameter 5: valid and for all boots, then the device.
    let flags = bmc.boot_option(5).expect("boot flags");
    assert_eq!(flags[0] & 0xc0, 0xc0, "{flags:02x?}");
    assert_eq!(flags[1] & 0x3c, 0x08, "{flags:02x?}");
    let reason = client
        .put(&path, &json!({"boot_device": "teapot"}))
        .await
        .refused(400);
    assert!(reason.contains("teapot"), "{reason}");
}

async fn interrupt(client: &Client, name: &str, bmc: &BmcHandle) {
    client.power_to(name, "power on", "power on").await;
    let before = bmc.snapshot().diagnostic_interrupts;
    client
        .put(
            &format!("/v1/nodes/{name}/management/inject_nmi"),
            &json!({}),
        )
        .await
        .expect(204);
    assert_eq!(bmc.snapshot().diagnostic_interrupts, before + 1);
    client.power_to(name, "power off", "power off").await;
}

async fn vendor_methods(client: &Client, name: &str, bmc: &BmcHandle) {
    let path = format!("/v1/nodes/{name}/vendor_passthru");
    let methods = client.get(&format!("{path}/methods")).await.expect(200);
    assert_eq!(
        methods["send_raw"]["http_methods"],
        json!(["POST"]),
        "{methods}"
    );
    assert_eq!(methods["bmc_reset"]["async"], true, "{methods}");
    let before = bmc.count(Command::GET_DEVICE_ID);
    client
        .post(
            &format!("{path}/send_raw"),
            &json!({"raw_bytes": "0x06 0x01"}),
        )
        .await
        .expect(202);
    eventually("the raw command", async || {
        (bmc.count(Command::GET_DEVICE_ID) > before).then_some(())
    })
    .await;
    client
        .wait_for_node(name, "the vendor call to end", |node| {
            node["reservation"].is_null()
        })
        .await;
    client.get(&format!("{path}/send_raw")).await.refused(400);
    client
        .post(&format!("{path}/brew"), &json!({}))
        .await
        .refused(400);
    // Commands about users and passwords aren't granted, even to an operator's raw bytes.
    client
        .post(
            &format!("{path}/send_raw"),
            &json!({"raw_bytes": "0x06 0x47 0x02 0x02"}),
        )
        .await
        .expect(202);
    let node = client
        .wait_for_node(name, "the refusal to be told", |node| {
            node["last_error"].is_string()
        })
        .await;
    let error = node["last_error"].as_str().unwrap();
    assert!(error.contains("ipmi:users"), "{error}");
    assert_eq!(bmc.count(Command::new(0x06, 0x47)), 0);
    for warm in [true, false] {
        restarts(client, name, bmc, warm).await;
    }
}

/// The BMC restarts, and answers afterwards.
async fn restarts(client: &Client, name: &str, bmc: &BmcHandle, warm: bool) {
    let command = Command::new(0x06, if warm { 0x03 } else { 0x02 });
    let before = (bmc.count(command), bmc.snapshot().reboots);
    let path = format!("/v1/nodes/{name}/vendor_passthru/bmc_reset");
    client.post(&path, &json!({"warm": warm})).await.expect(202);
    eventually("the BMC to restart", async || {
        let now = (bmc.count(command), bmc.snapshot().reboots);
        (now == (before.0 + 1, before.1 + 1)).then_some(())
    })
    .await;
    client
        .wait_for_node(name, "the vendor call to end", |node| {
            node["reservation"].is_null()
        })
        .await;
    client.power_to(name, "power on", "power on").await;
    client.power_to(name, "power off", "power off").await;
}

/// What Chassis Control was asked so far.
fn controls(bmc: &BmcHandle) -> Vec<u8> {
    let commands = bmc.commands();
    commands
        .iter()
        .filter(|record| record.command == Command::CHASSIS_CONTROL)
        .filter_map(|record| record.data.first().copied())
        .collect()
}
