//! Drivers of today on a host of tomorrow: one that has functions and interfaces more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use crate::{CallContext, Engine, EngineConfig, Granted, IpmiPolicy, PackageName};

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

fn blobs() -> Vec<(String, Arc<[u8]>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/abi");
    let mut found = Vec::new();
    for age in std::fs::read_dir(folder).unwrap() {
        let age = age.unwrap().path();
        if !age.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(age).unwrap() {
            let file = file.unwrap().path();
            found.push((
                file.display().to_string(),
                std::fs::read(file).unwrap().into(),
            ));
        }
    }
    found
}

#[tokio::test]
async fn every_stored_package_runs_on_a_host_that_has_grown() {
    let engine = grown_engine();
    let blobs = blobs();
    assert!(!blobs.is_empty());
    for (file, bytes) in blobs {
        let name = PackageName {
            name: "stored".into(),
            version: "0.1.0".into(),
        };
        let granted = Granted {
            ipmi: Some(IpmiPolicy::new()),
            state: true,
            ..Granted::default()
        };
        let driver = engine
            .load(name, granted, bytes)
            .await
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(!driver.exports().is_empty(), "{file}");
        if driver.has(ironbark_package::Export::Power) {
            let states = driver
                .get_supported_power_states("fake", CallContext::without_node("req-test"))
                .await;
            // `ipmi` has no implementation of that name, and says so: it was called all the same.
            assert!(
                states.is_ok() || states.unwrap_err().fault().is_none(),
                "{file}"
            );
        }
    }
}
