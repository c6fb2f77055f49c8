//! What packages may use and used, and their tasks by the clock: `ironbark driver tasks`, and a part of `driver show`.

use std::fmt::Write as _;

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;

use super::args::Service;
use super::client::{Client, objects, text};

const MIB: f64 = 1024.0 * 1024.0;

/// The tasks of all packages, or of one.
pub(super) async fn tasks(name: Option<&str>, service: &Service) -> Result<()> {
    let client = Client::new(service)?;
    let mut request = client.request(Method::GET, "tasks")?;
    if let Some(name) = name {
        request = request.query(&[("package", name)]);
    }
    let answer = client.send(request).await?;
    client.print(&answer, |answer| {
        let tasks = objects(answer, "tasks");
        let mut shown = String::new();
        if tasks.is_empty() {
            shown.push_str("No package has tasks by the clock.\n");
        }
        for task in tasks {
            add_task(task, &mut shown);
        }
        add_silent(answer, &mut shown);
        shown
    })
}

/// Limits, usage and tasks of a package, as far as conductors told them.
pub(super) fn add(package: &Value, shown: &mut String) {
    // Writing into a string can't fail.
    for limits in objects(package, "limits") {
        let _ = writeln!(
            shown,
            "limits on {}: {} s a call, of these {} s computing; {} MiB; {} calls at a time; {} host calls in a call, {} a second; \
             {} KiB in or out; {} log lines a second",
            text(limits, "conductor"),
            number(limits, "call_timeout"),
            number(limits, "call_cpu_limit"),
            number(limits, "memory_limit_mib"),
            number(limits, "live_calls"),
            number(limits, "host_calls"),
            number(limits, "host_calls_per_second"),
            number(limits, "transfer_limit_kib"),
            number(limits, "log_lines_per_second"),
        );
    }
    for usage in objects(package, "usage") {
        let _ = writeln!(
            shown,
            "used on {} since it started: {} ({}): {} under way, {}",
            text(usage, "conductor"),
            text(usage, "version"),
            text(usage, "role"),
            number(usage, "live_calls"),
            amount(usage),
        );
    }
    for task in objects(package, "tasks") {
        add_task(task, shown);
    }
    add_silent(package, shown);
}

/// What a version used, in words.
pub(super) fn amount(usage: &Value) -> String {
    let peak = usage
        .get("peak_memory")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    format!(
        "{} calls, {} refused; faults: {}; {} s computing; at most {:.1} MiB; {} host calls, {} s held back; {} log lines dropped",
        number(usage, "calls"),
        number(usage, "refused"),
        faults(usage),
        number(usage, "cpu_seconds"),
        peak / MIB,
        number(usage, "host_calls"),
        number(usage, "throttled_seconds"),
        number(usage, "log_lines_dropped"),
    )
}

fn add_task(task: &Value, shown: &mut String) {
    let _ = write!(
        shown,
        "task {}/{} on {}: {}, for {}; ",
        text(task, "package"),
        text(task, "name"),
        text(task, "conductor"),
        text(task, "schedule"),
        text(task, "on"),
    );
    match task.get("last_run").filter(|run| !run.is_null()) {
        None => shown.push_str("never ran since that started; "),
        Some(run) => {
            let _ = write!(
                shown,
                "last run {}, {} s, {}",
                text(run, "started_at"),
                number(run, "duration"),
                text(run, "outcome"),
            );
            if text(task, "scope") == "node" {
                let _ = write!(
                    shown,
                    " ({} nodes, {} failed)",
                    number(run, "nodes"),
                    number(run, "failed_nodes")
                );
            }
            if let Some(error) = run.get("error").and_then(Value::as_str) {
                let _ = write!(shown, ": {error}");
            }
            shown.push_str("; ");
        }
    }
    if let Some(since) = task.get("running_since").and_then(Value::as_str) {
        let _ = write!(shown, "runs since {since}; ");
    }
    let _ = writeln!(shown, "next run {}", text(task, "next_run"));
}

fn add_silent(answer: &Value, shown: &mut String) {
    let silent = super::client::list(answer, "unanswered");
    if silent != "-" {
        let _ = writeln!(shown, "no answer from conductors: {silent}");
    }
}

fn faults(usage: &Value) -> String {
    let kinds = usage.get("faults").and_then(Value::as_object);
    let told: Vec<String> = kinds
        .into_iter()
        .flatten()
        .map(|(kind, times)| format!("{times} {kind}"))
        .collect();
    if told.is_empty() {
        return "none".to_owned();
    }
    told.join(", ")
}

/// A number, without a fraction that it doesn't have, or a dash.
fn number(value: &Value, key: &str) -> String {
    match value.get(key).and_then(Value::as_f64) {
        Some(number) => number.to_string(),
        None => "-".to_owned(),
    }
}
