//! What a guest can reach, and what it can't.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
mod guest;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::{context, engine, engine_with, load, load_granted, try_load};
use guest::{Guest, ipmi_user};
use ironbark_model::Secret;
use ironbark_sandbox::{
    CallContext, CallError, DriverError, Granted, IpmiAccess, IpmiPolicy, IpmiResponse, Limits,
    LoadError, Lock, PowerReading, StateAccess, Write,
};
use serde_json::Value;

/// A BMC that answers what it is told to, or never.
struct Bmc(Option<Result<IpmiResponse, DriverError>>);

#[async_trait]
impl IpmiAccess for Bmc {
    async fn request(
        &self,
        _: u8,
        _: u8,
        _: u8,
        _: Vec<u8>,
        _: Duration,
    ) -> Result<IpmiResponse, DriverError> {
        match &self.0 {
            Some(answer) => answer.clone(),
            None => std::future::pending().await,
        }
    }
}

#[derive(Default)]
struct Notes {
    stored: Mutex<Vec<(Value, Vec<Write>)>>,
}

#[async_trait]
impl StateAccess for Notes {
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError> {
        Ok(BTreeMap::from([("seen".to_owned(), "1".to_owned())]))
    }
    async fn checkpoint(&self, cursor: Value, writes: Vec<Write>) -> Result<(), DriverError> {
        self.stored.lock().unwrap().push((cursor, writes));
        Ok(())
    }
}

fn ipmi_granted() -> Granted {
    Granted {
        ipmi: Some(IpmiPolicy::new()),
        state: true,
        ..Granted::default()
    }
}

fn with_bmc(bmc: Bmc) -> CallContext {
    let mut context = context();
    context.capabilities.ipmi = Some(Arc::new(bmc));
    context
}

fn good() -> Bmc {
    Bmc(Some(Ok(IpmiResponse {
        completion_code: 0,
        data: vec![1, 2, 3],
    })))
}

#[tokio::test]
async fn ipmi_goes_through_when_granted() {
    let driver = load_granted(&engine(), ipmi_user(0, 1), ipmi_granted()).await;
    let completed = driver
        .get_power_state("acme", with_bmc(good()))
        .await
        .unwrap();
    assert_eq!(completed.value, PowerReading::On);
    assert_eq!(completed.usage.host_calls, 2);
}

