//! Packages that ask for ever other things: nobody else waits, and the audit stays within its bounds and tells how much there was.

use ironbark_db::testing;
use ironbark_model::audit::{AuditKind, AuditRepeats, AuditRow, BEGUN, DENIED, MORE, OK};
use ironbark_sandbox::{Audit as _, Operation, RedfishMethod};
use tokio::time::Instant;

use super::tests::{call_of, ended, outcomes, rows, settled};
use super::*;

const CONTROL: Operation = Operation::Ipmi {
    netfn: 0,
    command: 2,
};

fn read(number: u32) -> Operation {
    Operation::Redfish {
        method: RedfishMethod::Get,
        path: format!("/redfish/v1/Systems/1/Nothing/{number}"),
    }
}

fn count(rows: &[AuditRow], kind: AuditKind) -> i64 {
    let of_kind = rows.iter().filter(|row| row.entry.kind == kind).count();
    i64::try_from(of_kind).unwrap()
}

fn counted(repeats: &[AuditRepeats], kind: AuditKind) -> i64 {
    let of_kind = repeats.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| one.count).sum()
}

#[tokio::test]
async fn a_flood_of_refusals_holds_up_nobody_and_is_counted() {
    const TRIES: u32 = 20_000;
    let db = testing::sqlite().await;
    let audit = Audit::with_room(db.database.clone(), "a", 64);
    let flood = call_of(&audit, "flood", Purpose::Work);
    // Nothing else runs meanwhile: the writer takes nothing.
    for number in 0..TRIES {
        flood.denied(&read(number)).unwrap();
    }
    let began = Instant::now();
    let other = call_of(&audit, "acme", Purpose::Work);
    other.begin(&CONTROL).await.unwrap().end(ended(OK, 1));
    assert!(began.elapsed() < ROOM, "it waited for room");
    settled(&audit).await;
    let rows = rows(&db).await;
    let denied = count(&rows, AuditKind::Denied);
    assert!((1..=4).contains(&denied), "{denied} rows");
    let repeats = db.audit_repeats("a").await.unwrap();
    assert_eq!(repeats.len(), 1, "{repeats:?}");
    assert_eq!(repeats[0].operation, MORE);
    assert_eq!(repeats[0].outcome, DENIED);
    assert_eq!(repeats[0].package, "flood");
    assert_eq!(repeats[0].node, "n1");
    assert_eq!(denied + repeats[0].count, i64::from(TRIES));
}

#[tokio::test]
async fn rows_of_refusals_and_reads_are_bounded_and_the_rest_is_counted() {
    const TRIES: u32 = 12_000;
    let db = testing::sqlite().await;
    let audit = Audit::new(db.database.clone(), "a");
    let flood = call_of(&audit, "flood", Purpose::Work);
    let poll = call_of(&audit, "flood", Purpose::Poll);
    let began = Instant::now();
    for number in 0..TRIES {
        flood.denied(&read(number)).unwrap();
        let reading = if number % 2 == 0 { &flood } else { &poll };
        reading
            .begin(&read(number))
            .await
            .unwrap()
            .end(ended(OK, u64::from(number)));
    }
    flood.begin(&CONTROL).await.unwrap().end(ended(OK, 1));
    settled(&audit).await;
    let seconds = i64::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let repeats = db.audit_repeats("a").await.unwrap();
    let rows = rows(&db).await;
    for (kind, at_once, per_second) in
        [(AuditKind::Denied, 500, 20), (AuditKind::Read, 10_000, 200)]
    {
        let bound = at_once + seconds * per_second;
        let found = count(&rows, kind);
        assert!(found <= bound, "{found} rows of {kind:?} in {seconds} s");
        assert_eq!(
            found + counted(&repeats, kind),
            i64::from(TRIES),
            "{kind:?}"
        );
    }
    assert!(repeats.len() <= 4, "{repeats:?}");
    let changes: Vec<_> = outcomes(&rows)
        .into_iter()
        .filter(|(kind, _)| matches!(kind, AuditKind::Intent | AuditKind::Outcome))
        .collect();
    assert_eq!(
        changes,
        [(AuditKind::Intent, BEGUN), (AuditKind::Outcome, OK)]
    );
}

#[tokio::test]
async fn one_packages_operations_leave_room_for_others() {
    let db = testing::sqlite().await;
    let audit = Audit::with_room(db.database.clone(), "a", 16);
    let hoard = call_of(&audit, "hoard", Purpose::Work);
    let mut under_way = Vec::new();
    for number in 0..4 {
        under_way.push(hoard.begin(&read(number)).await.unwrap());
    }
    assert!(
        hoard.begin(&read(4)).await.is_err(),
        "a quarter of the room"
    );
    let began = Instant::now();
    let other = call_of(&audit, "acme", Purpose::Work);
    other.begin(&CONTROL).await.unwrap().end(ended(OK, 1));
    assert!(began.elapsed() < ROOM, "it waited for room");
    under_way.pop().unwrap().end(ended(OK, 1));
    hoard.begin(&read(5)).await.unwrap().end(ended(OK, 1));
    drop(under_way);
    settled(&audit).await;
}
