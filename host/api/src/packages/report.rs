//! What conductors say of packages: limits, usage, tasks by the clock. It is theirs alone, and not in the database: each is asked.

use std::time::Duration;

use ironbark_rpc::{PackageReport, Reply, Request, TaskReport};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;
use crate::view::time::Written;

/// How long a conductor is waited for: one that doesn't answer is named, and the others' answers are shown.
const WITHIN: Duration = Duration::from_secs(5);

/// What all conductors said.
pub(super) struct Reports {
    /// By conductor.
    said: Vec<(String, PackageReport)>,
    /// Conductors that didn't answer.
    silent: Vec<String>,
}

/// `GET /ironbark/v1/tasks?package=…`: the packages' tasks by the clock, on each conductor.
pub(crate) async fn tasks(context: Context) -> ApiResult {
    context.query.only(&["package"])?;
    let package = context.query.get("package");
    let reports = Reports::of(&context, package).await?;
    reply::ok(&json!({"tasks": reports.tasks(), "unanswered": reports.silent}))
}

impl Reports {
    /// Asks all conductors that are online, at once.
    pub(super) async fn of(context: &Context, package: Option<&str>) -> Result<Self, ApiError> {
        let snapshot = context.state.routing().fresh().await?;
        let asking = snapshot.online.iter().map(|conductor| async move {
            let request = Request::ReportPackages {
                package: package.map(str::to_owned),
            };
            let host = conductor.hostname.clone();
            let asked = tokio::time::timeout(WITHIN, context.ask_host(&host, request)).await;
            let said = match asked {
                Ok(Ok(Reply::Json(report))) => serde_json::from_value(report).ok(),
                // One of an older release doesn't know the question.
                _ => None,
            };
            (host, said)
        });
        let mut reports = Self {
            said: Vec::new(),
            silent: Vec::new(),
        };
        for (host, said) in futures::future::join_all(asking).await {
            match said {
                Some(said) => reports.said.push((host, said)),
                None => reports.silent.push(host),
            }
        }
        Ok(reports)
    }

    /// Adds to a package's view what conductors say of it.
    pub(super) fn complete(&self, name: &str, view: &mut Value) {
        let Some(view) = view.as_object_mut() else {
            return;
        };
        let limits: Vec<Value> = self
            .said
            .iter()
            .filter_map(|(host, said)| Some(with_host(host, &json!(said.limits.get(name)?))))
            .collect();
        let usage: Vec<Value> = self
            .said
            .iter()
            .flat_map(|(host, said)| said.usage.iter().map(move |usage| (host, usage)))
            .filter(|(_, usage)| usage.package == name)
            .map(|(host, usage)| with_host(host, &json!(usage)))
            .collect();
        view.insert("limits".to_owned(), Value::from(limits));
        view.insert("usage".to_owned(), Value::from(usage));
        view.insert("tasks".to_owned(), Value::from(self.tasks()));
        view.insert("unanswered".to_owned(), json!(self.silent));
    }

    fn tasks(&self) -> Vec<Value> {
        self.said
            .iter()
            .flat_map(|(host, said)| said.tasks.iter().map(move |task| shown(host, task)))
            .collect()
    }
}

fn shown(host: &str, task: &TaskReport) -> Value {
    json!({
        "conductor": host,
        "package": task.package,
        "version": task.version,
        "name": task.name,
        "on": task.on,
        "scope": task.scope,
        "schedule": task.schedule,
        "parallel": task.parallel,
        "running_since": task.running_since.map(Written),
        "last_run": task.last_run.as_ref().map(|run| json!({
            "started_at": Written(run.started_at),
            "duration": run.duration,
            "outcome": run.outcome,
            "nodes": run.nodes,
            "failed_nodes": run.failed_nodes,
            "error": run.error,
        })),
        "next_run": task.next_run.map(Written),
        "left_out": task.left_out,
    })
}

fn with_host(host: &str, report: &Value) -> Value {
    let mut shown = serde_json::Map::from_iter([("conductor".to_owned(), Value::from(host))]);
    if let Some(report) = report.as_object() {
        shown.extend(
            report
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
    Value::Object(shown)
}
