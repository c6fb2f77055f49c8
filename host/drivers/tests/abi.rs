//! Packages that were built with earlier SDKs still run: see `tests/fixtures/abi`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ironbark_drivers::{Drivers, DriversConfig, Grants, Implementation};
use ironbark_model::step::StepKind;
use ironbark_model::{InterfaceKind, JsonObject, PowerTarget};
use ironbark_sandbox::{
    BiosSetting, CallContext, CallError, DriverError, Engine, EngineConfig, FirmwareComponent,
    Inspection, Lock, Outcome, PowerReading, StateAccess, VendorRequest, Write,
};
use serde_json::{Value, json};

/// Notes that were written by earlier calls.
struct Notes(BTreeMap<String, String>);

#[async_trait]
impl StateAccess for Notes {
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError> {
        Ok(self.0.clone())
    }
    async fn checkpoint(&self, _: Value, _: Vec<Write>) -> Result<(), DriverError> {
        Ok(())
    }
}

fn context(notes: &[Write]) -> CallContext {
    let mut context = CallContext::without_node("req-test");
    context.node = Some(
        json!({
            "uuid": "u", "properties": {"cpus": 8},
            "target_raid_config": {"logical_disks": [{"size_gb": 10, "raid_level": "1"}]}
        })
        .to_string()
        .into(),
    );
    context.lock = Lock::Exclusive;
    let notes = notes
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_deref()?.to_owned())))
        .collect();
    context.capabilities.state = Some(Arc::new(Notes(notes)));
    context
}

async fn drivers(age: &str, packages: &[&str]) -> Drivers {
    let settings = EngineConfig {
        max_live_calls: 20,
        ..EngineConfig::default()
    };
    let engine = Engine::new(settings, tokio::runtime::Handle::current()).unwrap();
    let drivers = Drivers::new(engine, DriversConfig::default());
    for name in packages {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fixtures/abi")
            .join(age)
            .join(format!("{name}.wasm"));
        let bytes: Arc<[u8]> = std::fs::read(&file).unwrap().into();
        let prepared = drivers
            .prepare(bytes, &Grants::AsAsked)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        drivers.activate(prepared);
    }
    drivers
}

fn fake(drivers: &Drivers, kind: InterfaceKind) -> Implementation {
    drivers
        .implementation("fake-hardware", kind, "fake")
        .unwrap()
}

async fn switches_on(drivers: &Drivers) {
    let power = fake(drivers, InterfaceKind::Power);
    let done = power
        .set_power_state(context(&[]), PowerTarget::On, None)
        .await
        .unwrap();
    let seen = power.get_power_state(context(&done.writes)).await.unwrap();
    assert_eq!(seen.value, PowerReading::On);
}

async fn answers_vendor_calls(drivers: &Drivers) {
    let request = VendorRequest {
        method: "third_method_sync".to_owned(),
        http_method: "POST".to_owned(),
        body: r#"{"bar": "meow"}"#.to_owned(),
    };
    let vendor = fake(drivers, InterfaceKind::Vendor);
    let answer = vendor.vendor_call(context(&[]), request).await.unwrap();
    assert_eq!(answer.value, json!(true));
}

fn bios_args() -> JsonObject {
    let args =
        json!({"settings": [{"name": "boot", "value": "uefi"}, {"name": "cores", "value": 8}]});
    args.as_object().unwrap().clone()
}

