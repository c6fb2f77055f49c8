//! The audit on real databases.

use std::sync::Arc;

use futures::FutureExt as _;
use ironbark_db::testing::{self, TestDatabase};
use ironbark_db::{AuditFilter, AuditPage, SortDir};
use ironbark_model::audit::chain::Verifier;
use ironbark_model::audit::{
    ABANDONED, AuditKind, AuditRow, BEGUN, DENIED, INTERRUPTED, NOT_SENT, OK,
};
use ironbark_sandbox::{Audit as _, Ended, Operation};
use tokio::time::Instant;

use super::*;

const STATUS: Operation = Operation::Ipmi {
    netfn: 0,
    command: 1,
};
const CONTROL: Operation = Operation::Ipmi {
    netfn: 0,
    command: 2,
};

fn call(audit: &Audit, purpose: Purpose) -> CallAudit {
    call_of(audit, "acme", purpose)
}

pub(super) fn call_of(audit: &Audit, package: &str, purpose: Purpose) -> CallAudit {
    let who = Who {
        actor: None,
        package: package.to_owned(),
        digest: "d1".to_owned(),
        node: Some("n1".to_owned()),
        request_id: "req-1".to_owned(),
        purpose,
    };
    CallAudit::new(audit.clone(), who)
}

pub(super) fn ended(outcome: &str, answer: u64) -> Ended {
    Ended {
        outcome: outcome.to_owned(),
        abandoned: false,
        answer,
    }
}

pub(super) async fn rows(db: &Database) -> Vec<AuditRow> {
    let page = AuditPage {
        limit: 100_000,
        after: None,
        sort_dir: SortDir::Ascending,
    };
    // The heads first: rows that are written meanwhile come after them.
    let mut verifier = Verifier::expecting(db.audit_heads().await.unwrap());
    let rows = db.audit_list(&AuditFilter::default(), page).await.unwrap();
    for row in &rows {
        verifier.take(row).unwrap();
    }
    verifier.finish().unwrap();
    rows
}

pub(super) fn outcomes(rows: &[AuditRow]) -> Vec<(AuditKind, &str)> {
    rows.iter()
        .map(|row| (row.entry.kind, row.entry.outcome.as_str()))
        .collect()
}

