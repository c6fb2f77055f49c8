//! The kit as a crate: tiny guests in the real sandbox, without a compiler for WebAssembly. Real drivers, right and wrong, are in the
//! end-to-end tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../../../host/sandbox/tests/guest/mod.rs"]
mod guest;

use guest::{Guest, ipmi_user};
use ironbark_bmc_sim::{Command, Faults};
use ironbark_drivers::Implementation;
use ironbark_model::InterfaceKind;
use ironbark_sandbox::{CallError, DriverError, Lock, PowerReading};
use ironbark_testkit::{Kit, KitError, Options, Report, Verdict, conformance};
use serde_json::{Value, json};

fn metadata() -> Value {
    json!({
        "name": "acme", "version": "1.0.0", "vendor": "Acme",
        "interfaces": {"power": [{"name": "acme"}]},
        "capabilities": ["ipmi"]
    })
}

async fn load(guest: &Guest, metadata: &Value, driver_info: Value) -> Result<Kit, KitError> {
    let package = ironbark_package::embed(&guest.build(), metadata.to_string().as_bytes()).unwrap();
    let options = Options {
        driver_info: driver_info.as_object().unwrap().clone(),
    };
    Kit::load(package.into(), options).await
}

async fn kit(guest: &Guest) -> Kit {
    load(guest, &metadata(), json!({})).await.unwrap()
}

fn power(kit: &Kit) -> Implementation {
    kit.implementation(InterfaceKind::Power, "acme").unwrap()
}

async fn suite(kit: &Kit) -> Report {
    let mut told = 0;
    let report = conformance(kit, &mut |_| told += 1).await;
    assert_eq!(report.checks.len(), told);
    report
}

fn reason<'a>(report: &'a Report, name: &str) -> &'a str {
    match &report
        .checks
        .iter()
        .find(|check| check.name == name)
        .unwrap()
        .verdict
    {
        Verdict::Passed => "passed",
        Verdict::Failed(reason) | Verdict::LeftOut(reason) => reason,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_reaches_the_machines_own_bmc() {
    let kit = kit(&ipmi_user(0, 1)).await;
    let (machine, other) = (kit.machine().await.unwrap(), kit.machine().await.unwrap());
    let read = async || {
        let context = machine.context(Lock::Shared);
        machine.call(power(&kit).get_power_state(context)).await
    };
    assert_eq!(read().await, Ok(PowerReading::On));
    assert_eq!(machine.bmc().count(Command::CHASSIS_STATUS), 1);
    assert_eq!(other.bmc().stats().packets_in, 0);

    machine.bmc().set_faults(Faults {
        silent: true,
        ..Faults::default()
    });
    let error = read().await.unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::Unreachable(_))),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_never_looks_is_found_out() {
    // It says "on", and does nothing that it is asked for.
    let report = suite(&kit(&Guest::default()).await).await;
    assert!(!report.is_good());
    assert_eq!(
        reason(&report, "power is read as it is"),
        "get-power-state said On of a machine that is Off"
    );
    assert_eq!(
        reason(&report, "a silent BMC's machine is not off"),
        "get-power-state said On; say unknown, or return the error"
    );
    assert_eq!(
        reason(&report, "validating a node doesn't talk to its BMC"),
        "passed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_lacks_is_to_be_given() {
    let mut metadata = metadata();
    metadata["properties"] = json!({
        "type": "object", "required": ["acme_slot"],
        "properties": {"acme_slot": {"description": "Slot.", "type": "integer"}}
    });
    let validation = "validating a node doesn't talk to its BMC";
    let guest = Guest::default();
    let report = suite(&load(&guest, &metadata, json!({})).await.unwrap()).await;
    let said = reason(&report, validation);
    assert!(
        said.contains("acme_slot") && said.contains("--driver-info"),
        "{said}"
    );
    let given = load(&guest, &metadata, json!({"acme_slot": 3}))
        .await
        .unwrap();
    assert_eq!(reason(&suite(&given).await, validation), "passed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_host_refuses_is_not_tested() {
    let mut metadata = metadata();
    metadata["interfaces"]["management"] = json!([{"name": "acme"}]);
    let refused = load(&Guest::default(), &metadata, json!({}))
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, KitError::Package(_)), "{refused}");
}
