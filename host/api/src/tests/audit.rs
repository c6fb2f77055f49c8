//! `/ironbark/v1/audit`.

use ironbark_model::Timestamp;
use ironbark_model::audit::{AuditEntry, AuditKind, AuditRow, OK};
use serde_json::json;

use super::harness::{LATEST, Site};

const PATH: &str = "/ironbark/v1/audit";

async fn filled() -> Site {
    let site = Site::new().await;
    let entries: Vec<AuditEntry> = (0..5)
        .map(|number| AuditEntry {
            package: Some(format!("p{number}")),
            ..AuditEntry::new(
                Timestamp(number * 1_000_000),
                AuditKind::Read,
                "ipmi 0x00 0x01",
                OK,
            )
        })
        .collect();
    site.db.audit_append("peer-1", &entries, &[]).await.unwrap();
    site
}

fn packages(answer: &serde_json::Value) -> Vec<&str> {
    let rows = answer["audit"].as_array().unwrap().iter();
    rows.map(|row| row["package"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_keep_their_filters() {
    let site = filled().await;
    let mut path = format!("{PATH}?limit=2&since=1970-01-01T00:00:01%2B00:00&sort_dir=desc");
    let mut seen = Vec::new();
    loop {
        let answer = site.get(&path, LATEST).await.expect(200).json();
        seen.extend(packages(&answer).into_iter().map(str::to_owned));
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        path = next
            .strip_prefix("http://127.0.0.1:6385")
            .unwrap()
            .to_owned();
    }
    assert_eq!(seen, ["p4", "p3", "p2", "p1"]);
}

#[tokio::test]
async fn rows_come_as_lines_too() {
    let site = filled().await;
    let answer = site
        .get(&format!("{PATH}?format=jsonl&limit=3"), LATEST)
        .await
        .expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let link = answer.header("link").unwrap();
    assert!(
        link.ends_with(">; rel=\"next\"") && link.contains("format=jsonl"),
        "{link}"
    );
    let rows: Vec<AuditRow> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    let accept = [("accept", "text/html, application/x-ndjson;q=0.9")];
    let answer = site
        .raw("GET", PATH, &accept, axum::body::Body::empty())
        .await
        .expect(200);
    assert_eq!(answer.text.lines().count(), 5);
    assert_eq!(answer.header("link"), None);
}

#[tokio::test]
async fn chains_end_with_their_newest_row() {
    let site = filled().await;
    let chains = site
        .get(&format!("{PATH}/chains"), LATEST)
        .await
        .expect(200)
        .json();
    let rows = site.get(PATH, LATEST).await.expect(200).json();
    assert_eq!(
        chains["chains"],
        json!([{"chain": "peer-1", "seq": 5, "hash": rows["audit"][4]["hash"]}])
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let site = filled().await;
    for wrong in [
        "limit=0",
        "limit=x",
        "marker=x",
        "sort_dir=up",
        "kind=other",
        "since=yesterday",
        "format=xml",
        "secret=1",
    ] {
        let answer = site
            .get(&format!("{PATH}?{wrong}"), LATEST)
            .await
            .expect(400);
        assert!(!answer.fault().is_empty(), "{wrong}");
    }
    site.get(&format!("{PATH}?node=nobody"), LATEST)
        .await
        .expect(404);
    let gone = "node=00000000-0000-0000-0000-000000000000";
    let answer = site
        .get(&format!("{PATH}?{gone}"), LATEST)
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({"audit": []}));
    site.send("POST", PATH, LATEST, Some(json!({})))
        .await
        .expect(405);
}