#[tokio::test]
async fn the_first_packages_still_run() {
    let drivers = drivers("first", &["fake", "ipmi"]).await;
    switches_on(&drivers).await;
    answers_vendor_calls(&drivers).await;
    // The BMC isn't there, and the driver says so: it was called.
    let power = drivers
        .implementation("ipmi", InterfaceKind::Power, "ipmitool")
        .unwrap();
    match power.get_power_state(context(&[])).await {
        Err(CallError::Driver(DriverError::Unsupported(_))) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_first_packages_only_declare_has_steps_and_nothing_else() {
    let drivers = drivers("first", &["fake"]).await;
    let bios = fake(&drivers, InterfaceKind::Bios);
    assert!(!bios.is_callable());
    let info = JsonObject::new();
    assert!(bios.validate(context(&[]), &info).await.is_ok());
    let done = bios
        .execute_step(
            context(&[]),
            StepKind::Clean,
            "apply_configuration",
            bios_args(),
            None,
        )
        .await
        .unwrap();
    assert_eq!(done.value, Outcome::Done);
    match bios.cache_bios_settings(context(&[])).await {
        Err(CallError::Driver(DriverError::Unsupported(reason))) => {
            assert!(reason.contains("older contract"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        bios.package().unwrap().call_counts().faults,
        0,
        "that is no fault of the package"
    );
}

#[tokio::test]
async fn a_package_with_everything_has_everything() {
    let drivers = drivers("complete", &["fake", "ipmi"]).await;
    switches_on(&drivers).await;
    answers_vendor_calls(&drivers).await;
    let info = JsonObject::new();
    for kind in InterfaceKind::ALL {
        let implementation = fake(&drivers, *kind);
        assert!(implementation.is_callable(), "{kind}");
        implementation.validate(context(&[]), &info).await.unwrap();
    }

    let bios = fake(&drivers, InterfaceKind::Bios);
    let done = bios
        .execute_step(
            context(&[]),
            StepKind::Clean,
            "apply_configuration",
            bios_args(),
            None,
        )
        .await
        .unwrap();
    let settings = bios
        .cache_bios_settings(context(&done.writes))
        .await
        .unwrap()
        .value;
    let cores = BiosSetting {
        name: "cores".to_owned(),
        value: Some("8".to_owned()),
        ..BiosSetting::default()
    };
    assert!(settings.contains(&cores), "{settings:?}");

    let raid = fake(&drivers, InterfaceKind::Raid);
    let done = raid
        .execute_step(
            context(&[]),
            StepKind::Clean,
            "create_configuration",
            JsonObject::new(),
            None,
        )
        .await
        .unwrap();
    let config = raid
        .get_raid_config(context(&done.writes))
        .await
        .unwrap()
        .value
        .unwrap();
    assert_eq!(
        config["logical_disks"],
        json!([{"size_gb": 10, "raid_level": "1"}])
    );

    let firmware = fake(&drivers, InterfaceKind::Firmware);
    let update = json!({"settings": [{"component": "bmc", "url": "https://files/2.0"}]});
    let done = firmware
        .execute_step(
            context(&[]),
            StepKind::Service,
            "update",
            update.as_object().unwrap().clone(),
            None,
        )
        .await
        .unwrap();
    let components = firmware
        .cache_firmware_components(context(&done.writes))
        .await
        .unwrap()
        .value;
    let bmc = FirmwareComponent {
        name: "bmc".to_owned(),
        current_version: Some("2.0".to_owned()),
    };
    assert!(components.contains(&bmc), "{components:?}");

    let inspect = fake(&drivers, InterfaceKind::Inspect);
    match inspect
        .inspect_hardware(context(&[]), None)
        .await
        .unwrap()
        .value
    {
        Inspection::Done(found) => {
            assert_eq!(found.properties.get("cpu_arch"), Some(&json!("x86_64")));
            assert_eq!(
                found.properties.get("cpus"),
                None,
                "the node says it itself"
            );
        }
        Inspection::Wait(wait) => panic!("{wait:?}"),
    }

    let network = fake(&drivers, InterfaceKind::Network);
    let done = network
        .vif_attach(context(&[]), json!({"id": "v1"}))
        .await
        .unwrap();
    assert_eq!(
        network.vif_list(context(&done.writes)).await.unwrap().value,
        ["v1"]
    );
    assert!(
        network
            .add_cleaning_network(context(&[]))
            .await
            .unwrap()
            .value
            .is_empty()
    );

    let rescue = fake(&drivers, InterfaceKind::Rescue);
    assert_eq!(
        rescue.rescue(context(&[]), None).await.unwrap().value,
        Outcome::Done
    );
    let storage = fake(&drivers, InterfaceKind::Storage);
    assert!(
        storage
            .should_write_image(context(&[]))
            .await
            .unwrap()
            .value
    );
    let console = fake(&drivers, InterfaceKind::Console);
    assert!(console.get_console(context(&[])).await.is_ok());
}
