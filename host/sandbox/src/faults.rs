//! Faults of a package: kept apart from errors that a driver returns, and counted against its version.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::PoolConcurrencyLimitError;

use crate::limits::Tripped;

/// A driver broke during a call. The node's state is not touched by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("driver package '{package}' {version} failed: {kind}{}", detail_suffix(.detail))]
pub struct Fault {
    /// The package's name.
    pub package: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// What happened.
    pub kind: FaultKind,
    /// More about it, for whoever writes the driver. May be empty.
    pub detail: String,
}

/// What a package did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// It crashed.
    #[error("it crashed")]
    Trap,
    /// It computed for longer than it may.
    #[error("it computed for more than {} ms", .0.as_millis())]
    CpuLimit(Duration),
    /// The call's time ran out.
    #[error("it did not finish within {} s{}", .after.as_secs_f32(), if *.waiting { ", while it waited for the host or the BMC" } else { "" })]
    Deadline {
        /// How long it had.
        after: Duration,
        /// It was waiting for a BMC or for the host then, so the package isn't to blame.
        waiting: bool,
    },
    /// It needed more memory, tables or instances than it may have.
    #[error("it needed more memory than the {} MiB that it may have", .0 / (1024 * 1024))]
    Memory(usize),
    /// It called the host too often, or with too much.
    #[error("it called the host too often or with too much data")]
    HostCalls,
    /// What it returned breaks the contract.
    #[error("it returned something that the contract doesn't allow")]
    BadResult,
    /// It doesn't have the export that was called.
    #[error("it has no '{0}'")]
    MissingExport(&'static str),
    /// It was quarantined, after so many faults; 0 if somebody decided it.
    #[error("it is quarantined{}: activate another version, or release it", if *.0 == 0 { String::new() } else { format!(" after {} faults", .0) })]
    Quarantined(u32),
    /// A bug of the host's.
    #[error("the sandbox itself failed; this is a bug of Ironbark, please report it")]
    Host,
}

impl FaultKind {
    /// A short word for it, for counting.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::CpuLimit(_) => "cpu",
            Self::Deadline { waiting: false, .. } => "deadline",
            Self::Deadline { waiting: true, .. } => "no-answer",
            Self::Memory(_) => "memory",
            Self::HostCalls => "host-calls",
            Self::BadResult => "bad-result",
            Self::MissingExport(_) => "missing-export",
            Self::Quarantined(_) => "quarantined",
            Self::Host => "host",
        }
    }

    /// Time ran out.
    pub fn is_deadline(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }

    /// Whether it says something about the package: what a quarantine counts. A deadline that passes while a BMC is
    /// silent doesn't, nor does a bug of the host's.
    pub fn is_packages_own(&self) -> bool {
        !matches!(
            self,
            Self::Deadline { waiting: true, .. }
                | Self::MissingExport(_)
                | Self::Quarantined(_)
                | Self::Host
        )
    }
}

/// Why a component can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It doesn't compile.
    #[error("the component is not valid or can't be compiled: {0}")]
    Compile(String),
    /// It imports what drivers don't get.
    #[error("the component imports what drivers can't have: {}", .0.join(", "))]
    ForbiddenImports(Vec<String>),
    /// Its imports have other types than the contract's, or functions that this host doesn't have.
    #[error("the component's imports don't fit this version of Ironbark: {0}")]
    Link(String),
    /// An export has another form than the contract's.
    #[error("the export '{export}' doesn't fit the contract: {reason}")]
    Export {
        /// Which.
        export: &'static str,
        /// In what it differs.
        reason: String,
    },
    /// It can't be instantiated.
    #[error("the component can't be started: {0}")]
    Instantiate(Fault),
    /// Too many calls or compilations are running.
    #[error("too many components are being compiled, or too many calls are running: try again")]
    Overloaded,
}

/// What an error from the engine says about the guest.
pub(crate) fn classify(
    error: &wasmtime::Error,
    refused_memory: Option<usize>,
) -> (FaultKind, String) {
    if let Some(tripped) = error.downcast_ref::<Tripped>() {
        return match tripped {
            Tripped::Cpu(budget) => (FaultKind::CpuLimit(*budget), String::new()),
            Tripped::HostCalls(what) => (FaultKind::HostCalls, (*what).to_owned()),
        };
    }
    // A guest that is refused memory mostly aborts: the cause is worth more than the symptom.
    if let Some(limit) = refused_memory {
        return (FaultKind::Memory(limit), short(error));
    }
    (FaultKind::Trap, short(error))
}

/// Whether the engine had no room for the instance: that is nobody's fault.
pub(crate) fn is_full(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>()
}

/// The root of an error, in one line of bounded length.
fn short(error: &wasmtime::Error) -> String {
    let text = error.root_cause().to_string();
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(300)
        .collect();
    line
}

fn detail_suffix(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use wasmtime::{
        Config, Engine, Instance, InstanceAllocationStrategy, Module, PoolingAllocationConfig,
        Store,
    };

    use super::*;

    #[test]
    fn a_full_pool_is_told_from_a_crash() {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_memories(1).max_memory_size(64 * 1024);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wat::parse_str("(module (memory 1))").unwrap()).unwrap();
        let trapping = wat::parse_str("(module (func $start unreachable) (start $start))");
        let trapping = Module::new(&engine, trapping.unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        Instance::new(&mut store, &module, &[]).unwrap();
        let full = Instance::new(&mut store, &module, &[]).unwrap_err();
        assert!(is_full(&full), "{full:#}");
        let trap = Instance::new(&mut store, &trapping, &[]).unwrap_err();
        assert!(!is_full(&trap), "{trap:#}");
    }
}
