use std::time::Duration;

use ironbark_db::testing::{TestDatabase, databases, sqlite};
use ironbark_db::{AuditFilter, AuditPage, SortDir};
use ironbark_model::Timestamp;
use ironbark_model::audit::chain::{Broken, Verified, Verifier};
use ironbark_model::audit::{AuditEntry, AuditKind, AuditRow, OK};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

const ALL: AuditPage = AuditPage {
    limit: 10_000,
    after: None,
    sort_dir: SortDir::Ascending,
};

fn entry(at: i64, node: &str) -> AuditEntry {
    AuditEntry {
        node: Some(node.to_owned()),
        package: Some("acme".to_owned()),
        request_id: Some(format!("req-{at}")),
        ..AuditEntry::new(Timestamp(at), AuditKind::Read, "ipmi 0x00 0x01", OK)
    }
}

async fn fill(database: &TestDatabase, chain: &str, rows: i64) {
    let entries: Vec<_> = (1..=rows).map(|at| entry(at, "n1")).collect();
    database.audit_append(chain, &entries, &[]).await.unwrap();
}

async fn all(database: &TestDatabase) -> Vec<AuditRow> {
    let filter = AuditFilter::default();
    database.audit_list(&filter, ALL).await.unwrap()
}

async fn verify(database: &TestDatabase) -> Result<Vec<Verified>, Broken> {
    let mut verifier = Verifier::expecting(database.audit_heads().await.unwrap());
    for row in all(database).await {
        verifier.take(&row)?;
    }
    verifier.finish()
}

async fn run(database: &TestDatabase, text: String) {
    let mut connection = AnyConnection::connect(&database.config.url).await.unwrap();
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(text)))
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_chain_holds_over_batches_of_any_size() {
    for database in databases().await {
        for rows in [1, 15, 16, 17, 100] {
            fill(&database, "a", rows).await;
            fill(&database, "b", 1).await;
        }
        let verified = verify(&database).await.unwrap();
        let ends: Vec<_> = verified
            .iter()
            .map(|chain| (chain.head.chain.as_str(), chain.first, chain.head.seq))
            .collect();
        assert_eq!(ends, [("a", 1, 149), ("b", 1, 5)], "{}", database.kind);
    }
}

#[tokio::test]
async fn every_column_of_every_row_is_vouched_for() {
    let changes = [
        "at = at + 1",
        "kind = 'outcome'",
        "request_id = NULL",
        "actor = 'nobody'",
        "node = 'n2'",
        "package = 'other'",
        "digest = 'd'",
        "operation = 'ipmi 0x00 0x02'",
        "outcome = 'denied'",
        "detail = ''",
        "refers_to = 1",
        "duration_us = 1",
        "count = 1",
        "first_at = 1",
        "last_at = 1",
        "seq = seq + 100",
        "chain = 'b'",
        "hash = '00'",
    ];
    for database in databases().await {
        fill(&database, "a", 20).await;
        let before = all(&database).await;
        for change in changes {
            for seq in [1, 16, 17, 20] {
                run(
                    &database,
                    "CREATE TABLE kept AS SELECT * FROM audit".to_owned(),
                )
                .await;
                run(
                    &database,
                    format!("UPDATE audit SET {change} WHERE seq = {seq}"),
                )
                .await;
                assert!(
                    verify(&database).await.is_err(),
                    "{}: {change} of row {seq}",
                    database.kind
                );
                run(
                    &database,
                    "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept"
                        .to_owned(),
                )
                .await;
            }
        }
        assert_eq!(all(&database).await, before);
        for seq in [1, 10, 20] {
            run(&database, format!("DELETE FROM audit WHERE seq = {seq}")).await;
            assert!(
                verify(&database).await.is_err(),
                "{}: row {seq}",
                database.kind
            );
        }
    }
}

#[tokio::test]
async fn what_is_pruned_is_vouched_for_by_a_later_row() {
    for database in databases().await {
        fill(&database, "a", 50).await;
        let cutoff = Timestamp(31);
        assert_eq!(
            database.audit_prune("a", cutoff, 1000, 20).await.unwrap(),
            20
        );
        assert_eq!(
            database.audit_prune("a", cutoff, 1000, 20).await.unwrap(),
            10
        );
        assert_eq!(
            database.audit_prune("a", cutoff, 1000, 20).await.unwrap(),
            0
        );
        let verified = verify(&database).await.unwrap();
        assert_eq!((verified[0].first, verified[0].head.seq), (31, 52));

        // By number: the ten newest of 52 stay, the two rows that say so among them.
        assert_eq!(
            database
                .audit_prune("a", Timestamp(0), 10, 1000)
                .await
                .unwrap(),
            12
        );
        let verified = verify(&database).await.unwrap();
        assert_eq!((verified[0].first, verified[0].head.seq), (43, 53));

        // The rows that vouch for the beginning are gone, too: a new one does.
        let future = Timestamp::now().plus(Duration::from_secs(3600));
        while database.audit_prune("a", future, 1000, 3).await.unwrap() == 3 {}
        assert!(verify(&database).await.unwrap()[0].first > 52);
        run(
            &database,
            "DELETE FROM audit WHERE kind = 'pruned'".to_owned(),
        )
        .await;
        assert!(verify(&database).await.is_err(), "{}", database.kind);
    }
}