pub(super) async fn settled(audit: &Audit) {
    audit.flush(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn what_changes_a_machine_is_written_before_and_after() {
    for db in testing::databases().await {
        let audit = Audit::new(db.database.clone(), "a");
        let call = call(&audit, Purpose::Work);
        let record = call.begin(&CONTROL).await.unwrap();
        assert_eq!(outcomes(&rows(&db).await), [(AuditKind::Intent, BEGUN)]);
        record.end(ended("0xd5", 1));
        call.begin(&STATUS).await.unwrap().end(ended(OK, 2));
        settled(&audit).await;
        let rows = rows(&db).await;
        assert_eq!(
            outcomes(&rows),
            [
                (AuditKind::Intent, BEGUN),
                (AuditKind::Outcome, "0xd5"),
                (AuditKind::Read, OK)
            ]
        );
        let outcome = &rows[1].entry;
        assert_eq!(outcome.refers_to, Some(rows[0].seq));
        assert_eq!(outcome.operation, "ipmi 0x00 0x02");
        assert_eq!(outcome.node.as_deref(), Some("n1"));
        assert_eq!(outcome.package.as_deref(), Some("acme"));
        assert_eq!(outcome.digest.as_deref(), Some("d1"));
        assert_eq!(outcome.request_id.as_deref(), Some("req-1"));
        assert!(outcome.duration_us.is_some());
    }
}

#[tokio::test]
async fn a_process_that_dies_in_between_leaves_an_intent_that_says_so() {
    for db in testing::databases().await {
        let dying = Audit::new(db.database.clone(), "a");
        let record = call(&dying, Purpose::Work).begin(&CONTROL).await.unwrap();
        // As after SIGKILL: nothing of the dying process runs any more.
        std::mem::forget(record);
        assert_eq!(outcomes(&rows(&db).await), [(AuditKind::Intent, BEGUN)]);

        let next = Audit::new(db.database.clone(), "a");
        next.settle(&db).await.unwrap();
        next.settle(&db).await.unwrap();
        let rows = rows(&db).await;
        assert_eq!(
            outcomes(&rows),
            [
                (AuditKind::Intent, BEGUN),
                (AuditKind::Outcome, INTERRUPTED)
            ]
        );
        assert_eq!(rows[1].entry.refers_to, Some(1));
    }
}

#[tokio::test]
async fn what_nobody_waited_for_to_the_end_says_so() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let call = call(&audit, Purpose::Work);
    call.begin(&CONTROL).await.unwrap().end(Ended {
        abandoned: true,
        ..ended(OK, 1)
    });
    drop(call.begin(&CONTROL).await.unwrap());
    settled(&audit).await;
    let rows = rows(&db).await;
    assert_eq!(
        outcomes(&rows)[1..],
        [
            (AuditKind::Outcome, ABANDONED),
            (AuditKind::Intent, BEGUN),
            (AuditKind::Outcome, INTERRUPTED)
        ]
    );
    assert_eq!(rows[1].entry.detail.as_deref(), Some(OK));
}

#[tokio::test]
async fn reads_are_written_by_themselves() {
    for db in testing::databases().await {
        let audit = Audit::new(db.database.clone(), "a");
        let call = call(&audit, Purpose::Work);
        for answer in 0..500 {
            call.begin(&STATUS).await.unwrap().end(ended(OK, answer));
        }
        // Within a second on a machine that has nothing else to do.
        let written = async {
            while rows(&db).await.len() < 500 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), written)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn polls_that_bring_nothing_new_are_one_row_for_the_hour() {
    for db in testing::databases().await {
        let audit = Audit::new(db.database.clone(), "a");
        let call = call(&audit, Purpose::Poll);
        for answer in [1, 1, 1, 2, 2, 1] {
            call.begin(&STATUS).await.unwrap().end(ended(OK, answer));
        }
        settled(&audit).await;
        assert_eq!(rows(&db).await.len(), 3, "the first, and two changes");
        let counted = db.audit_repeats("a").await.unwrap();
        let count: i64 = counted.iter().map(|one| one.count).sum();
        assert_eq!(count, 3);

        let next_hour = ironbark_model::audit::hour_of(ironbark_model::Timestamp::now()) + 1;
        let sealed = db.audit_seal("a", next_hour, 100).await.unwrap();
        assert_eq!(sealed as usize, counted.len());
        assert_eq!(db.audit_seal("a", next_hour, 100).await.unwrap(), 0);
        let rows = rows(&db).await;
        let last = &rows.last().unwrap().entry;
        assert_eq!(last.kind, AuditKind::Read);
        assert!(last.count.is_some() && last.first_at <= last.last_at);
        assert_eq!(last.node.as_deref(), Some("n1"));
    }
}

#[tokio::test]
async fn counts_of_a_former_hour_become_rows_by_themselves() {
    let db = testing::sqlite().await;
    let hour = ironbark_model::audit::hour_of(ironbark_model::Timestamp::now());
    let counted = ironbark_model::audit::AuditRepeats {
        hour: hour - 1,
        kind: AuditKind::Read,
        node: "n1".to_owned(),
        package: "acme".to_owned(),
        digest: "d1".to_owned(),
        operation: "ipmi 0x00 0x01".to_owned(),
        outcome: OK.to_owned(),
        count: 30,
        first_at: ironbark_model::Timestamp(1),
        last_at: ironbark_model::Timestamp(2),
    };
    db.audit_append("a", &[], &[counted.clone(), counted])
        .await
        .unwrap_or_default();
    let _audit = Audit::new(db.database.clone(), "a");
    let found = wait_for_rows(&db, 1).await;
    assert!(found[0].entry.count.is_some_and(|count| count >= 30));
}

async fn wait_for_rows(db: &TestDatabase, count: usize) -> Vec<AuditRow> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let found = rows(db).await;
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < until, "only {} rows", found.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn refusals_are_rows_once_and_then_counted() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let call = call(&audit, Purpose::Work);
    for _ in 0..100 {
        call.denied(&CONTROL).unwrap();
    }
    settled(&audit).await;
    assert_eq!(outcomes(&rows(&db).await), [(AuditKind::Denied, DENIED)]);
    assert_eq!(db.audit_repeats("a").await.unwrap()[0].count, 99);
}

#[tokio::test]
async fn without_room_nothing_is_done() {
    let db = testing::sqlite().await;
    let audit = Audit::with_room(db.database.clone(), "a", 2);
    let [first, second, third] =
        ["a", "b", "c"].map(|package| call_of(&audit, package, Purpose::Work));
    let under_way = first.begin(&STATUS).await.unwrap();
    let other = second.begin(&STATUS).await.unwrap();
    assert!(
        third.begin(&STATUS).await.is_err(),
        "waits, and is turned away"
    );
    under_way.end(ended(OK, 1));
    assert!(third.begin(&STATUS).await.is_ok());
    other.end(ended(OK, 1));
}

#[tokio::test]
async fn what_cannot_be_written_is_not_begun_and_the_rest_is_kept() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let call = call(&audit, Purpose::Work);
    call.begin(&CONTROL).await.unwrap().end(ended(OK, 1));
    settled(&audit).await;
    db.database.close().await;
    assert!(call.begin(&CONTROL).await.is_err());
    let action = Action::of_file("install", "acme", None, "api");
    let refused = audit.begin_action(action).await.err().unwrap();
    assert_eq!(refused.kind(), ironbark_model::ErrorKind::Overloaded);
}

