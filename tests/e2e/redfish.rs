//! Machines with Redfish: everything that the `redfish` driver does, and what it gets over.

use ironbark_bmc_sim::Chance;
use ironbark_bmc_sim::redfish::{Faults, Misbehaviour, ServiceConfig};
use ironbark_tests::{
    Client, Service, Setup, Stage, enrol, eventually, redfish_node, redfish_service,
};
use serde_json::{Value, json};

const RESET: &str = "/Systems/1/Actions/ComputerSystem.Reset";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_obey_and_tell() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig {
        systems: 2,
        ..ServiceConfig::default()
    })
    .await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let created = client.create_node(&redfish_node("obeys", &bmc, "1")).await;
    assert_eq!(created["power_interface"], "redfish");
    assert_eq!(created["bios_interface"], "redfish");
    assert_eq!(created["driver_info"]["redfish_password"], "******");
    let node = client.provision("obeys", "manage", "manageable").await;
    assert_eq!(node["power_state"], "power off", "{node}");

    let system = || bmc.snapshot().systems[0].clone();
    client.power_to("obeys", "power on", "power on").await;
    assert!(system().power);
    let boots = system().boots;
    client.power_to("obeys", "rebooting", "power on").await;
    bmc.wait_until(|now| now.systems[0].boots > boots).await;
    boot_device(client).await;
    let before = system().diagnostic_interrupts;
    let nmi = "/v1/nodes/obeys/management/inject_nmi";
    client.put(nmi, &json!({})).await.expect(204);
    assert_eq!(system().diagnostic_interrupts, before + 1);
    client
        .power_to("obeys", "soft power off", "power off")
        .await;
    assert!(!system().power);
    client.power_to("obeys", "power on", "power on").await;
    bmc.wait_until(|now| now.systems[0].booted_from.as_deref() == Some("Hdd"))
        .await;
    client.power_to("obeys", "power off", "power off").await;
    assert!(!bmc.snapshot().systems[1].power, "the other was switched");

    let indicator = "/v1/nodes/obeys/management/indicators/1@system";
    client
        .put(indicator, &json!({"state": "blinking"}))
        .await
        .expect(204);
    assert_eq!(system().indicator, "Blinking");
    let read = client.get(indicator).await.expect(200);
    assert_eq!(read, json!({"state": "blinking"}));
    let listed = client
        .get("/v1/nodes/obeys/management/indicators")
        .await
        .expect(200);
    let names: Vec<&Value> = listed["indicators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert!(names.contains(&&json!("1@system")), "{listed}");
    boot_mode(client, &bmc).await;
    media(client, &bmc).await;

    // Each change is recorded with method and path, and nothing of what was sent or said.
    let rows = client
        .get("/ironbark/v1/audit?node=obeys&format=jsonl")
        .await
        .text;
    assert!(
        rows.contains(&format!("redfish POST /redfish/v1{RESET}")),
        "{rows}"
    );
    assert!(rows.contains("redfish PATCH /redfish/v1/Systems/1"));
    assert!(!rows.contains("ForceOff") && !rows.contains("blinking"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_inspected_without_a_ramdisk() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig::default()).await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let created = client
        .create_node(&redfish_node("looked-at", &bmc, "1"))
        .await;
    assert_eq!(created["inspect_interface"], "redfish");
    client.provision("looked-at", "manage", "manageable").await;
    let node = client.provision("looked-at", "inspect", "manageable").await;
    assert_eq!(node["last_error"], Value::Null, "{node}");
    assert_eq!(
        node["properties"],
        json!({
            "cpu_arch": "x86_64", "cpus": 32, "memory_mb": 65_536, "local_gb": 4000, "vendor": "Ironbark",
            "capabilities": "boot_mode:uefi",
        })
    );
    let inventory = client
        .get("/v1/nodes/looked-at/inventory")
        .await
        .expect(200);
    assert_eq!(
        inventory["inventory"]["cpu"]["model_name"],
        "Simulated processor"
    );
    assert_eq!(inventory["inventory"]["disks"].as_array().unwrap().len(), 2);
    let ports = client.get("/v1/nodes/looked-at/ports").await.expect(200);
    let addresses: Vec<&Value> = ports["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| &port["address"])
        .collect();
    assert_eq!(addresses, ["52:54:00:00:01:00"]);
    assert!(!bmc.snapshot().systems[0].power, "it needed no start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blade_has_what_is_its_own_and_reads_the_rest() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig {
        systems: 2,
        enclosure: true,
        ..ServiceConfig::default()
    })
    .await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    enrol(client, &redfish_node("blade", &bmc, "1")).await;
    let indicator = |name: &str| format!("/v1/nodes/blade/management/indicators/{name}@chassis");
    let (own, shared) = (indicator("1"), indicator("enclosure"));
    let lit = json!({"state": "on"});
    client.put(&own, &lit).await.expect(204);
    assert_eq!(client.get(&own).await.expect(200), lit);
    let off = json!({"state": "off"});
    assert_eq!(client.get(&shared).await.expect(200), off);
    // As often as would get a driver quarantined that reaches for what isn't its own.
    for _ in 0..8 {
        let reason = client.put(&shared, &lit).await.refused(403);
        assert!(reason.contains("redfish:shared"), "{reason}");
    }
    assert_eq!(client.get(&shared).await.expect(200), off);
    assert_eq!(bmc.count("PATCH", "enclosure"), 0);
    let package = client
        .get("/ironbark/v1/packages/redfish")
        .await
        .expect(200);
    assert_eq!(package["versions"][0]["active"], true, "{package}");
    assert_eq!(package["usage"][0]["faults"], json!({}), "{package}");
    client.power_to("blade", "power on", "power on").await;
}

async fn boot_device(client: &Client) {
    let path = "/v1/nodes/obeys/management/boot_device";
    let supported = client.get(&format!("{path}/supported")).await.expect(200);
    let mut devices: Vec<&str> = supported["supported_boot_devices"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    devices.sort_unstable();
    assert_eq!(devices, ["bios", "cdrom", "disk", "pxe", "uefihttp"]);
    for (device, persistent) in [("pxe", false), ("disk", true)] {
        let wanted = json!({"boot_device": device, "persistent": persistent});
        client.put(path, &wanted).await.expect(204);
        assert_eq!(client.get(path).await.expect(200), wanted);
    }
    let reason = client
        .put(path, &json!({"boot_device": "wanboot"}))
        .await
        .refused(400);
    assert!(reason.contains("wanboot"), "{reason}");
}

async fn boot_mode(client: &Client, bmc: &ironbark_bmc_sim::redfish::Service) {
    assert_eq!(bmc.snapshot().systems[0].boot_mode, "UEFI");
    for (mode, of_machine) in [("bios", "Legacy"), ("uefi", "UEFI")] {
        client
            .put("/v1/nodes/obeys/states/boot_mode", &json!({"target": mode}))
            .await
            .expect(202);
        let node = client
            .wait_for_node("obeys", "the mode to be set", |node| {
                node["boot_mode"] == mode && node["reservation"].is_null()
            })
            .await;
        assert_eq!(node["last_error"], Value::Null, "{node}");
        assert_eq!(bmc.snapshot().systems[0].boot_mode, of_machine);
    }
}

async fn media(client: &Client, bmc: &ironbark_bmc_sim::redfish::Service) {
    const URL: &str = "http://192.0.2.1/tools.iso";
    let image = json!({"device_type": "cdrom", "image_url": URL, "image_download_source": "http"});
    let answer = client.post("/v1/nodes/obeys/vmedia", &image).await;
    assert!(answer.status < 300, "{}", answer.text);
    bmc.wait_until(|now| now.systems[0].media.as_deref() == Some(URL))
        .await;
    let idle = |node: &Value| node["reservation"].is_null();
    client
        .wait_for_node("obeys", "the medium to be in", idle)
        .await;
    let eject = "/v1/nodes/obeys/vendor_passthru/eject_vmedia";
    client
        .post(eject, &json!({"boot_device": "tape"}))
        .await
        .refused(400);
    client
        .post(eject, &json!({"boot_device": "cdrom"}))
        .await
        .expect(202);
    bmc.wait_until(|now| now.systems[0].media.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bios_settings_are_read_and_changed_with_a_restart() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig::default()).await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    enrol(client, &redfish_node("tuned", &bmc, "1")).await;
    let step = |name: &str, args: Value| json!({"target": "clean", "clean_steps": [{"interface": "bios", "step": name, "args": args}]});
    let unknown = step(
        "apply_configuration",
        json!({"settings": [{"name": "Warp", "value": 9}]}),
    );
    client.verb("tuned", &unknown).await.expect(202);
    let failed = client
        .wait_for_node("tuned", "cleaning to fail", |node| {
            node["provision_state"] == "clean failed" && node["reservation"].is_null()
        })
        .await;
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.contains("Warp"), "{error}");
    assert_eq!(bmc.count("PATCH", "Bios"), 0);
    assert_eq!(bmc.snapshot().systems[0].boots, 0);
    client.provision("tuned", "manage", "manageable").await;
    client
        .delete("/v1/nodes/tuned/maintenance")
        .await
        .expect(202);

    let cores = step(
        "apply_configuration",
        json!({"settings": [{"name": "NumCores", "value": 16}, {"name": "ProcTurboMode", "value": "Disabled"}]}),
    );
    client.provision_with("tuned", &cores, "manageable").await;
    assert_eq!(setting(client, "NumCores").await["value"], "16");
    let turbo = setting(client, "ProcTurboMode").await;
    assert_eq!(turbo["value"], "Disabled");
    assert_eq!(turbo["attribute_type"], "Enumeration");
    assert_eq!(turbo["allowable_values"], json!(["Enabled", "Disabled"]));
    let now = bmc.snapshot().systems[0].clone();
    assert_eq!(now.boots, 1, "one restart");
    assert!(!now.power, "it was off before");

    let reset = step("factory_reset", json!({}));
    client.provision_with("tuned", &reset, "manageable").await;
    assert_eq!(setting(client, "NumCores").await["value"], "8");
}

async fn setting(client: &Client, name: &str) -> Value {
    let path = format!("/v1/nodes/tuned/bios/{name}");
    let found = client.get(&path).await.expect(200);
    found[name].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_services_do_is_got_over_or_told() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig::default()).await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    enrol(client, &redfish_node("moody", &bmc, "1")).await;
    let path = "/v1/nodes/moody/management/boot_device";
    let pxe = json!({"boot_device": "pxe", "persistent": true});

    // The session is gone: one more login, and the change is made once.
    let opened = bmc.snapshot().sessions_opened;
    bmc.set_faults(Faults {
        expire_sessions: Chance::Next(1),
        ..Faults::default()
    });
    client.put(path, &pxe).await.expect(204);
    assert_eq!(bmc.snapshot().sessions_opened, opened + 1);

    // Somebody else changed the System meanwhile.
    let refused = || {
        let requests = bmc.requests();
        requests
            .iter()
            .filter(|seen| seen.status == Some(412))
            .count()
    };
    bmc.set_faults(Faults {
        changed_meanwhile: Chance::Next(1),
        ..Faults::default()
    });
    let disk = json!({"boot_device": "disk", "persistent": true});
    client.put(path, &disk).await.expect(204);
    assert_eq!(refused(), 1);
    assert_eq!(client.get(path).await.expect(200), disk);

    // Busy for a moment, and busy for long.
    let unavailable = |seconds, chance| Faults {
        answers: chance,
        answer: Misbehaviour::Unavailable(Some(seconds)),
        ..Faults::default()
    };
    bmc.set_faults(unavailable(1, Chance::Next(1)));
    client.put(path, &pxe).await.expect(204);
    bmc.set_faults(unavailable(120, Chance::Always));
    let reason = client.put(path, &disk).await.refused(409);
    assert!(reason.contains("busy"), "{reason}");
    bmc.set_faults(Faults::default());
    assert_eq!(client.get(path).await.expect(200), pxe);

    // Credentials that are wrong are tried once.
    let wrong =
        json!([{"op": "replace", "path": "/driver_info/redfish_password", "value": "wrong"}]);
    client.patch("/v1/nodes/moody", &wrong).await.expect(200);
    let answer = client.get(path).await;
    let reason = answer.refused(502);
    assert!(reason.contains("redfish_password"), "{reason}");
    assert!(!answer.text.contains(&bmc.address().to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_checked_or_pinned() {
    let stage = Stage::shared().await;
    let bmc = redfish_service(ServiceConfig {
        tls: true,
        ..ServiceConfig::default()
    })
    .await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    client.create_node(&redfish_node("sealed", &bmc, "1")).await;
    let refused = async |expected: &str| {
        let manage = json!({"target": "manage"});
        client.verb("sealed", &manage).await.expect(202);
        let node = client
            .wait_for_node("sealed", "to have an error", |node| {
                node["last_error"].is_string()
                    && node["reservation"].is_null()
                    && node["provision_state"] == "enroll"
            })
            .await;
        let error = node["last_error"].as_str().unwrap();
        assert!(error.contains(expected), "{error}");
    };
    // Nobody vouches for it.
    refused("redfish_verify_ca").await;
    let pin = |digits: &str| json!([{"op": "add", "path": "/driver_info/redfish_certificate_sha256", "value": digits}]);
    let other = pin(&"ab".repeat(32));
    client.patch("/v1/nodes/sealed", &other).await.expect(200);
    refused("redfish_certificate_sha256").await;
    assert_eq!(bmc.snapshot().requests, 0, "something was sent to it");

    let right = pin(bmc.certificate_sha256().unwrap());
    client.patch("/v1/nodes/sealed", &right).await.expect(200);
    client.provision("sealed", "manage", "manageable").await;
    client.power_to("sealed", "power on", "power on").await;
    assert!(bmc.snapshot().systems[0].power);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_keys_are_checked_and_shown() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    client
        .create_node(&json!({"name": "bare", "driver": "redfish"}))
        .await;
    let validated = async || client.get("/v1/nodes/bare/validate").await.expect(200);
    let before = validated().await;
    for interface in ["power", "management", "bios"] {
        assert_eq!(before[interface]["result"], false, "{before}");
        let reason = before[interface]["reason"].as_str().unwrap();
        assert!(reason.contains("redfish_address"), "{reason}");
    }
    let set = |key: &str, value: &str| json!([{"op": "add", "path": format!("/driver_info/{key}"), "value": value}]);
    let address = set("redfish_address", "https://192.0.2.1");
    client.patch("/v1/nodes/bare", &address).await.expect(200);
    assert_eq!(validated().await["power"]["result"], true);
    let auth = set("redfish_auth_type", "guess");
    client.patch("/v1/nodes/bare", &auth).await.expect(200);
    let after = validated().await;
    assert_eq!(after["power"]["result"], false, "{after}");
    let reason = after["power"]["reason"].as_str().unwrap();
    assert!(reason.contains("redfish_auth_type"), "{reason}");

    let properties = client
        .get("/v1/drivers/redfish/properties")
        .await
        .expect(200);
    for key in [
        "redfish_address",
        "redfish_certificate_sha256",
        "redfish_tls_minimum_version",
    ] {
        assert!(properties[key].is_string(), "{properties}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_nodes_that_change_or_go_are_closed() {
    let stage = Stage::shared().await;
    // Two: this driver tries to change what is another's as well, and says so if it may.
    let bmc = redfish_service(ServiceConfig {
        systems: 2,
        ..ServiceConfig::default()
    })
    .await;
    // No session ends because it is idle.
    let setup = Setup::default()
        .with("trespass")
        .set("bmc", "session_idle_timeout", 3600)
        .set("drivers", "quarantine_faults", 0);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    // The keys have other names in this driver.
    let mut body = redfish_node("renamed", &bmc, "1");
    body["driver"] = json!("hostile-trespass");
    let user = bmc.credentials();
    body["driver_info"] = json!({
        "trespass_address": bmc.url(), "trespass_password": user.password,
        "redfish_username": user.username, "redfish_system_id": "/redfish/v1/Systems/1",
    });
    enrol(client, &body).await;
    assert_eq!(bmc.snapshot().open_sessions, 1);
    bmc.set_password("changed");
    let changed =
        json!([{"op": "replace", "path": "/driver_info/trespass_password", "value": "changed"}]);
    client
        .patch("/v1/nodes/renamed", &changed)
        .await
        .expect(200);
    eventually("the old session to be closed", async || {
        (bmc.snapshot().sessions_closed == 1).then_some(())
    })
    .await;
    client.delete("/v1/nodes/renamed").await.expect(204);
    assert_eq!(bmc.snapshot().open_sessions, 0);

    bmc.set_password(&user.password);
    enrol(client, &redfish_node("plain", &bmc, "1")).await;
    assert_eq!(bmc.snapshot().open_sessions, 1);
    client.delete("/v1/nodes/plain").await.expect(204);
    eventually("the session to be closed", async || {
        (bmc.snapshot().open_sessions == 0).then_some(())
    })
    .await;
}
