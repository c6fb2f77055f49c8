//! What conductors say of packages: limits, usage, tasks.

use axum::body::Body;
use ironbark_model::lifecycle::{PackageEvent, publisher_history};
use ironbark_model::{Error, Timestamp, UsageCounts, VersionUsage};
use ironbark_rpc::{LimitsReport, PackageReport, Reply, Request, TaskReport, TaskRun, UsageReport};
use serde_json::{Value, json};

use super::harness::Site;

const ACME: &str = "/ironbark/v1/packages/acme";

async fn with_acme() -> Site {
    let site = Site::new().await;
    let headers = [("content-type", "application/wasm")];
    let component = b"\0asm\x0d\0\x01\0".to_vec();
    site.raw(
        "POST",
        "/ironbark/v1/packages?grant=state",
        &headers,
        Body::from(component),
    )
    .await
    .expect(201);
    site
}

/// What a conductor says of a package of which everything is known.
pub(super) fn report() -> Reply {
    let report = PackageReport {
        limits: [(
            "acme".to_owned(),
            LimitsReport {
                call_timeout: 60.0,
                host_calls_per_second: 10_000,
                ..LimitsReport::default()
            },
        )]
        .into(),
        usage: vec![UsageReport {
            package: "acme".to_owned(),
            version: "1.0.0".to_owned(),
            role: "active".to_owned(),
            calls: 7,
            faults: [("trap".to_owned(), 2)].into(),
            ..UsageReport::default()
        }],
        tasks: vec![TaskReport {
            package: "acme".to_owned(),
            version: "1.0.0".to_owned(),
            name: "poll".to_owned(),
            on: "power/acme".to_owned(),
            scope: "node".to_owned(),
            schedule: "every 60 s".to_owned(),
            last_run: Some(TaskRun {
                started_at: Timestamp(1_000_000),
                duration: 0.5,
                outcome: "ok".to_owned(),
                nodes: 3,
                failed_nodes: 0,
                error: None,
            }),
            next_run: Some(Timestamp(61_000_000)),
            ..TaskReport::default()
        }],
    };
    Reply::Json(serde_json::to_value(report).unwrap())
}

#[tokio::test]
async fn a_package_is_shown_with_what_conductors_say_of_it() {
    let site = with_acme().await;
    site.conductor.next(Ok(report()));
    let shown = site.get(ACME, None).await.expect(200).json();
    assert!(
        matches!(site.conductor.last(), Request::ReportPackages { package } if package.as_deref() == Some("acme"))
    );
    assert_eq!(
        shown["limits"][0]["conductor"],
        shown["usage"][0]["conductor"]
    );
    assert_eq!(shown["limits"][0]["host_calls_per_second"], 10_000);
    assert_eq!(shown["usage"][0]["calls"], 7);
    assert_eq!(shown["usage"][0]["faults"], json!({"trap": 2}));
    let task = &shown["tasks"][0];
    assert_eq!(task["next_run"], "1970-01-01T00:01:01.000000+00:00");
    assert_eq!(
        task["last_run"]["started_at"],
        "1970-01-01T00:00:01.000000+00:00"
    );
    assert_eq!(shown["unanswered"], json!([]));
    assert_eq!(shown["version"], "1.0.0");
}

#[tokio::test]
async fn what_a_version_used_since_it_was_installed_is_shown_without_a_conductor() {
    let site = with_acme().await;
    let version = |shown: &Value| shown["versions"][0].clone();
    let shown = site.get(ACME, None).await.expect(200).json();
    assert_eq!(version(&shown)["used"], Value::Null);
    let counts = UsageCounts {
        calls: 7,
        cpu_us: 1_500_000,
        peak_memory: 65_536,
        host_calls: 20,
        faults: [("trap".to_owned(), 2)].into(),
        ..UsageCounts::default()
    };
    let used = VersionUsage {
        package: "acme".to_owned(),
        version: "1.0.0".to_owned(),
        digest: version(&shown)["digest"].as_str().unwrap().to_owned(),
        counts,
        counted_at: Timestamp(1_000_000),
    };
    site.db.package_usage_add(&[used]).await.unwrap();
    site.conductor.next(Err(Error::internal("away")));
    let shown = site.get(ACME, None).await.expect(200).json();
    assert_eq!(
        version(&shown)["used"],
        json!({
            "calls": 7, "faults": {"trap": 2}, "refused": 0, "cpu_seconds": 1.5, "peak_memory": 65_536, "host_calls": 20,
            "throttled_seconds": 0.0, "log_lines_dropped": 0, "counted_at": "1970-01-01T00:00:01.000000+00:00",
        })
    );
    let listed = site
        .get("/ironbark/v1/packages", None)
        .await
        .expect(200)
        .json();
    assert_eq!(listed["packages"][0]["versions"][0]["used"]["calls"], 7);
}

#[tokio::test]
async fn tasks_are_listed_of_all_conductors_and_who_is_silent_is_named() {
    let site = with_acme().await;
    let other = site.another("host-b", "", &["fake-hardware"]).await;
    site.conductor.next(Ok(report()));
    other.next(Err(Error::internal("broken")));
    let listed = site
        .get("/ironbark/v1/tasks?package=acme", None)
        .await
        .expect(200)
        .json();
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["tasks"][0]["last_run"]["outcome"], "ok");
    assert_eq!(listed["unanswered"], json!(["host-b"]));
    assert!(
        matches!(other.last(), Request::ReportPackages { package } if package.as_deref() == Some("acme"))
    );
    site.get("/ironbark/v1/tasks", None).await.expect(200);
    assert!(matches!(
        other.last(),
        Request::ReportPackages { package: None }
    ));
    site.get("/ironbark/v1/tasks?bogus=1", None)
        .await
        .expect(400);
}

#[tokio::test]
async fn a_publishers_history_outlives_it() {
    let site = Site::new().await;
    let path = "/ironbark/v1/publishers/acme-inc/history";
    let none = site.get(path, None).await.expect(404);
    assert!(none.fault().contains("acme-inc"));
    let mut tx = site.db.change_packages().await.unwrap();
    for action in ["trust", "distrust"] {
        tx.note(&PackageEvent {
            created_at: Timestamp(1),
            package: publisher_history("acme-inc"),
            version: None,
            digest: None,
            action: action.to_owned(),
            actor: "ada".to_owned(),
            request_id: Some("req-1".to_owned()),
            detail: None,
        })
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let shown = site.get(path, None).await.expect(200).json();
    let actions: Vec<&Value> = shown["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["action"])
        .collect();
    assert_eq!(actions, ["distrust", "trust"]);
    // A package can't have such a name, so that nothing gets mixed up.
    site.get("/ironbark/v1/packages/acme-inc/history", None)
        .await
        .expect(404);
}