#[tokio::test]
async fn filters_and_pages() {
    for database in databases().await {
        let mut rows: Vec<_> = (1..=10).map(|at| entry(at, "n1")).collect();
        rows[3].node = Some("n2".to_owned());
        rows[4].outcome = "denied".to_owned();
        rows[5].kind = AuditKind::Denied;
        rows[6].package = Some("other".to_owned());
        database.audit_append("a", &rows, &[]).await.unwrap();
        let none = AuditFilter::default;
        let text = |text: &str| Some(text.to_owned());
        let narrow = [
            (
                AuditFilter {
                    node: text("n2"),
                    ..none()
                },
                vec![4],
            ),
            (
                AuditFilter {
                    outcome: text("denied"),
                    ..none()
                },
                vec![5],
            ),
            (
                AuditFilter {
                    kind: Some(AuditKind::Denied),
                    ..none()
                },
                vec![6],
            ),
            (
                AuditFilter {
                    package: text("other"),
                    ..none()
                },
                vec![7],
            ),
            (
                AuditFilter {
                    request_id: text("req-2"),
                    ..none()
                },
                vec![2],
            ),
            (
                AuditFilter {
                    since: Some(Timestamp(9)),
                    ..none()
                },
                vec![9, 10],
            ),
            (
                AuditFilter {
                    until: Some(Timestamp(3)),
                    ..none()
                },
                vec![1, 2],
            ),
            (
                AuditFilter {
                    node: text("n3"),
                    ..none()
                },
                vec![],
            ),
        ];
        for (filter, expected) in narrow {
            let found = database.audit_list(&filter, ALL).await.unwrap();
            let seqs: Vec<_> = found.iter().map(|row| row.seq).collect();
            assert_eq!(seqs, expected, "{}: {filter:?}", database.kind);
        }
        for sort_dir in [SortDir::Ascending, SortDir::Descending] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = AuditPage {
                    limit: 4,
                    after,
                    sort_dir,
                };
                let found = database.audit_list(&none(), page).await.unwrap();
                let Some(last) = found.last() else { break };
                after = Some(last.id);
                seen.extend(found.iter().map(|row| row.seq));
            }
            if sort_dir == SortDir::Descending {
                seen.reverse();
            }
            assert_eq!(seen, (1..=10).collect::<Vec<_>>(), "{}", database.kind);
        }
    }
}

#[tokio::test]
async fn what_is_stored_is_what_was_hashed() {
    for database in databases().await {
        let odd = "nul\0 separators\u{1e}\u{1f} \u{1f600} 'quoted' ä";
        let row = AuditEntry {
            actor: Some(odd.to_owned()),
            ..entry(1, "n1")
        };
        database
            .audit_append("a", &[row.tidy()], &[])
            .await
            .unwrap();
        verify(&database).await.unwrap();
    }
}

#[tokio::test]
async fn many_writers_of_one_chain_wait_for_each_other() {
    for database in databases().await {
        let work = (0..20).map(|_| async {
            let rows = [entry(1, "n1"), entry(2, "n1")];
            database.audit_append("a", &rows, &[]).await.unwrap();
        });
        futures::future::join_all(work).await;
        assert_eq!(verify(&database).await.unwrap()[0].head.seq, 40);
    }
}

#[tokio::test]
async fn intents_without_an_outcome_are_found() {
    let database = sqlite().await;
    let mut rows: Vec<_> = (1..=4).map(|at| entry(at, "n1")).collect();
    for (at, kind, outcome, refers_to) in [
        (0, AuditKind::Intent, "begun", None),
        (1, AuditKind::Intent, "begun", None),
        (2, AuditKind::Outcome, OK, Some(1)),
        (3, AuditKind::Package, "begun", None),
    ] {
        rows[at].kind = kind;
        rows[at].outcome = outcome.to_owned();
        rows[at].refers_to = refers_to;
    }
    database.audit_append("a", &rows, &[]).await.unwrap();
    let open = database.audit_unanswered("a", 100).await.unwrap();
    let seqs: Vec<_> = open.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, [4, 2]);
}
