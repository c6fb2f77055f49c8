//! Packages in the real sandbox: what is refused, what activating changes, and that nobody notices.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../../sandbox/tests/guest/mod.rs"]
mod guest;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guest::{Guest, bombs, ipmi_user, sleeping};
use ironbark_drivers::{
    Drivers, DriversConfig, Grants, Implementation, PackageError, PreparedPackage, digest_of,
};
use ironbark_model::lifecycle::CanaryScope;
use ironbark_model::step::{OnInterrupt, StepKind};
use ironbark_model::{ErrorKind, InterfaceKind, Node};
use ironbark_package::Disagreement;
use ironbark_sandbox::{
    CallContext, CallError, DriverError, Engine, EngineConfig, FaultKind, LoadError, PowerReading,
};
use serde_json::{Value, json};

fn metadata(name: &str, version: &str) -> Value {
    json!({
        "name": name, "version": version, "vendor": "Acme",
        "interfaces": {"power": [{"name": name}]},
        "hardware_types": [{
            "name": format!("{name}-machine"),
            "interfaces": {"power": [name], "deploy": ["noop"], "management": ["gone", "noop"]}
        }]
    })
}

fn package(guest: &Guest, metadata: &Value) -> Arc<[u8]> {
    ironbark_package::embed(&guest.build(), metadata.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{error}"))
        .into()
}

fn drivers() -> Drivers {
    drivers_with(DriversConfig::default())
}

fn drivers_with(config: DriversConfig) -> Drivers {
    let settings = EngineConfig {
        max_live_calls: 50,
        ..EngineConfig::default()
    };
    Drivers::new(
        Engine::new(settings, tokio::runtime::Handle::current()).unwrap(),
        config,
    )
}

async fn prepare(drivers: &Drivers, guest: &Guest, metadata: &Value) -> PreparedPackage {
    drivers
        .prepare(package(guest, metadata), &Grants::AsAsked)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn refused(guest: &Guest, metadata: &Value) -> PackageError {
    drivers()
        .prepare(package(guest, metadata), &Grants::AsAsked)
        .await
        .err()
        .expect("the package is refused")
}

async fn install(drivers: &Drivers, guest: &Guest, metadata: &Value) {
    let prepared = prepare(drivers, guest, metadata).await;
    drivers.check_activation(&prepared).unwrap();
    drivers.activate(prepared);
}

fn power(drivers: &Drivers, name: &str) -> Implementation {
    drivers
        .implementation(&format!("{name}-machine"), InterfaceKind::Power, name)
        .unwrap()
}

fn context() -> CallContext {
    CallContext::without_node("req-test")
}

/// A guest that answers "off": an "ok" whose payload begins with 1.
fn off() -> Guest {
    Guest::default().get_power_state("(i32.store8 (i32.const 1028) (i32.const 1)) i32.const 1024")
}

#[tokio::test]
async fn an_installed_package_is_called() {
    let drivers = drivers();
    let prepared = prepare(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    assert!(drivers.packages().is_empty(), "preparing activates nothing");
    let plan = drivers.check_activation(&prepared).unwrap();
    assert_eq!(plan.hardware_types_added, ["acme-machine"]);
    assert_eq!(plan.replaces, None);
    assert!(drivers.activate(prepared).is_none());
    let power = power(&drivers, "acme");
    assert_eq!(
        power.get_power_state(context()).await.unwrap().value,
        PowerReading::On
    );
    assert_eq!(
        (power.package_name(), power.package_version()),
        (Some("acme"), Some("1.0.0"))
    );
    assert_eq!(power.digest(), Some(drivers.packages()[0].digest()));
    assert!(!power.native_reboot());
    assert!(
        drivers
            .report()
            .iter()
            .any(|line| line.contains("'gone' is skipped")),
        "{:?}",
        drivers.report()
    );
}

#[tokio::test]
async fn metadata_that_lies_is_refused() {
    let mut more = metadata("acme", "1.0.0");
    more["interfaces"]["management"] = json!([{"name": "acme"}]);
    let error = refused(&Guest::default(), &more).await;
    assert!(
        error.to_string().contains("doesn't export 'management'"),
        "{error}"
    );

    let mut less = metadata("acme", "1.0.0");
    less["interfaces"] = json!({"bios": [{"name": "acme"}]});
    let error = refused(&Guest::default(), &less).await;
    assert!(error.to_string().contains("exports 'power'"), "{error}");

    let error = refused(&ipmi_user(0, 1), &metadata("acme", "1.0.0")).await;
    assert!(
        matches!(&error, PackageError::Disagreement(Disagreement::OverReach(name)) if name == "ipmi"),
        "{error}"
    );

    let mut cron = metadata("acme", "1.0.0");
    cron["periodic"] = json!([{"name": "t", "on": "power/acme", "cron": "whenever"}]);
    let error = refused(&Guest::default(), &cron).await;
    assert!(
        error.to_string().contains("doesn't export 'periodic'"),
        "{error}"
    );

    let mut schema = metadata("acme", "1.0.0");
    schema["properties"] = json!({"type": "object", "properties": {"acme_x": {"description": "X.", "type": "colour"}}});
    let error = refused(&Guest::default(), &schema).await;
    assert!(
        error
            .to_string()
            .contains("at properties: no valid JSON Schema"),
        "{error}"
    );

    let mut group = metadata("acme", "1.0.0");
    group["capabilities"] = json!(["ipmi", "ipmi:everything"]);
    let error = refused(&ipmi_user(0, 1), &group).await;
    assert!(
        error
            .to_string()
            .contains("'ipmi:everything' can't be granted"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_package_is_refused() {
    let drivers = drivers();
    for bytes in [
        b"".to_vec(),
        b"\0asm\x0d\0\x01\0".to_vec(),
        Guest::default().build(),
        vec![0; 100],
    ] {
        let error = drivers
            .prepare(bytes.into(), &Grants::AsAsked)
            .await
            .err()
            .unwrap();
        assert!(matches!(error, PackageError::Contents(_)), "{error}");
    }
    let large = vec![0; 64 * 1024 * 1024 + 1];
    let error = drivers
        .prepare(large.into(), &Grants::AsAsked)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
    let spins = Guest {
        start: "(loop $again (br $again))".into(),
        ..Guest::default()
    };
    let error = drivers
        .prepare(
            package(&spins, &metadata("acme", "1.0.0")),
            &Grants::AsAsked,
        )
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, PackageError::Load(LoadError::Instantiate(_))),
        "{error}"
    );
}

#[tokio::test]
async fn replacing_leaves_calls_on_the_version_that_they_began_with() {
    let drivers = drivers();
    let old = sleeping().get_power_state("(call $sleep (i32.const 300)) i32.const 1024");
    install(&drivers, &old, &metadata("acme", "1.0.0")).await;
    let pinned = power(&drivers, "acme");
    let digest = pinned.digest().unwrap().to_owned();
    let running = tokio::spawn({
        let pinned = pinned.clone();
        async move { pinned.get_power_state(context()).await }
    });
    tokio::task::yield_now().await;

    let prepared = prepare(&drivers, &off(), &metadata("acme", "2.0.0")).await;
    let plan = drivers.check_activation(&prepared).unwrap();
    assert_eq!(plan.replaces, Some(("1.0.0".to_owned(), digest.clone())));
    let replaced = drivers.activate(prepared).unwrap();
    assert_eq!(replaced.version(), "1.0.0");

    assert_eq!(
        power(&drivers, "acme")
            .get_power_state(context())
            .await
            .unwrap()
            .value,
        PowerReading::Off
    );
    assert_eq!(running.await.unwrap().unwrap().value, PowerReading::On);
    // A step that began with the old version carries on with it, until nobody pins it any more.
    let again = drivers
        .implementation_pinned(&digest, InterfaceKind::Power, "acme")
        .unwrap();
    assert_eq!(
        again.get_power_state(context()).await.unwrap().value,
        PowerReading::On
    );
    assert_eq!(drivers.retained_digests(), std::slice::from_ref(&digest));
    drivers.release(&digest);
    assert!(
        drivers
            .implementation_pinned(&digest, InterfaceKind::Power, "acme")
            .is_none()
    );
    assert_eq!(
        pinned.get_power_state(context()).await.unwrap().value,
        PowerReading::On
    );
}

#[tokio::test]
async fn removing_tells_what_goes_and_drains() {
    let drivers = drivers();
    install(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    let power = power(&drivers, "acme");
    let plan = drivers.check_removal("acme").unwrap();
    assert_eq!(plan.hardware_types_removed, ["acme-machine"]);
    assert_eq!(plan.implementations_removed, ["power/acme"]);
    assert!(drivers.remove("acme").is_some());
    assert!(drivers.remove("acme").is_none());
    assert!(drivers.hardware_types().is_empty());
    assert!(power.get_power_state(context()).await.is_ok());
    let error = drivers
        .implementation("acme-machine", InterfaceKind::Power, "acme")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn names_belong_to_the_package_that_has_them() {
    let drivers = drivers();
    install(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    let mut thief = metadata("thief", "1.0.0");
    thief["interfaces"]["power"][0]["name"] = json!("acme");
    thief["hardware_types"][0]["interfaces"]["power"] = json!(["acme"]);
    let prepared = prepare(&drivers, &Guest::default(), &thief).await;
    let error = drivers.check_activation(&prepared).unwrap_err().to_string();
    assert!(
        error.contains("power implementation 'acme' belongs to package 'acme'"),
        "{error}"
    );

    let mut thief = metadata("thief", "1.0.0");
    thief["hardware_types"][0]["name"] = json!("acme-machine");
    let prepared = prepare(&drivers, &Guest::default(), &thief).await;
    let error = drivers.check_activation(&prepared).unwrap_err().to_string();
    assert!(error.contains("hardware type 'acme-machine'"), "{error}");
}

#[tokio::test]
async fn a_package_that_keeps_breaking_is_quarantined_until_there_is_another() {
    let drivers = drivers();
    let broken = Guest::default().get_power_state("unreachable");
    install(&drivers, &broken, &metadata("acme", "1.0.0")).await;
    let power = power(&drivers, "acme");
    for _ in 0..5 {
        let error = power.get_power_state(context()).await.unwrap_err();
        assert_eq!(error.fault().unwrap().kind, FaultKind::Trap);
    }
    let error = power.get_power_state(context()).await.unwrap_err();
    assert_eq!(error.fault().unwrap().kind, FaultKind::Quarantined(5));
    assert!(
        error.to_string().contains("'acme' 1.0.0") && error.to_string().contains("quarantined"),
        "{error}"
    );
    assert_eq!(drivers.packages()[0].quarantine().unwrap().faults, 5);
    drivers.packages()[0].release_quarantine();
    assert_eq!(
        power
            .get_power_state(context())
            .await
            .unwrap_err()
            .fault()
            .unwrap()
            .kind,
        FaultKind::Trap
    );

    install(&drivers, &Guest::default(), &metadata("acme", "1.0.1")).await;
    assert!(
        self::power(&drivers, "acme")
            .get_power_state(context())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_quarantine_stops_what_is_new_and_only_if_told_what_began() {
    let drivers = drivers();
    install(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    let digest = drivers.packages()[0].digest().to_owned();
    let pinned = || {
        drivers
            .implementation_pinned(&digest, InterfaceKind::Power, "acme")
            .unwrap()
    };
    drivers.packages()[0].set_quarantine(false);
    let error = power(&drivers, "acme").admit().unwrap_err();
    assert!(!error.to_string().contains("0 faults"), "{error}");
    assert!(
        power(&drivers, "acme")
            .get_power_state(context())
            .await
            .is_err()
    );
    assert!(pinned().get_power_state(context()).await.is_ok());
    drivers.packages()[0].set_quarantine(true);
    assert!(pinned().get_power_state(context()).await.is_err());
    drivers.packages()[0].release_quarantine();
    assert!(
        power(&drivers, "acme")
            .get_power_state(context())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_quarantine_for_faults_is_told() {
    let drivers = drivers();
    let broken = Guest::default().get_power_state("unreachable");
    install(&drivers, &broken, &metadata("acme", "1.0.0")).await;
    let power = power(&drivers, "acme");
    let told = tokio::spawn({
        let drivers = drivers.clone();
        async move { drivers.alarmed().await }
    });
    for _ in 0..5 {
        power.get_power_state(context()).await.unwrap_err();
    }
    tokio::time::timeout(Duration::from_secs(10), told)
        .await
        .expect("told")
        .unwrap();
    let quarantine = drivers.packages()[0].quarantine().unwrap();
    assert!(!quarantine.known, "nobody wrote it down yet");
    assert_eq!(drivers.packages()[0].call_counts().faults, 5);
}

#[tokio::test]
async fn a_canary_is_for_its_nodes_and_offers_all_that_the_active_version_does() {
    let drivers = drivers();
    let early = prepare(&drivers, &off(), &metadata("acme", "2.0.0")).await;
    let error = drivers.check_canary(&early).unwrap_err();
    assert!(matches!(error, PackageError::NothingActive(_)), "{error}");
    install(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    let mut less = metadata("acme", "2.0.0");
    less["hardware_types"][0]["name"] = json!("renamed");
    let less = prepare(&drivers, &off(), &less).await;
    let error = drivers.check_canary(&less).unwrap_err().to_string();
    assert!(error.contains("acme-machine"), "{error}");

    drivers.check_canary(&early).unwrap();
    let digest = early.package().digest().to_owned();
    let scope = CanaryScope::Nodes(vec!["chosen".to_owned()]);
    drivers.set_canary(early.clone(), scope);
    let node = |uuid: &str| Node {
        uuid: uuid.to_owned(),
        driver: "acme-machine".to_owned(),
        power_interface: Some("acme".to_owned()),
        ..Node::default()
    };
    let reads = async |uuid: &str| {
        let power = drivers
            .implementation_for(&node(uuid), InterfaceKind::Power, "acme")
            .unwrap();
        let version = power.package_version().unwrap().to_owned();
        (
            version,
            power.get_power_state(context()).await.unwrap().value,
        )
    };
    assert_eq!(
        reads("chosen").await,
        ("2.0.0".to_owned(), PowerReading::Off)
    );
    assert_eq!(reads("other").await, ("1.0.0".to_owned(), PowerReading::On));

    // A step that began with it goes on with it when it is over.
    drivers.clear_canary("acme");
    assert_eq!(reads("chosen").await.0, "1.0.0");
    assert_eq!(drivers.retained_digests(), std::slice::from_ref(&digest));
    assert!(
        drivers
            .implementation_pinned(&digest, InterfaceKind::Power, "acme")
            .is_some()
    );
    // Promoted, it is retained no longer.
    drivers.activate(early);
    assert_eq!(reads("other").await.0, "2.0.0");
    assert!(!drivers.retained_digests().contains(&digest));
}

#[tokio::test]
async fn nodes_are_checked_against_a_schema_that_isnt_active_yet() {
    let drivers = drivers();
    let mut strict = metadata("acme", "2.0.0");
    strict["properties"] = json!({
        "type": "object",
        "properties": {"acme_rack": {"description": "Where it is.", "type": "string"}},
        "required": ["acme_rack"],
    });
    let prepared = prepare(&drivers, &Guest::default(), &strict).await;
    let mut node = Node {
        driver: "acme-machine".to_owned(),
        power_interface: Some("acme".to_owned()),
        ..Node::default()
    };
    let error = prepared.package().check_node(&node).unwrap_err();
    assert!(error.to_string().contains("acme_rack"), "{error}");
    node.driver_info.insert("acme_rack".into(), json!("r1"));
    prepared.package().check_node(&node).unwrap();
    node.driver_info.clear();
    node.power_interface = Some("another".to_owned());
    prepared.package().check_node(&node).unwrap();
}

#[tokio::test]
async fn checks_that_pass_do_not_make_up_for_a_call_that_always_breaks() {
    let drivers = drivers();
    let broken = Guest::default().get_power_state("unreachable");
    install(&drivers, &broken, &metadata("acme", "1.0.0")).await;
    let power = power(&drivers, "acme");
    for _ in 0..5 {
        for _ in 0..2 {
            let valid = power.validate(context(), &Default::default()).await;
            assert!(valid.is_ok(), "{valid:?}");
        }
        assert!(power.get_power_state(context()).await.is_err());
    }
    let quarantine = drivers.packages()[0].quarantine();
    assert_eq!(quarantine.unwrap().faults, 5);
}

#[tokio::test]
async fn a_driver_that_returns_errors_is_not_broken() {
    let drivers = drivers();
    let mut asks = metadata("acme", "1.0.0");
    asks["capabilities"] = json!(["ipmi"]);
    install(&drivers, &ipmi_user(0, 1), &asks).await;
    let power = power(&drivers, "acme");
    for _ in 0..10 {
        // There is no BMC in this context.
        let error = power.get_power_state(context()).await.unwrap_err();
        assert!(
            matches!(error, CallError::Driver(DriverError::Unsupported(_))),
            "{error:?}"
        );
    }
    assert_eq!(drivers.packages()[0].call_counts().faults, 0);
    assert_eq!(drivers.packages()[0].quarantine(), None);
}

/// A package that asks for `asked`, is granted `granted`, and sends this IPMI command; after five calls, all of them denied.
async fn denied(asked: Value, granted: &[&str], (netfn, command): (u8, u8)) -> Drivers {
    let drivers = drivers();
    let mut asks = metadata("acme", "1.0.0");
    asks["capabilities"] = asked;
    let grants = Grants::only(granted.iter().copied());
    let prepared = drivers
        .prepare(package(&ipmi_user(netfn, command), &asks), &grants)
        .await
        .unwrap();
    drivers.activate(prepared);
    let power = power(&drivers, "acme");
    for _ in 0..5 {
        let mut context = context();
        context.capabilities.ipmi = power.uses("ipmi").then(|| Arc::new(Unused) as Arc<_>);
        let error = power.get_power_state(context).await.unwrap_err();
        assert!(
            matches!(error, CallError::Driver(DriverError::Denied(_))),
            "{error:?}"
        );
    }
    drivers
}

/// A BMC that gets no command.
struct Unused;

#[async_trait::async_trait]
impl ironbark_sandbox::IpmiAccess for Unused {
    async fn request(
        &self,
        _: u8,
        _: u8,
        _: u8,
        _: Vec<u8>,
        _: Duration,
    ) -> Result<ironbark_sandbox::IpmiResponse, DriverError> {
        panic!("what is denied isn't sent")
    }
}

/// Set User Password.
const SET_PASSWORD: (u8, u8) = (0x06, 0x47);

#[tokio::test]
async fn what_an_operator_withholds_is_no_fault_of_the_driver() {
    for (asked, granted, command) in [
        (json!(["ipmi"]), &[][..], (0, 1)),
        (json!(["ipmi", "ipmi:users"]), &["ipmi"], SET_PASSWORD),
    ] {
        let drivers = denied(asked.clone(), granted, command).await;
        let package = &drivers.packages()[0];
        assert_eq!(package.quarantine(), None, "{asked}");
        assert_eq!(
            (package.call_counts().calls, package.call_counts().faults),
            (5, 0)
        );
        assert!(package.faults_by_kind().is_empty());
    }
}

#[tokio::test]
async fn a_driver_that_reaches_for_what_it_does_not_ask_for_is_quarantined() {
    let listed = json!([{"name": "ipmi", "commands": [{"netfn": 0, "command": 1}]}]);
    for (asked, command) in [(json!(["ipmi"]), SET_PASSWORD), (listed, (0, 2))] {
        let drivers = denied(asked, &["ipmi"], command).await;
        let package = &drivers.packages()[0];
        assert_eq!(package.quarantine().unwrap().faults, 5);
        assert_eq!(package.faults_by_kind()["denied"], 5);
        let power = power(&drivers, "acme");
        assert!(power.get_power_state(context()).await.is_err());
        assert_eq!(package.refused_calls(), 1);
    }
}

#[tokio::test]
async fn grants_are_among_what_is_asked_for() {
    let drivers = drivers();
    let mut asks = metadata("acme", "1.0.0");
    asks["capabilities"] = json!(["ipmi"]);
    let ungranted = drivers
        .prepare(package(&ipmi_user(0, 1), &asks), &Grants::only(["state"]))
        .await
        .err()
        .unwrap();
    assert!(
        ungranted.to_string().contains("'state' can't be granted"),
        "{ungranted}"
    );
}

#[tokio::test]
async fn code_that_would_take_long_to_compile_is_refused() {
    let driver = package(&Guest::default(), &metadata("acme", "1.0.0"));
    let module = |module: Vec<u8>| bombs::with_module(&driver, &module);
    for (bomb, says) in [
        (
            module(bombs::giant_function(1 << 21)),
            "its largest function",
        ),
        (module(bombs::many_functions(1_000_000)), "as bytes of code"),
        (
            module(bombs::many_parameters(5_000, 1_000)),
            "as bytes of code",
        ),
        (
            module(bombs::many_locals(6_000, 50_000)),
            "as bytes of code",
        ),
        (module(bombs::many_types(5_000, 1_000)), "as bytes of code"),
        (
            module(bombs::nested_blocks(1, 100_000)),
            "blocks within blocks",
        ),
        (
            bombs::with_component(&driver, &bombs::doubling(60)),
            "parts when it is instantiated",
        ),
    ] {
        let began = Instant::now();
        let error = drivers()
            .prepare(bomb.into(), &Grants::AsAsked)
            .await
            .err()
            .unwrap();
        assert!(
            matches!(&error, PackageError::TooMuchCode { what, .. } if what.contains(says)),
            "{says}: {error}"
        );
        eprintln!("{says}: refused after {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn hardware_types_are_made_of_what_is_there() {
    let drivers = drivers();
    let mut poor = metadata("poor", "1.0.0");
    poor["hardware_types"][0]["interfaces"]["deploy"] = json!(["gone"]);
    install(&drivers, &Guest::default(), &poor).await;
    assert!(drivers.hardware_types().is_empty());
    assert!(
        drivers
            .report()
            .iter()
            .any(|line| line.contains("no usable deploy")),
        "{:?}",
        drivers.report()
    );

    let mut ranged = metadata("ranged", "1.0.0");
    ranged["hardware_types"][0]["interfaces"]["power"] = json!([{"name": "poor", "package": "poor", "version": ">=2"}, {"name": "elsewhere", "package": "other"}, "ranged"]);
    install(&drivers, &Guest::default(), &ranged).await;
    let types = drivers.hardware_types();
    assert_eq!(types[0].interfaces[&InterfaceKind::Power], ["ranged"]);
    // Every interface has something, from the host where the type says nothing.
    assert_eq!(types[0].interfaces.len(), InterfaceKind::ALL.len());
    assert_eq!(types[0].interfaces[&InterfaceKind::Bios], ["no-bios"]);
    assert_eq!(types[0].interfaces[&InterfaceKind::Network], ["noop"]);
    // A newer version of the other package makes its entry usable.
    install(&drivers, &Guest::default(), &metadata("poor", "2.1.0")).await;
    let types = drivers.hardware_types();
    let ranged = types
        .iter()
        .find(|entry| entry.name == "ranged-machine")
        .unwrap();
    assert_eq!(ranged.interfaces[&InterfaceKind::Power], ["poor", "ranged"]);
}

#[tokio::test]
async fn defaults_and_checks_follow_the_settings() {
    let mut config = DriversConfig::default();
    config
        .default_interfaces
        .insert(InterfaceKind::Management, "noop".into());
    config
        .default_interfaces
        .insert(InterfaceKind::Bios, "acme".into());
    config.enabled_hardware_types = Some(vec!["acme-machine".into(), "lost".into()]);
    config
        .enabled_interfaces
        .insert(InterfaceKind::Storage, vec!["external".into()]);
    let drivers = drivers_with(config);
    install(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    install(&drivers, &Guest::default(), &metadata("other", "1.0.0")).await;
    assert_eq!(drivers.hardware_types().len(), 1);
    assert!(
        drivers.report().iter().any(|line| line.contains("'lost'")),
        "{:?}",
        drivers.report()
    );
    let default = |kind| drivers.default_implementation("acme-machine", kind);
    assert_eq!(default(InterfaceKind::Power).unwrap(), "acme");
    assert_eq!(default(InterfaceKind::Management).unwrap(), "noop");
    assert_eq!(
        default(InterfaceKind::Bios).unwrap_err().kind(),
        ErrorKind::InvalidParameter
    );

    let check = |name| drivers.check_interface("acme-machine", InterfaceKind::Power, name);
    assert_eq!(check("acme"), Ok(()));
    assert!(
        check("other")
            .unwrap_err()
            .message()
            .contains("is not supported by hardware type acme-machine")
    );
    let unknown = check("nothing").unwrap_err();
    assert!(
        unknown
            .message()
            .contains("'ironic.hardware.interfaces.power' entrypoint: nothing"),
        "{unknown}"
    );
    let (types, interfaces) = drivers.registration();
    assert_eq!(types, ["acme-machine"]);
    let powers: Vec<_> = interfaces
        .iter()
        .filter(|entry| entry.interface == InterfaceKind::Power)
        .collect();
    assert_eq!(powers.len(), 1);
    assert!(powers[0].is_default && powers[0].implementation == "acme");
}

#[tokio::test]
async fn the_hosts_own_implementations_do_nothing_or_say_so() {
    let drivers = drivers();
    install(&drivers, &Guest::default(), &metadata("acme", "1.0.0")).await;
    let get = |kind, name| drivers.implementation("acme-machine", kind, name).unwrap();
    let none = serde_json::Map::new();
    let noop = get(InterfaceKind::Deploy, "noop");
    assert!(noop.validate(context(), &none).await.is_ok());
    assert_eq!(
        noop.deploy(context(), None).await.unwrap().value,
        ironbark_sandbox::Outcome::Done
    );
    assert_eq!(noop.digest(), None);
    let absent = get(InterfaceKind::Rescue, "no-rescue");
    let error = absent.validate(context(), &none).await.unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::Unsupported(_))),
        "{error:?}"
    );
    let error: ironbark_model::Error = error.into();
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    let node = Node {
        driver: "acme-machine".into(),
        deploy_interface: Some("noop".into()),
        power_interface: Some("acme".into()),
        ..Node::default()
    };
    let steps = drivers.steps(&node, StepKind::Deploy);
    assert_eq!(steps.len(), 1);
    assert_eq!(
        (steps[0].step.full_name().as_str(), steps[0].step.priority),
        ("deploy.deploy", 100)
    );
    assert_eq!(steps[0].on_interrupt, OnInterrupt::Rerun);
    assert!(drivers.steps(&node, StepKind::Clean).is_empty());
}

#[tokio::test]
async fn properties_are_described_and_checked_without_showing_values() {
    let mut config = DriversConfig::default();
    config.connection_properties.insert(
        "ipmi".into(),
        BTreeMap::from([("ipmi_address".to_owned(), "Where the BMC is.".to_owned())]),
    );
    let drivers = drivers_with(config);
    let mut asks = metadata("acme", "1.0.0");
    asks["capabilities"] = json!(["ipmi"]);
    asks["properties"] = json!({"type": "object", "required": ["acme_slot"], "additionalProperties": false, "properties": {
        "acme_slot": {"type": "integer", "description": "Slot."},
        "acme_key": {"type": "string", "maxLength": 4, "description": "Key.", "writeOnly": true}
    }});
    asks["properties_of"] = json!({"power/acme": {"type": "object", "properties": {
        "acme_delay": {"type": "integer", "description": "Delay."}
    }}});
    install(&drivers, &ipmi_user(0, 1), &asks).await;
    let described = drivers.properties("acme-machine").unwrap();
    let names: Vec<&str> = described.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["acme_delay", "acme_key", "acme_slot", "ipmi_address"]
    );
    assert!(drivers.packages()[0].secret_keys().contains("acme_key"));

    let power = power(&drivers, "acme");
    let check = |driver_info: Value| power.validate_properties(driver_info.as_object().unwrap());
    assert_eq!(
        check(json!({"acme_slot": 1, "ipmi_address": "h", "other_key": {}})),
        Ok(())
    );
    let missing = check(json!({})).unwrap_err();
    assert!(
        matches!(&missing, DriverError::MissingParameter(text) if text.contains("acme_slot")),
        "{missing:?}"
    );
    let wrong = check(json!({"acme_slot": 1, "acme_key": "hunter2"})).unwrap_err();
    assert!(
        matches!(&wrong, DriverError::InvalidParameter(text) if text.contains("acme_key")),
        "{wrong:?}"
    );
    assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
    let error = power
        .validate(context(), json!({"acme_slot": "one"}).as_object().unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::InvalidParameter(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn waiting_for_a_silent_bmc_is_not_the_packages_fault() {
    struct Silent;
    #[async_trait::async_trait]
    impl ironbark_sandbox::IpmiAccess for Silent {
        async fn request(
            &self,
            _: u8,
            _: u8,
            _: u8,
            _: Vec<u8>,
            _: Duration,
        ) -> Result<ironbark_sandbox::IpmiResponse, DriverError> {
            std::future::pending().await
        }
    }
    let drivers = drivers();
    let mut asks = metadata("acme", "1.0.0");
    asks["capabilities"] = json!(["ipmi"]);
    install(&drivers, &ipmi_user(0, 1), &asks).await;
    let power = power(&drivers, "acme");
    assert!(power.uses("ipmi"));
    for _ in 0..6 {
        let mut context = context();
        context.deadline = Duration::from_millis(30);
        context.capabilities.ipmi = Some(Arc::new(Silent));
        // The import's deadline and the call's are the same moment: either may be seen first.
        match power.get_power_state(context).await.unwrap_err() {
            CallError::Driver(DriverError::Unreachable(_)) => {}
            CallError::Fault(fault) => assert!(!fault.kind.is_packages_own(), "{fault}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(drivers.packages()[0].quarantine(), None);
}

/// Bytes are changed here and there, and the rest is cut off: what remains is refused, or is a package whose calls end.
#[test]
fn damaged_packages_are_refused_or_harmless() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = ironbark_sandbox::Limits {
        cpu: Duration::from_millis(100),
        default_deadline: Duration::from_secs(5),
        ..ironbark_sandbox::Limits::default()
    };
    let settings = EngineConfig {
        limits,
        ..EngineConfig::default()
    };
    let engine = Engine::new(settings, runtime.handle().clone()).unwrap();
    let good = package(&ipmi_user(0, 1), &metadata("acme", "1.0.0"));
    let places = proptest::collection::vec((0..good.len(), proptest::num::u8::ANY), 0..6);
    let cut = proptest::option::of(0..good.len());
    let config = proptest::test_runner::Config::with_cases(96);
    proptest::test_runner::TestRunner::new(config)
        .run(&(places, cut), |(places, cut)| {
            let mut bytes = good.to_vec();
            for (at, byte) in places {
                bytes[at] = byte;
            }
            bytes.truncate(cut.unwrap_or(bytes.len()));
            runtime.block_on(async {
                let drivers = Drivers::new(engine.clone(), DriversConfig::default());
                let Ok(prepared) = drivers.prepare(bytes.into(), &Grants::AsAsked).await else {
                    return;
                };
                drivers.activate(prepared);
                for hardware_type in drivers.hardware_types() {
                    let powers = hardware_type.interfaces.get(&InterfaceKind::Power);
                    for name in powers.into_iter().flatten() {
                        let power =
                            drivers.implementation(&hardware_type.name, InterfaceKind::Power, name);
                        if let Ok(power) = power {
                            // Whatever it answers: it does.
                            let _ = power.get_power_state(context()).await;
                        }
                    }
                }
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn digests_are_sha256() {
    assert_eq!(
        digest_of(b""),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
