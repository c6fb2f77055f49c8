//! Packages that were built earlier, on the host of today and on one of tomorrow, which has functions and interfaces more: every one
//! is called, with what it imports behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod machine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironbark_model::PowerTarget;
use serde_json::{Value, json};

use crate::{
    Driver, Engine, EngineConfig, Granted, IpmiPolicy, PackageName, PowerReading, RedfishPolicy,
    SshPolicy, VendorRequest,
};
use machine::Machine;

/// A host whose contract has grown as it may: `clock` got a function, and there is an interface more.
fn grown_engine() -> Engine {
    let mut engine =
        Engine::new(EngineConfig::default(), tokio::runtime::Handle::current()).unwrap();
    let inner = Arc::get_mut(&mut engine.inner).expect("nobody else has it yet");
    let mut clock = inner
        .linker
        .instance("ironbark:driver/clock@0.1.0")
        .unwrap();
    clock
        .func_wrap("time-zone", |_, (): ()| Ok(("UTC".to_owned(),)))
        .unwrap();
    let mut later = inner
        .linker
        .instance("ironbark:driver/later@0.1.0")
        .unwrap();
    later.func_wrap("now", |_, (): ()| Ok((0_u64,))).unwrap();
    engine
}

fn blobs() -> Vec<(PathBuf, Arc<[u8]>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/abi");
    let mut found = Vec::new();
    for age in std::fs::read_dir(folder).unwrap() {
        let age = age.unwrap().path();
        if !age.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(age).unwrap() {
            let file = file.unwrap().path();
            let bytes = std::fs::read(&file).unwrap().into();
            found.push((file, bytes));
        }
    }
    found
}

fn granted() -> Granted {
    let rules = ["* /redfish/**".parse().unwrap()];
    let templates = ["power-state", "power-on", "power-off"].map(str::to_owned);
    Granted {
        ipmi: Some(IpmiPolicy::new()),
        redfish: Some(RedfishPolicy::new(rules)),
        ssh: Some(SshPolicy::new(templates)),
        agent: true,
        boot_media: true,
        state: true,
        asked: None,
    }
}

#[tokio::test]
async fn every_stored_package_does_its_work() {
    let engine = Engine::new(EngineConfig::default(), tokio::runtime::Handle::current()).unwrap();
    all_work(&engine).await;
}

#[tokio::test]
async fn every_stored_package_does_its_work_on_a_host_that_has_grown() {
    all_work(&grown_engine()).await;
}

async fn all_work(engine: &Engine) {
    let blobs = blobs();
    assert!(blobs.len() >= 10, "{}", blobs.len());
    for (file, bytes) in blobs {
        let name = PackageName {
            name: "stored".into(),
            version: "0.1.0".into(),
        };
        let driver = engine
            .load(name, granted(), bytes)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let of = file.display().to_string();
        match file.file_stem().unwrap().to_str().unwrap() {
            "fake" => switches(&driver, "fake", &of, &[PowerTarget::On, PowerTarget::Off]).await,
            "ipmi" => switches(&driver, "ipmitool", &of, &[PowerTarget::Off]).await,
            "redfish-js" => switches(&driver, "redfish-js", &of, BOTH).await,
            "redfish" => switches(&driver, "redfish", &of, BOTH).await,
            "ssh" => switches(&driver, "ssh", &of, BOTH).await,
            "probe" => passes_on(&driver, &of).await,
            other => panic!("say here how {other} is called"),
        }
    }
}

const BOTH: &[PowerTarget] = &[PowerTarget::Off, PowerTarget::On];

/// A power driver switches the machine, and reads what it switched.
async fn switches(driver: &Driver, name: &str, of: &str, targets: &[PowerTarget]) {
    let machine = Machine::new();
    for target in targets {
        let done = driver
            .set_power_state(name, machine.context(), *target, None)
            .await
            .unwrap_or_else(|error| panic!("{of}: {error}"));
        machine.keep(done.writes);
        let on = *target == PowerTarget::On;
        if name != "fake" {
            assert_eq!(machine.power.load(Ordering::Relaxed), on, "{of}");
        }
        let read = driver.get_power_state(name, machine.context()).await;
        let expected = if on {
            PowerReading::On
        } else {
            PowerReading::Off
        };
        assert_eq!(read.unwrap().value, expected, "{of}");
    }
}

/// Each import that `probe` passes a message on to answers through it.
async fn passes_on(driver: &Driver, of: &str) {
    let machine = Machine::new();
    let boot = |what: &str| json!({"what": what, "purpose": "deploy", "parameters": [["console", "ttyS0"]]});
    let failed = json!({
        "id": "2", "name": "clean.execute", "status": "CommandStatus::Failed", "result": null,
        "error": ["CleaningError", "no disk"],
    });
    for (method, message, expected) in [
        (
            "resources",
            json!(null),
            json!({"system": "/redfish/v1/Systems/1", "chassis": [], "managers": []}),
        ),
        (
            "redfish",
            json!({"method": "GET", "path": "/redfish/v1/Systems/1", "body": null}),
            json!({"status": 200, "headers": [], "body": {"@odata.id": "/redfish/v1/Systems/1", "PowerState": "On"}}),
        ),
        ("ssh", json!("power-state"), json!([0, "running\n", ""])),
        ("heartbeat", json!(null), json!([7, "11.0"])),
        (
            "agent",
            json!(["rescue.finalize_rescue", {"a": 1}, 0]),
            json!({
                "id": "1", "name": "rescue.finalize_rescue", "status": "CommandStatus::Succeeded",
                "result": "{\"a\":1}", "error": null,
            }),
        ),
        ("command", json!(["2", 0]), failed.clone()),
        ("commands", json!(null), json!([failed])),
        ("boot", boot("kernel"), json!("http://files/1")),
        ("boot", boot("config"), json!("http://files/1")),
        ("boot", boot("local"), json!("http://files/1")),
        ("boot", boot("iso"), json!("http://files/1")),
        ("boot", boot("drive"), json!("http://files/1")),
    ] {
        let answer = pass(driver, &machine, method, &message).await;
        assert_eq!(answer, expected, "{of}: {method}");
    }
    assert_eq!(machine.media.lock().unwrap().len(), 5, "{of}");
    for purpose in [json!("deploy"), json!(null)] {
        pass(driver, &machine, "withdraw", &purpose).await;
        assert!(machine.media.lock().unwrap().is_empty(), "{of}");
        pass(driver, &machine, "boot", &boot("kernel")).await;
    }
}

async fn pass(driver: &Driver, machine: &Arc<Machine>, method: &str, message: &Value) -> Value {
    let request = VendorRequest {
        method: method.to_owned(),
        http_method: "POST".to_owned(),
        body: message.to_string(),
    };
    let answer = driver
        .vendor_call("probe", machine.context(), request)
        .await;
    answer
        .unwrap_or_else(|error| panic!("{method}: {error}"))
        .value
}
