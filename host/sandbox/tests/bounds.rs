//! Every call ends, and what a guest does stays its own trouble.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
mod guest;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{context, engine, engine_with, load, try_load};
use guest::{Guest, sleeping, spinning, table_bomb};
use ironbark_sandbox::{
    CallError, EngineConfig, FaultKind, Granted, Limits, LoadError, PowerReading,
};

fn limits() -> Limits {
    Limits {
        cpu: Duration::from_millis(50),
        host_calls: 100,
        ..Limits::default()
    }
}

fn kind(error: CallError) -> FaultKind {
    match error {
        CallError::Fault(fault) => fault.kind,
        other => panic!("not a fault: {other:?}"),
    }
}

#[tokio::test]
async fn a_call_gives_its_result_and_what_it_cost() {
    let driver = load(&engine(), Guest::default()).await;
    let completed = driver.get_power_state("acme", context()).await.unwrap();
    assert_eq!(completed.value, PowerReading::On);
    assert_eq!(completed.usage.memory, 64 * 1024);
    assert!(completed.writes.is_empty());
    assert!(driver.power_validate("acme", context()).await.is_ok());
    assert_eq!(
        driver
            .get_supported_power_states("acme", context())
            .await
            .unwrap()
            .value,
        []
    );
}

#[tokio::test]
async fn a_crash_is_the_packages_and_names_it() {
    let driver = load(&engine(), Guest::default().get_power_state("unreachable")).await;
    let error = driver.get_power_state("acme", context()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("'test-package' 1.2.3") && text.contains("crashed"),
        "{text}"
    );
    assert_eq!(kind(error), FaultKind::Trap);
    // The next call has a new instance.
    assert!(driver.power_validate("acme", context()).await.is_ok());
}

