//! What this conductor says of its packages: limits, what they used, their tasks by the clock. Reads what is in memory.

use std::collections::BTreeSet;
use std::time::Duration;

use ironbark_drivers::Package;
use ironbark_model::{Error, Result};
use ironbark_rpc::{LimitsReport, PackageReport, UsageReport};
use serde_json::Value;

use crate::context::Context;

const KIB: f64 = 1024.0;

/// Of all packages that are loaded, or only of one.
pub(crate) fn report(ctx: &Context, name: Option<&str>) -> Result<Value> {
    let wanted = |package: &str| name.is_none_or(|name| name == package);
    let mut report = PackageReport::default();
    let active: BTreeSet<String> = ctx
        .drivers
        .packages()
        .iter()
        .map(|package| package.digest().to_owned())
        .collect();
    let canaries: BTreeSet<String> = ctx
        .drivers
        .canaries()
        .iter()
        .map(|(_, package)| package.digest().to_owned())
        .collect();
    for package in ctx.drivers.loaded() {
        if !wanted(package.name()) {
            continue;
        }
        let role = if active.contains(package.digest()) {
            "active"
        } else if canaries.contains(package.digest()) {
            "canary"
        } else {
            "pinned"
        };
        report
            .limits
            .entry(package.name().to_owned())
            .or_insert_with(|| limits(ctx, &package));
        report.usage.push(usage(&package, role));
    }
    report.tasks = ctx.tasks.report(ctx, name);
    serde_json::to_value(report)
        .map_err(|error| Error::internal("The report can't be written as JSON.").caused_by(error))
}

fn limits(ctx: &Context, package: &Package) -> LimitsReport {
    let limits = package.limits();
    let timeout = package
        .own_deadline()
        .unwrap_or(ctx.config.driver_call_timeout)
        .min(limits.max_deadline);
    LimitsReport {
        call_timeout: seconds(timeout),
        call_cpu_limit: seconds(limits.cpu),
        memory_limit_mib: bytes(limits.memory) / (KIB * KIB),
        live_calls: count(package.max_live_calls()),
        host_calls: limits.host_calls,
        host_calls_per_second: limits.host_calls_per_second,
        transfer_limit_kib: bytes(limits.transfer) / KIB,
        log_lines_per_second: limits.log_lines_per_second,
    }
}

fn usage(package: &Package, role: &str) -> UsageReport {
    let used = package.usage();
    UsageReport {
        package: package.name().to_owned(),
        version: package.version().to_owned(),
        role: role.to_owned(),
        calls: package.call_counts().calls,
        faults: package
            .faults_by_kind()
            .into_iter()
            .map(|(kind, times)| (kind.to_owned(), times))
            .collect(),
        refused: package.refused_calls(),
        cpu_seconds: seconds(used.cpu),
        peak_memory: count(used.peak_memory),
        live_calls: count(used.live_calls),
        host_calls: used.host_calls,
        throttled_seconds: seconds(used.throttled),
        log_lines_dropped: used.log_lines_dropped,
    }
}

/// To the microsecond, as all times are shown.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

/// Sizes are far below 2^52.
fn bytes(size: usize) -> f64 {
    size as f64
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
