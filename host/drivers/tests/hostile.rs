//! Real drivers that mean harm, in the real sandbox: each ends within its bounds, as what it is.
//!
//! They come from `IRONBARK_TEST_FIXTURES`, or from where `cargo xtask build` puts them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ironbark_drivers::{
    Drivers, DriversConfig, Grants, Implementation, PackageError, PreparedPackage,
};
use ironbark_model::{InterfaceKind, PowerTarget};
use ironbark_sandbox::{
    CallContext, CallError, DriverError, Engine, EngineConfig, FaultKind, IpmiAccess, IpmiResponse,
    Limits, LoadError, Lock, PowerReading, StateAccess, Write,
};
use serde_json::Value;

const CPU: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_millis(500);

fn fixture(name: &str) -> Arc<[u8]> {
    let folder = std::env::var_os("IRONBARK_TEST_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fixtures"),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path)
        .unwrap_or_else(|error| {
            panic!("{}: {error}; run `cargo xtask build`", path.display());
        })
        .into()
}

fn drivers_with(limits: Limits) -> Drivers {
    let settings = EngineConfig {
        max_live_calls: 8,
        limits,
        // Compiled once for all these tests.
        cache_folder: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled")),
        ..EngineConfig::default()
    };
    let engine = Engine::new(settings, tokio::runtime::Handle::current()).unwrap();
    Drivers::new(engine, DriversConfig::default())
}

fn drivers() -> Drivers {
    drivers_with(Limits {
        cpu: CPU,
        ..Limits::default()
    })
}

async fn prepare(drivers: &Drivers, name: &str) -> Result<PreparedPackage, PackageError> {
    drivers.prepare(fixture(name), &Grants::AsAsked).await
}

/// The power implementation `name` of the fixture `package`, installed.
async fn power(drivers: &Drivers, package: &str, name: &str) -> Implementation {
    let prepared = prepare(drivers, package)
        .await
        .unwrap_or_else(|error| panic!("{package}: {error}"));
    let digest = prepared.package().digest().to_owned();
    drivers.activate(prepared);
    drivers
        .implementation_pinned(&digest, InterfaceKind::Power, name)
        .unwrap()
}

fn context() -> CallContext {
    CallContext {
        deadline: DEADLINE,
        ..CallContext::without_node("req-test")
    }
}

/// A node with a BMC and with notes, held.
fn with_all() -> CallContext {
    let mut context = context();
    context.deadline = Duration::from_secs(60);
    context.lock = Lock::Exclusive;
    context.capabilities.ipmi = Some(Arc::new(Node));
    context.capabilities.state = Some(Arc::new(Node));
    context
}

struct Node;

#[async_trait]
impl IpmiAccess for Node {
    async fn request(
        &self,
        _: u8,
        _: u8,
        _: u8,
        _: Vec<u8>,
        _: Duration,
    ) -> Result<IpmiResponse, DriverError> {
        Ok(IpmiResponse {
            completion_code: 0,
            data: Vec::new(),
        })
    }
}

#[async_trait]
impl StateAccess for Node {
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError> {
        Ok(BTreeMap::new())
    }

    async fn checkpoint(&self, _: Value, _: Vec<Write>) -> Result<(), DriverError> {
        panic!("nothing makes checkpoints");
    }
}

fn fault(result: Result<impl std::fmt::Debug, CallError>) -> FaultKind {
    match result {
        Err(CallError::Fault(fault)) => fault.kind,
        other => panic!("no fault: {other:?}"),
    }
}

#[tokio::test]
async fn what_breaks_is_the_packages_fault_and_says_how() {
    let allowed = Limits::default().memory;
    for (package, implementation, expected) in [
        ("trap", "hostile-overflow", FaultKind::Trap),
        ("log", "hostile-log", FaultKind::HostCalls),
        ("giant", "hostile-giant", FaultKind::Memory(allowed)),
        ("giant", "hostile-giant-error", FaultKind::Memory(allowed)),
    ] {
        let drivers = drivers_with(Limits::default());
        let power = power(&drivers, package, implementation).await;
        let kind = fault(power.get_power_state(with_all()).await);
        assert_eq!(kind, expected, "{implementation}");
        assert!(kind.is_packages_own());
        assert_eq!(
            drivers.packages()[0].call_counts().faults,
            1,
            "{implementation}"
        );
    }
}

