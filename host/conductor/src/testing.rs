//! What tests of this crate share: conductors without a service around them, and driver packages made on the spot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ironbark_bmc::{ipmi, redfish, ssh};
use ironbark_db::Database;
use ironbark_drivers::{Drivers, DriversConfig, digest_of};
use ironbark_model::ident::new_uuid;
use ironbark_model::{Node, PowerState, ProvisionState};
use ironbark_sandbox::{Engine, EngineConfig};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::config::Config;
use crate::context::Context;
use crate::{Parts, registration};

/// A configuration with short times.
pub(crate) fn config(host: &str) -> Config {
    Config {
        host: host.to_owned(),
        node_locked_retry_attempts: 1,
        node_locked_retry_interval: Duration::from_millis(10),
        ..Config::default()
    }
}

/// The parts of a conductor that nothing runs of, with no packages.
pub(crate) fn parts(db: &Database, config: Config) -> Parts {
    let engine = Engine::new(
        EngineConfig {
            max_live_calls: 16,
            ..EngineConfig::default()
        },
        Handle::current(),
    )
    .expect("the sandbox starts");
    Parts {
        db: db.clone(),
        drivers: Drivers::new(engine, DriversConfig::default()),
        ipmi: ipmi::Client::new(ipmi::ClientConfig::default()),
        redfish: redfish::Client::new(redfish::ClientConfig::default()),
        ssh: ssh::Client::new(ssh::ClientConfig::default()),
        config,
    }
}

/// A conductor of which nothing runs, not registered.
pub(crate) fn context(db: &Database, config: Config) -> Arc<Context> {
    Arc::new(Context::new(parts(db, config)))
}

/// As [`context`], with these packages active and registered.
pub(crate) async fn registered(
    db: &Database,
    config: Config,
    packages: &[Vec<u8>],
) -> Arc<Context> {
    let ctx = context(db, config);
    for package in packages {
        let prepared = ctx
            .drivers
            .prepare(package.clone().into(), &ironbark_drivers::Grants::AsAsked)
            .await
            .expect("a good package");
        ctx.drivers.activate(prepared);
    }
    registration::register(&ctx).await.expect("registers");
    ctx
}

/// Stages a package's bytes; answers with their digest.
pub(crate) async fn stage(db: &Database, package: &[u8]) -> String {
    let digest = digest_of(package);
    db.blob_put(&digest, package).await.expect("stored");
    digest
}

/// A package with one hardware type and one power implementation, both of the name `driver`. Its machines always have power.
pub(crate) fn package(name: &str, version: &str, driver: &str) -> Vec<u8> {
    package_with(name, version, driver, |_| ())
}

/// As [`package`], with other metadata.
pub(crate) fn package_with(
    name: &str,
    version: &str,
    driver: &str,
    change: impl FnOnce(&mut Value),
) -> Vec<u8> {
    let mut metadata = json!({
        "name": name,
        "version": version,
        "vendor": "Tests",
        "interfaces": {"power": [{"name": driver}]},
        "hardware_types": [{
            "name": driver,
            "interfaces": {"power": [driver], "deploy": ["noop"], "boot": ["noop"], "management": ["noop"]},
        }],
    });
    change(&mut metadata);
    embedded("i32.const 1024", &metadata)
}

/// As [`package`], but asking for power breaks it.
pub(crate) fn broken_package(name: &str, version: &str, driver: &str) -> Vec<u8> {
    let good = package(name, version, driver);
    let contents = ironbark_package::Contents::read(&good).expect("a package");
    let metadata: Value = serde_json::from_slice(&contents.metadata).expect("metadata");
    embedded("unreachable", &metadata)
}

fn embedded(reading: &str, metadata: &Value) -> Vec<u8> {
    ironbark_package::embed(&component(reading), metadata.to_string().as_bytes())
        .expect("good metadata")
}

/// A node of the hardware type `driver`, active and powered on, stored.
pub(crate) async fn node(db: &Database, driver: &str, name: &str) -> Node {
    let node = Node {
        uuid: new_uuid(),
        name: Some(name.to_owned()),
        driver: driver.to_owned(),
        provision_state: ProvisionState::Active,
        power_state: Some(PowerState::On),
        power_interface: Some(driver.to_owned()),
        deploy_interface: Some("noop".to_owned()),
        ..Node::default()
    };
    db.node_create(&node).await.expect("stored")
}

/// A component that exports `power`, written as text: a zero in the result area is "ok", and "on". `reading` is what it does when
/// it is asked for power.
fn component(reading: &str) -> Vec<u8> {
    let power = "ironbark:driver/power@0.1.0#";
    let text = format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
            (func (export "{power}validate") (result i32) i32.const 1024)
            (func (export "{power}get-power-state") (result i32) {reading})
            (func (export "{power}set-power-state") (param i32 i32 i32) (result i32) i32.const 1024)
            (func (export "{power}reboot") (param i32 i32) (result i32) i32.const 1024)
            (func (export "{power}get-supported-power-states") (result i32) i32.const 1024)
            (func (export "{power}supports-power-sync") (result i32) i32.const 1024)
        )"#
    );
    let mut module = wat::parse_str(&text).expect("good text");
    let mut resolve = Resolve::default();
    resolve
        .push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))
        .expect("the contract");
    let package = resolve
        .push_str(
            "guest.wit",
            "package ironbark:test;\nworld guest { export ironbark:driver/power@0.1.0; }",
        )
        .expect("a good world");
    let world = resolve
        .select_world(&[package], Some("guest"))
        .expect("the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("embedded");
    ComponentEncoder::default()
        .module(&module)
        .expect("a module")
        .encode()
        .expect("a component")
}
