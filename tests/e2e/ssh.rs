//! Machines on a hypervisor: the driver `ssh` with Debian's `sshd`, and a driver that wants the neighbour's.

use ironbark_tests::{Hypervisor, Service, Setup, Stage, enrol, eventually};
use serde_json::{Value, json};

/// A service whose nodes may be machines on hypervisors.
fn setup() -> Setup {
    let types = vec!["ssh".to_owned(), "hostile-neighbour".to_owned()];
    Setup::default().set("drivers", "enabled_hardware_types", types)
}

fn body(hypervisor: &Hypervisor, machine: &str) -> Value {
    json!({"name": machine, "driver": "ssh", "driver_info": hypervisor.driver_info(machine)})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_a_bmc_obeys_and_its_neighbour_notices_nothing() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1", "vm-2"]) else {
        return;
    };
    let stage = Stage::shared().await;
    let service = Service::start(&stage, setup()).await;
    let client = service.client();
    let node = enrol(client, &body(&hypervisor, "vm-1")).await;
    assert_eq!(node["driver_info"]["ssh_key_contents"], "******", "{node}");
    assert_eq!(node["power_state"], "power off");

    client.power_to("vm-1", "power on", "power on").await;
    assert_eq!(hypervisor.state("vm-1"), "running");
    client.power_to("vm-1", "rebooting", "power on").await;
    let path = "/v1/nodes/vm-1/management/boot_device";
    let supported = client.get(&format!("{path}/supported")).await.expect(200);
    assert_eq!(
        supported["supported_boot_devices"],
        json!(["pxe", "disk", "cdrom"])
    );
    for (device, libvirts) in [("pxe", "network"), ("cdrom", "cdrom"), ("disk", "hd")] {
        client
            .put(path, &json!({"boot_device": device, "persistent": true}))
            .await
            .expect(204);
        assert_eq!(hypervisor.boot("vm-1"), libvirts);
        let set = client.get(path).await.expect(200);
        assert_eq!(set, json!({"boot_device": device, "persistent": true}));
    }
    client
        .put(path, &json!({"boot_device": "safe", "persistent": true}))
        .await
        .refused(400);
    client.power_to("vm-1", "power off", "power off").await;
    assert_eq!(hypervisor.state("vm-1"), "shut off");
    assert!(
        hypervisor
            .commands()
            .iter()
            .all(|line| !line.contains("vm-2"))
    );

    let audit = eventually("the record", async || {
        let path = "/ironbark/v1/audit?node=vm-1&format=jsonl";
        let text = client.get(path).await.text;
        text.contains("ssh boot-device-disk").then_some(text)
    })
    .await;
    let key = hypervisor.private_key("user");
    let secret = key.lines().nth(2).unwrap();
    for operation in ["ssh power-on", "ssh power-off", "ssh power-state"] {
        assert!(audit.contains(operation), "{operation}: {audit}");
    }
    let shown = client.get("/v1/nodes/vm-1").await.text;
    for (place, text) in [("audit", audit), ("log", service.log()), ("API", shown)] {
        assert!(!text.contains(secret), "the {place} has the key");
        assert!(
            !text.contains("qemu:///system"),
            "the {place} has the command"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_way_to_it_is_said_and_can_be_put_right() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let stage = Stage::shared().await;
    let service = Service::start(&stage, setup()).await;
    let client = service.client();
    let mut node = body(&hypervisor, "vm-1");
    node["driver_info"]["ssh_host_key"] = json!(hypervisor.fingerprint("other"));
    client.create_node(&node).await;
    client
        .verb("vm-1", &json!({"target": "manage"}))
        .await
        .expect(202);
    let failed = client
        .wait_for_node("vm-1", "to have an error", |node| {
            node["last_error"].is_string() && node["reservation"].is_null()
        })
        .await;
    let said = failed["last_error"].as_str().unwrap();
    let shown = hypervisor.fingerprint("host");
    assert!(
        said.contains(&shown) && said.contains("ssh_host_key"),
        "{said}"
    );
    assert!(hypervisor.commands().is_empty());

    let right = json!([{"op": "replace", "path": "/driver_info/ssh_host_key", "value": shown}]);
    client.patch("/v1/nodes/vm-1", &right).await.expect(200);
    client.provision("vm-1", "manage", "manageable").await;

    for (key, value) in [
        ("ssh_virt_type", "vbox"),
        ("ssh_domain", "vm-1; reboot"),
        ("ssh_domain", "3"),
    ] {
        let wrong = json!([{"op": "add", "path": format!("/driver_info/{key}"), "value": value}]);
        client.patch("/v1/nodes/vm-1", &wrong).await.expect(200);
        let validation = client.get("/v1/nodes/vm-1/validate").await.expect(200);
        assert_eq!(validation["power"]["result"], false, "{validation}");
        let reason = validation["power"]["reason"].as_str().unwrap();
        assert!(reason.contains(key), "{reason}");
    }
    let properties = client.get("/v1/drivers/ssh/properties").await.expect(200);
    assert!(properties["ssh_host_key"].is_string(), "{properties}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_it_without_having_asked() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let reason = service
        .client()
        .post("/v1/nodes", &json!({"name": "vm-1", "driver": "ssh"}))
        .await
        .refused(400);
    assert!(reason.contains("ssh"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_does_not_reach_another_machine_on_the_same_hypervisor() {
    let Some(hypervisor) = Hypervisor::start(&["mine", "other"]) else {
        return;
    };
    let stage = Stage::shared().await;
    let service = Service::start(&stage, setup().with("neighbour")).await;
    let client = service.client();
    let mut node = body(&hypervisor, "mine");
    node["driver"] = json!("hostile-neighbour");
    client.create_node(&node).await;
    client
        .verb("mine", &json!({"target": "manage"}))
        .await
        .expect(202);
    let node = client
        .wait_for_node("mine", "to have an error", |node| {
            node["last_error"].is_string() && node["reservation"].is_null()
        })
        .await;
    let said = node["last_error"].as_str().unwrap();
    assert!(said.contains("its own: Ok"), "{said}");
    assert!(said.contains("shut off"), "{said}");
    assert!(!said.contains("was not denied"), "{said}");
    assert!(
        said.contains("reinstall: Err(Error::MissingParameter") || said.contains("[ssh.templates]"),
        "{said}"
    );
    // It doesn't even know where it is.
    for hidden in ["127.0.0.1", "PRIVATE KEY", "SHA256:", "ssh_domain"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
    let ran = hypervisor.commands();
    let expected = "env LC_ALL=C virsh --connect qemu:///system domstate mine";
    assert_eq!(ran, [expected]);
    assert_eq!(hypervisor.state("other"), "shut off");
    let refused = eventually("the refusals", async || {
        let path = "/ironbark/v1/audit?node=mine&kind=denied&format=jsonl";
        let refused = client.get(path).await.text;
        refused
            .contains("ssh (unknown template)")
            .then_some(refused)
    })
    .await;
    // What it makes up is its own text, and none of the record's.
    assert!(
        !refused.contains("other") && !refused.contains("virsh"),
        "{refused}"
    );
}