#[tokio::test]
async fn reads_wait_for_those_before_them_to_be_written_and_no_more_is_ever_lost() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let call = call(&audit, Purpose::Work);
    call.begin(&STATUS).await.unwrap().end(ended(OK, 1));
    settled(&audit).await;
    // Nothing can be written while somebody else writes.
    let blocking = db.database.change_packages().await.unwrap();
    let began = Instant::now();
    let mut answer = 1;
    while let Some(record) = call.begin(&STATUS).now_or_never() {
        answer += 1;
        record.unwrap().end(ended(OK, answer));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= BEHIND, "{:?}", began.elapsed());
    let waits = call.begin(&STATUS);
    drop(blocking);
    waits.await.unwrap().end(ended(OK, answer + 1));
    settled(&audit).await;
    assert_eq!(rows(&db).await.len() as u64, answer + 1);
}

#[tokio::test]
async fn an_intent_that_is_written_too_late_says_that_nothing_was_sent() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let (told, gone) = oneshot::channel();
    drop(gone);
    let entry = ironbark_model::audit::AuditEntry::new(
        ironbark_model::Timestamp::now(),
        AuditKind::Intent,
        "ipmi 0x00 0x02",
        BEGUN,
    );
    audit
        .place()
        .await
        .unwrap()
        .send(Item::Awaited(entry, told));
    let found = wait_for_rows(&db, 2).await;
    assert_eq!(
        outcomes(&found),
        [(AuditKind::Intent, BEGUN), (AuditKind::Outcome, NOT_SENT)]
    );
}

#[tokio::test]
async fn many_at_once_share_transactions_and_one_chain() {
    for db in testing::databases().await {
        let audit = Audit::new(db.database.clone(), "a");
        // A second process under the same name does no harm to the chain either.
        let other = Audit::new(db.database.clone(), "a");
        let calls: Vec<Arc<CallAudit>> = [&audit, &other]
            .map(|one| Arc::new(call(one, Purpose::Work)))
            .into();
        let work = (0..60).map(|index: usize| {
            let call = Arc::clone(&calls[index % 2]);
            async move { call.begin(&CONTROL).await.unwrap().end(ended(OK, 1)) }
        });
        futures::future::join_all(work).await;
        settled(&audit).await;
        settled(&other).await;
        assert_eq!(rows(&db).await.len(), 120);
    }
}

#[tokio::test]
async fn what_operators_do_is_recorded_with_who_and_how_it_ended() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let request = ironbark_rpc::Request::InstallPackage {
        installation: ironbark_rpc::Installation {
            digest: "d1".to_owned(),
            grants: Some(vec!["ipmi".to_owned()]),
            signature: None,
            activate: true,
            force: false,
            take_over: false,
            by: "alice".to_owned(),
        },
    };
    let action = || Action {
        actor: Some("alice".to_owned()),
        request_id: Some("req-7".to_owned()),
        ..Action::of(&request).unwrap()
    };
    let installed =
        ironbark_rpc::Reply::Json(serde_json::json!({"name": "acme", "version": "1.2.0"}));
    audit
        .begin_action(action())
        .await
        .unwrap()
        .end_with_reply(&Ok(installed));
    audit
        .begin_action(action())
        .await
        .unwrap()
        .end_with_reply(&Err(Error::not_found("no such bytes")));
    settled(&audit).await;
    let rows = rows(&db).await;
    assert_eq!(
        outcomes(&rows),
        [BEGUN, OK, BEGUN, "not-found"].map(|outcome| (AuditKind::Package, outcome))
    );
    let done = &rows[1].entry;
    assert_eq!(done.operation, "install");
    assert_eq!(done.actor.as_deref(), Some("alice"));
    assert_eq!(done.request_id.as_deref(), Some("req-7"));
    assert_eq!(done.package.as_deref(), Some("acme"));
    assert_eq!(done.detail.as_deref(), Some("1.2.0"));
    assert!(
        !serde_json::to_string(&rows)
            .unwrap()
            .contains("no such bytes")
    );
}

#[tokio::test]
async fn what_is_done_to_a_publisher_names_it_however_it_ends() {
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let request = ironbark_rpc::Request::RemovePublisher {
        name: "acme-inc".to_owned(),
        quarantine: false,
        by: "alice".to_owned(),
    };
    let removed =
        ironbark_rpc::Reply::Json(serde_json::json!({"name": "acme-inc", "packages": []}));
    for outcome in [Ok(removed), Err(Error::not_found("no such publisher"))] {
        let action = Action::of(&request).unwrap();
        let begun = audit.begin_action(action).await.unwrap();
        begun.end_with_reply(&outcome);
    }
    settled(&audit).await;
    let rows = rows(&db).await;
    assert_eq!(
        outcomes(&rows),
        [BEGUN, OK, BEGUN, "not-found"].map(|outcome| (AuditKind::Package, outcome))
    );
    for row in &rows {
        assert_eq!(row.entry.operation, "remove publisher");
        assert_eq!(row.entry.detail.as_deref(), Some("acme-inc"));
        assert_eq!(row.entry.package, None);
    }
}