#[tokio::test]
async fn too_deep_recursion_is_a_crash() {
    let mut guest = Guest::default().get_power_state("(call $deeper) i32.const 1024");
    guest.fields = "(func $deeper (call $deeper))".into();
    let driver = load(&engine(), guest).await;
    let error = driver.get_power_state("acme", context()).await.unwrap_err();
    assert_eq!(kind(error), FaultKind::Trap);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_computing_ends_and_holds_up_nobody() {
    let engine = engine_with(Limits {
        cpu: Duration::from_millis(300),
        ..limits()
    });
    let spinner = load(&engine, spinning()).await;
    let other = load(&engine, Guest::default()).await;
    let spinners: Vec<_> = (0..20)
        .map(|_| {
            let spinner = spinner.clone();
            tokio::spawn(async move { spinner.get_power_state("acme", context()).await })
        })
        .collect();
    // Meanwhile another package's calls go through, and the I/O runtime's timers keep time.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    let before = Instant::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let late = before.elapsed();
    other.get_power_state("acme", context()).await.unwrap();
    assert!(late < Duration::from_secs(1), "a timer was {late:?} late");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    assert!(!spinners.iter().all(tokio::task::JoinHandle::is_finished));
    for spinner in spinners {
        let error = spinner.await.unwrap().unwrap_err();
        assert_eq!(kind(error), FaultKind::CpuLimit(Duration::from_millis(300)));
    }
}

#[tokio::test]
async fn waiting_costs_no_computing_time() {
    let guest = sleeping().get_power_state(
        "(loop $again (call $sleep (i32.const 20)) (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 10)))) i32.const 1024",
    );
    let driver = load(&engine_with(limits()), guest).await;
    let usage = driver
        .get_power_state("acme", context())
        .await
        .unwrap()
        .usage;
    assert!(usage.wall >= Duration::from_millis(200), "{usage:?}");
    assert!(usage.cpu < Duration::from_millis(50), "{usage:?}");
    assert_eq!(usage.host_calls, 10);
}

#[tokio::test]
async fn endless_computing_at_the_start_is_found_when_loading() {
    let guest = Guest {
        start: "(loop $again (br $again))".into(),
        ..Guest::default()
    };
    let error = try_load(&engine_with(limits()), guest.build(), Granted::default())
        .await
        .err()
        .unwrap();
    match error {
        LoadError::Instantiate(fault) => {
            assert!(matches!(fault.kind, FaultKind::CpuLimit(_)), "{fault}")
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn more_memory_than_allowed_is_refused() {
    // 65,535 pages are 4 GiB. A guest that gets none aborts, as Rust's does.
    let guest = Guest::default().get_power_state(
        "(if (i32.eq (memory.grow (i32.const 65534)) (i32.const -1)) (then unreachable)) i32.const 1024",
    );
    let driver = load(&engine(), guest).await;
    let error = driver.get_power_state("acme", context()).await.unwrap_err();
    let allowed = ironbark_sandbox::Limits::default().memory;
    assert_eq!(kind(error), FaultKind::Memory(allowed));
}

#[tokio::test]
async fn a_table_that_grows_and_grows_is_refused() {
    let driver = load(&engine(), table_bomb()).await;
    let error = driver.get_power_state("acme", context()).await.unwrap_err();
    assert!(matches!(kind(error), FaultKind::Memory(_)));
    assert!(driver.power_validate("acme", context()).await.is_ok());
}

#[tokio::test]
async fn a_component_that_begins_with_too_much_memory_is_not_loaded() {
    let guest = Guest {
        memory: "65536".into(),
        ..Guest::default()
    };
    let error = try_load(&engine(), guest.build(), Granted::default())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(
            error,
            LoadError::Compile(_) | LoadError::Link(_) | LoadError::Instantiate(_)
        ),
        "{error}"
    );
}

#[tokio::test]
async fn many_host_calls_end_the_call() {
    let guest = sleeping()
        .get_power_state("(loop $again (call $sleep (i32.const 0)) (br $again)) unreachable");
    let driver = load(&engine_with(limits()), guest).await;
    let error = driver.get_power_state("acme", context()).await.unwrap_err();
    assert_eq!(kind(error), FaultKind::HostCalls);
}

#[tokio::test]
async fn a_call_that_never_returns_meets_its_deadline() {
    let driver = load(&engine(), sleeping()).await;
    let mut context = context();
    context.deadline = Duration::from_millis(150);
    let began = Instant::now();
    let error = driver.get_power_state("acme", context).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
    let kind = kind(error);
    assert!(kind.is_deadline() && kind.is_packages_own(), "{kind:?}");
}

#[tokio::test]
async fn sleeping_for_weeks_ends_with_the_call() {
    let guest = sleeping()
        .get_power_state("(call $sleep (i32.const -1)) (loop $again (br $again)) unreachable");
    let driver = load(&engine_with(limits()), guest).await;
    let mut context = context();
    context.deadline = Duration::from_millis(150);
    let began = Instant::now();
    kind(driver.get_power_state("acme", context).await.unwrap_err());
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn looking_at_the_clock_without_end_ends_the_call() {
    let guest = Guest::default()
        .importing(
            "ironbark:driver/clock@0.1.0",
            r#"(import "ironbark:driver/clock@0.1.0" "monotonic" (func $monotonic (result i64)))"#,
        )
        .get_power_state("(loop $again (drop (call $monotonic)) (br $again)) unreachable");
    let driver = load(&engine_with(limits()), guest).await;
    let error = driver.get_power_state("acme", context()).await.unwrap_err();
    assert_eq!(kind(error), FaultKind::HostCalls);
}

#[tokio::test]
async fn dropping_the_future_ends_the_call() {
    let config = EngineConfig {
        max_live_calls: 2,
        ..EngineConfig::default()
    };
    let engine = common::engine_from(config);
    let sleeper = load(&engine, sleeping()).await;
    let spinner = load(&engine, spinning()).await;
    let both = async {
        tokio::join!(
            sleeper.get_power_state("acme", context()),
            spinner.get_power_state("acme", context())
        )
    };
    assert!(
        tokio::time::timeout(Duration::from_millis(50), both)
            .await
            .is_err()
    );
    tokio::time::timeout(Duration::from_secs(10), async {
        while engine.free_calls() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("cancelled calls make room");
}

#[tokio::test]
async fn too_many_calls_are_refused_after_a_while() {
    let config = EngineConfig {
        max_live_calls: 1,
        queue_timeout: Duration::from_millis(30),
        ..EngineConfig::default()
    };
    let engine = common::engine_from(config);
    let driver = load(&engine, sleeping()).await;
    let first = tokio::spawn({
        let driver = driver.clone();
        async move { driver.get_power_state("acme", context()).await }
    });
    while engine.free_calls() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        driver.power_validate("acme", context()).await,
        Err(CallError::Overloaded)
    );
    first.abort();
    tokio::time::timeout(Duration::from_secs(10), async {
        while driver.power_validate("acme", context()).await.is_err() {}
    })
    .await
    .expect("the place is free again");
}

#[tokio::test]
async fn one_package_does_not_take_the_room_of_others() {
    let config = EngineConfig {
        max_live_calls: 8,
        queue_timeout: Duration::from_millis(30),
        ..EngineConfig::default()
    };
    let engine = common::engine_from(config);
    let greedy = load(&engine, sleeping()).await;
    let other = load(&engine, Guest::default()).await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let greedy = greedy.clone();
            tokio::spawn(async move { greedy.get_power_state("acme", context()).await })
        })
        .collect();
    while engine.free_calls() > 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        let (a, b) = tokio::join!(
            other.get_power_state("acme", context()),
            other.get_power_state("acme", context())
        );
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    }
    assert_eq!(
        greedy.power_validate("acme", context()).await,
        Err(CallError::Overloaded)
    );
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn a_component_has_no_more_memories_and_tables_than_there_are_for_every_call() {
    let engine = engine();
    for (field, most) in [
        ("(memory 1)", Limits::default().memories),
        ("(table 1 funcref)", Limits::default().tables),
    ] {
        let with = |count: u32| {
            let instances = "(core instance (instantiate $m))".repeat(count as usize);
            wat::parse_str(format!("(component (core module $m {field}) {instances})")).unwrap()
        };
        let loaded = try_load(&engine, with(most), Granted::default()).await;
        assert!(loaded.is_ok(), "{field}: {:?}", loaded.err());
        let refused = try_load(&engine, with(most + 1), Granted::default()).await;
        assert!(refused.is_err(), "{field}");
    }
}

#[tokio::test]
async fn a_missing_export_is_told() {
    let driver = load(&engine(), Guest::default()).await;
    let error = driver.get_boot_device("acme", context()).await.unwrap_err();
    assert_eq!(kind(error), FaultKind::MissingExport("management"));
}

#[tokio::test]
async fn an_engine_can_be_dropped_on_a_task_while_calls_run() {
    let driver = load(&engine(), sleeping()).await;
    let call = tokio::spawn({
        let driver = driver.clone();
        async move { driver.get_power_state("acme", context()).await }
    });
    tokio::task::yield_now().await;
    drop(driver);
    call.abort();
    assert!(call.await.is_err_and(|error| error.is_cancelled()));
}

#[tokio::test]
async fn compiled_code_is_kept_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    let config = EngineConfig {
        cache_folder: Some(cache.clone()),
        ..EngineConfig::default()
    };
    load(&common::engine_from(config), Guest::default()).await;
    assert_eq!(
        std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert!(
        Arc::new(walk(&cache)).iter().any(|file| file.is_file()),
        "something was cached"
    );
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}