#[tokio::test]
async fn ipmi_is_denied_when_not_granted_whatever_the_call_has() {
    let driver = load(&engine(), ipmi_user(0, 1)).await;
    match driver.get_power_state("acme", with_bmc(good())).await {
        Err(CallError::Driver(DriverError::Denied(reason))) => {
            assert!(
                reason.contains("'ipmi'") && reason.contains("test-package"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commands_that_reach_further_are_denied() {
    // Set User Password.
    let driver = load_granted(&engine(), ipmi_user(6, 0x47), ipmi_granted()).await;
    match driver.get_power_state("acme", with_bmc(good())).await {
        Err(CallError::Driver(DriverError::Denied(reason))) => {
            assert!(reason.contains("ipmi:users"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
    // Odd network functions are responses.
    let driver = load_granted(&engine(), ipmi_user(7, 1), ipmi_granted()).await;
    let error = driver
        .get_power_state("acme", with_bmc(good()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::InvalidParameter(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_bmc_that_never_answers_meets_the_host_calls_deadline() {
    let limits = Limits {
        host_call_deadline: Duration::from_millis(50),
        ..Limits::default()
    };
    let driver = load_granted(&engine_with(limits), ipmi_user(0, 1), ipmi_granted()).await;
    let error = driver
        .get_power_state("acme", with_bmc(Bmc(None)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::Unreachable(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_a_capability_says_arrives_without_secrets() {
    let error = DriverError::Failed("user root, password hunter2\nrefused".into());
    let driver = load_granted(&engine(), ipmi_user(0, 1), ipmi_granted()).await;
    let mut context = with_bmc(Bmc(Some(Err(error))));
    context.secrets = Arc::new([Secret::new("hunter2")]);
    assert_eq!(
        driver.get_power_state("acme", context).await,
        Err(CallError::Driver(DriverError::Failed(
            "user root, password ****** refused".into()
        )))
    );
}

/// Sets `key` to `7`, then goes on with `after`.
fn note_taker(after: &str) -> Guest {
    let mut guest = Guest::default()
        .importing(
            "ironbark:driver/state@0.1.0",
            r#"(import "ironbark:driver/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
               (import "ironbark:driver/state@0.1.0" "checkpoint" (func $checkpoint (param i32 i32 i32)))"#,
        )
        .get_power_state(&format!(
            r#"(call $set (i32.const 512) (i32.const 3) (i32.const 515) (i32.const 1) (i32.const 2048))
               (if (i32.load8_u (i32.const 2048)) (then (return (i32.const 2048))))
               {after} i32.const 1024"#
        ));
    guest.fields = r#"(data (i32.const 512) "key7")"#.into();
    guest
}

fn with_notes(lock: Lock) -> (CallContext, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let mut context = context();
    context.lock = lock;
    context.capabilities.state = Some(Arc::clone(&notes) as Arc<dyn StateAccess>);
    (context, notes)
}

#[tokio::test]
async fn what_is_written_comes_with_the_outcome_and_not_before() {
    let driver = load_granted(&engine(), note_taker(""), ipmi_granted()).await;
    let (context, notes) = with_notes(Lock::Exclusive);
    let completed = driver.get_power_state("acme", context).await.unwrap();
    assert_eq!(completed.writes, [("key".to_owned(), Some("7".into()))]);
    assert!(notes.stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn writing_needs_the_exclusive_lock() {
    let driver = load_granted(&engine(), note_taker(""), ipmi_granted()).await;
    let (context, _) = with_notes(Lock::Shared);
    let error = driver.get_power_state("acme", context).await.unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::Denied(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_crash_after_writing_leaves_nothing() {
    let driver = load_granted(&engine(), note_taker("unreachable"), ipmi_granted()).await;
    let (context, notes) = with_notes(Lock::Exclusive);
    assert!(driver.get_power_state("acme", context).await.is_err());
    assert!(notes.stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn checkpoints_are_for_steps_only() {
    let after = r#"(call $checkpoint (i32.const 515) (i32.const 1) (i32.const 2048))
                   (if (i32.load8_u (i32.const 2048)) (then (return (i32.const 2048))))"#;
    let driver = load_granted(&engine(), note_taker(after), ipmi_granted()).await;
    let (context, notes) = with_notes(Lock::Exclusive);
    let error = driver.get_power_state("acme", context).await.unwrap_err();
    assert!(
        matches!(error, CallError::Driver(DriverError::Unsupported(_))),
        "{error:?}"
    );
    assert!(notes.stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unknown_imports_are_refused_by_name() {
    let mut guest = Guest::default().importing(
        "evil:host/files",
        r#"(import "evil:host/files" "read" (func $read))"#,
    );
    guest.wit = "package evil:host { interface files { read: func(); } }".into();
    guest.get_power_state = "(call $read) i32.const 1024".into();
    match try_load(&engine(), guest.build(), Granted::default())
        .await
        .err()
        .unwrap()
    {
        LoadError::ForbiddenImports(names) => assert_eq!(names, ["evil:host/files"]),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn wasi_has_nothing_in_it() {
    assert!(
        std::env::vars().next().is_some(),
        "else this test shows nothing"
    );
    let mut guest = Guest::default()
        .importing(
            "wasi:cli/environment@0.2.0",
            r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
               (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
               (import "wasi:cli/environment@0.2.0" "initial-cwd" (func $cwd (param i32)))"#,
        )
        .importing(
            "wasi:filesystem/preopens@0.2.0",
            r#"(import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))"#,
        )
        .get_power_state(
            // Lengths of the three lists, and whether there is a working directory: any of them crashes.
            r#"(call $environment (i32.const 2048)) (call $arguments (i32.const 2064))
               (call $cwd (i32.const 2080)) (call $directories (i32.const 2096))
               (if (i32.or (i32.or (i32.load (i32.const 2052)) (i32.load (i32.const 2068)))
                           (i32.or (i32.load8_u (i32.const 2080)) (i32.load (i32.const 2100)))) (then unreachable))
               i32.const 1024"#,
        );
    guest.wit = "
        package wasi:cli@0.2.0 { interface environment {
            get-environment: func() -> list<tuple<string, string>>;
            get-arguments: func() -> list<string>;
            initial-cwd: func() -> option<string>;
        } }
        package wasi:filesystem@0.2.0 {
            interface types { resource descriptor; }
            interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }
        }"
    .into();
    let driver = load(&engine(), guest).await;
    assert_eq!(
        driver
            .get_power_state("acme", context())
            .await
            .unwrap()
            .value,
        PowerReading::On
    );
}

#[tokio::test]
async fn damaged_components_are_refused_and_break_nothing() {
    let engine = engine();
    let good = Guest::default().build();
    for cut in [0, 4, 20, good.len() / 2, good.len() - 1] {
        let result = try_load(&engine, good[..cut].to_vec(), Granted::default()).await;
        assert!(result.is_err(), "{cut} bytes of {}", good.len());
    }
    for at in (8..good.len()).step_by(97) {
        let mut damaged = good.clone();
        damaged[at] ^= 0x55;
        // Some damage is in names and does no harm.
        let _ = try_load(&engine, damaged, Granted::default()).await;
    }
    load(&engine, Guest::default()).await;
}
