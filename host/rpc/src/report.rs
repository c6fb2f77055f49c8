//! What a conductor says of the packages that it has loaded: limits, what they used, and their tasks by the clock.

use std::collections::BTreeMap;

use ironbark_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer to [`Request::ReportPackages`](crate::Request::ReportPackages).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PackageReport {
    /// The bounds on the calls of each package, by its name.
    pub limits: BTreeMap<String, LimitsReport>,
    /// What the versions used that are loaded.
    pub usage: Vec<UsageReport>,
    /// The tasks of the active versions, by package and name.
    pub tasks: Vec<TaskReport>,
}

/// The bounds on the calls of one package. Durations are seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsReport {
    /// Wall-clock time of one call.
    pub call_timeout: f64,
    /// CPU time of one call.
    pub call_cpu_limit: f64,
    /// Memory of one instance, in MiB.
    pub memory_limit_mib: f64,
    /// Calls at a time.
    pub live_calls: u64,
    /// Calls of imports in one call.
    pub host_calls: u32,
    /// Calls of imports in one second, of all calls together; 0: no bound.
    pub host_calls_per_second: u32,
    /// Data that an import may be given, or an export return, in KiB.
    pub transfer_limit_kib: f64,
    /// Log lines in one second, of all calls together.
    pub log_lines_per_second: u32,
}

/// What one version used since the conductor loaded it first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageReport {
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// `active`, `canary`, or `pinned`: only steps that began with it use it.
    pub role: String,
    /// Calls that ended.
    pub calls: u64,
    /// Those that broke, by what happened.
    pub faults: BTreeMap<String, u64>,
    /// Calls that were not made: no place in time, or quarantined.
    pub refused: u64,
    /// CPU time, in seconds.
    pub cpu_seconds: f64,
    /// Most memory of one instance, in bytes.
    pub peak_memory: u64,
    /// Calls under way.
    pub live_calls: u64,
    /// Calls of imports.
    pub host_calls: u64,
    /// Time that calls waited because there were too many of those, in seconds.
    pub throttled_seconds: f64,
    /// Log lines that were dropped.
    pub log_lines_dropped: u64,
}

/// A task by the clock, on one conductor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskReport {
    /// The package's name.
    pub package: String,
    /// The active version.
    pub version: String,
    /// The task's name.
    pub name: String,
    /// Whose nodes it is for: `power/acme`, or a hardware type.
    pub on: String,
    /// `node` or `conductor`.
    pub scope: String,
    /// `every 60 s`, or a cron line with its time zone.
    pub schedule: String,
    /// May run beside other tasks.
    pub parallel: bool,
    /// Since when it runs, if it does.
    pub running_since: Option<Timestamp>,
    /// How it ran last, since this conductor started.
    pub last_run: Option<TaskRun>,
    /// When it is due next.
    pub next_run: Option<Timestamp>,
    /// How often it was due while it still ran, and was left out.
    pub left_out: u64,
}

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRun {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in seconds.
    pub duration: f64,
    /// `ok`; `failed`; `partly failed`: for some nodes; `interrupted`: the conductor stopped.
    pub outcome: String,
    /// Nodes that it ran for; 0 for a task without nodes.
    pub nodes: u64,
    /// Those of them for which it failed.
    pub failed_nodes: u64,
    /// The first error.
    pub error: Option<String>,
}