#[tokio::test]
async fn results_larger_than_may_cross_are_refused_whatever_memory_there_is() {
    let drivers = drivers_with(Limits {
        memory: 128 * 1024 * 1024,
        ..Limits::default()
    });
    for implementation in ["hostile-giant", "hostile-giant-error"] {
        let power = power(&drivers, "giant", implementation).await;
        let kind = fault(power.get_power_state(with_all()).await);
        assert!(kind.is_packages_own(), "{implementation}: {kind}");
        assert!(!matches!(kind, FaultKind::Memory(_)), "{implementation}");
    }
    let power = power(&drivers, "giant", "hostile-giant-list").await;
    let kind = fault(power.get_supported_power_states(with_all()).await);
    assert!(kind.is_packages_own(), "{kind}");
    assert!(!matches!(kind, FaultKind::Memory(_)), "{kind}");
}

#[tokio::test]
async fn what_the_standard_library_does_with_clocks_ends_with_the_call() {
    let drivers = drivers();
    for implementation in [
        "hostile-clock-sleep",
        "hostile-clock-nap",
        "hostile-clock-look",
    ] {
        let power = power(&drivers, "clock", implementation).await;
        let began = Instant::now();
        let kind = fault(power.get_power_state(context()).await);
        // No import of the contract: what bounds it is time, its own or the call's.
        let bounded = kind.is_deadline() || kind == FaultKind::CpuLimit(CPU);
        assert!(
            bounded && kind.is_packages_own(),
            "{implementation}: {kind}"
        );
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    // Each asked the contract only once: which implementation it is.
    let usage = drivers.packages()[0].usage();
    assert_eq!((usage.live_calls, usage.host_calls), (0, 3));
}

#[tokio::test]
async fn spinning_at_the_start_is_found_before_it_is_installed() {
    let error = prepare(&drivers(), "spin-start").await.err().unwrap();
    assert!(
        matches!(&error, PackageError::Load(LoadError::Instantiate(fault)) if fault.kind == FaultKind::CpuLimit(CPU)),
        "{error}"
    );
}

#[tokio::test]
async fn hoarding_notes_ends_at_the_bound_and_leaves_none() {
    let drivers = drivers_with(Limits::default());
    let power = power(&drivers, "hoard", "hostile-hoard").await;
    let result = power.set_power_state(with_all(), PowerTarget::On, None);
    match result.await {
        Err(CallError::Driver(DriverError::InvalidParameter(reason))) => {
            assert!(reason.contains("1048576 bytes of a node"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sessions_are_not_opened_without_end() {
    let drivers = drivers_with(Limits::default());
    let power = power(&drivers, "sessions", "hostile-sessions").await;
    match power.get_power_state(with_all()).await {
        Err(CallError::Driver(DriverError::Failed(reason))) => {
            assert!(reason.contains("4 IPMI sessions"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn wasi_has_nothing_to_give() {
    let drivers = drivers_with(Limits::default());
    let power = power(&drivers, "wasi", "hostile-wasi").await;
    let reading = power.get_power_state(with_all()).await.unwrap().value;
    assert_eq!(reading, PowerReading::On, "it names what it got");
    assert!(!Path::new("/tmp/ironbark-hostile").exists());
}

#[tokio::test]
async fn one_sleep_longer_than_the_call_ends_with_it() {
    let drivers = drivers();
    let power = power(&drivers, "sleep", "hostile-sleep-once").await;
    let began = Instant::now();
    // Woken when the time is over, it may still say something; or it comes too late.
    match power.get_power_state(context()).await {
        Ok(completed) => assert_eq!(completed.value, PowerReading::On),
        Err(CallError::Fault(fault)) => assert!(fault.kind.is_deadline(), "{fault}"),
        Err(other) => panic!("{other:?}"),
    }
    let took = began.elapsed();
    assert!(
        took >= DEADLINE - Duration::from_millis(20) && took < Duration::from_secs(20),
        "{took:?}"
    );
}

#[tokio::test]
async fn who_calls_the_host_too_often_waits_and_nobody_else_does() {
    let drivers = drivers_with(Limits {
        host_calls: 1_000_000,
        host_calls_per_second: 20_000,
        ..Limits::default()
    });
    // 40,000 calls of imports: the first half at once, the other in the second after.
    let chatter = power(&drivers, "chatter", "hostile-chatter").await;
    let other = power(&drivers, "sessions", "hostile-sessions").await;
    let began = Instant::now();
    let others = async {
        let mut longest = Duration::ZERO;
        while began.elapsed() < Duration::from_millis(500) {
            let began = Instant::now();
            let answer = other.get_power_state(with_all()).await;
            assert!(matches!(answer, Err(CallError::Driver(_))), "{answer:?}");
            longest = longest.max(began.elapsed());
        }
        longest
    };
    let (answer, longest) = tokio::join!(chatter.get_power_state(with_all()), others);
    let took = began.elapsed();
    assert_eq!(answer.unwrap().value, PowerReading::On);
    // Less by what it calls in its last turn of 1 ms, before it notices.
    assert!(took >= Duration::from_millis(500), "{took:?}");
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    let loaded = drivers.packages();
    let package = loaded
        .iter()
        .find(|package| package.name() == "hostile-chatter")
        .unwrap();
    let usage = package.usage();
    assert!(usage.host_calls >= 40_000, "{usage:?}");
    // On a busy machine it is slowed down without us, too.
    assert!(usage.throttled > Duration::ZERO, "{usage:?}");
    assert!(usage.cpu < took && usage.peak_memory > 0, "{usage:?}");
    assert_eq!((usage.live_calls, usage.refused), (0, 0));
    // The other package waited for nothing.
    let other = loaded
        .iter()
        .find(|package| package.name() == "hostile-sessions")
        .unwrap();
    assert_eq!(other.usage().throttled, Duration::ZERO);

    // And held back so long that its time is over, it is to blame itself.
    let mut short = context();
    short.deadline = Duration::from_millis(200);
    let kind = fault(chatter.get_power_state(short).await);
    assert!(kind.is_deadline() && kind.is_packages_own(), "{kind}");
    assert_eq!(package.faults_by_kind()["deadline"], 1);
}

#[tokio::test]
async fn a_package_may_have_limits_of_its_own() {
    let own = Limits {
        host_calls: 100,
        live_calls: std::num::NonZeroUsize::new(3),
        default_deadline: Duration::from_secs(7),
        ..Limits::default()
    };
    let settings = EngineConfig {
        max_live_calls: 8,
        limits_of: BTreeMap::from([("hostile-chatter".to_owned(), own)]),
        cache_folder: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled")),
        ..EngineConfig::default()
    };
    let engine = Engine::new(settings, tokio::runtime::Handle::current()).unwrap();
    let drivers = Drivers::new(engine, DriversConfig::default());
    let chatter = power(&drivers, "chatter", "hostile-chatter").await;
    let kind = fault(chatter.get_power_state(with_all()).await);
    assert_eq!(kind, FaultKind::HostCalls);
    power(&drivers, "sessions", "hostile-sessions").await;
    for package in drivers.packages() {
        let (live, deadline) = match package.name() {
            "hostile-chatter" => (3, Some(Duration::from_secs(7))),
            _ => (4, None),
        };
        assert_eq!(package.max_live_calls(), live, "{}", package.name());
        assert_eq!(package.own_deadline(), deadline, "{}", package.name());
    }
}
