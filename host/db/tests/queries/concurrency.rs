use std::time::Duration;

use futures::future::join_all;
use ironbark_db::testing::{databases, sqlite};
use ironbark_db::{Database, DatabaseConfig, NodeColumns, NodeFilter};
use ironbark_model::ErrorKind;
use ironbark_model::ident::Ident;

use crate::make::{everything, held_node, node};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_node_one_gets_it() {
    for database in databases().await {
        let kind = database.kind;
        let node = database.node_create(&node()).await.unwrap();
        let mut fence = node.fence;
        for round in 0..5 {
            let tries = (0..16).map(|number| {
                let (database, uuid) = (database.database.clone(), node.uuid.clone());
                tokio::spawn(async move {
                    database
                        .node_reserve(&uuid, &format!("host-{number}"))
                        .await
                })
            });
            let mut winners = Vec::new();
            for result in join_all(tries).await {
                match result.unwrap() {
                    Ok(reservation) => winners.push(reservation),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::NodeLocked, "{kind}: {error}")
                    }
                }
            }
            let [winner] = &winners[..] else {
                panic!("{kind} round {round}: {winners:?}")
            };
            assert!(winner.fence > fence, "{kind}");
            fence = winner.fence;
            assert!(database.node_release(winner).await.unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_keeps_who_takes_over_waiting_until_its_end() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        let mut changed = tx.node().await.unwrap();
        changed.description = Some("first".into());
        tx.save_node(&changed).await.unwrap();

        let (other, uuid, fence) = (
            database.database.clone(),
            node.uuid.clone(),
            reservation.fence,
        );
        let thief = tokio::spawn(async move {
            other
                .node_reservation_take_over(&uuid, "host-a", fence, "host-b")
                .await
        });
        // It can't be told from outside that it waits; but if it didn't, it would be done well within this.
        let waited = tokio::time::timeout(Duration::from_millis(200), async {
            while !thief.is_finished() {
                tokio::task::yield_now().await;
            }
        });
        assert!(waited.await.is_err(), "{kind}: it must wait");
        tx.commit().await.unwrap();
        let stolen = thief.await.unwrap().unwrap();
        assert!(stolen.is_some(), "{kind}");
        assert!(database.reserved(&reservation).await.is_err(), "{kind}");
        let ident = Ident::Uuid(node.uuid.clone());
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after.description.as_deref(), Some("first"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_writers_and_their_readers_never_meet_a_lock() {
    for database in databases().await {
        let kind = database.kind;
        let work = (0..200).map(|number| {
            let database = database.database.clone();
            tokio::spawn(async move {
                let made = database.node_create(&node()).await?;
                let held = database.node_reserve(&made.uuid, "host").await?;
                let mut tx = database.reserved(&held).await?;
                let mut read = tx.node().await?;
                read.description = Some(format!("{number}"));
                tx.save_node(&read).await?;
                tx.set_traits(&["CUSTOM_X".to_owned()]).await?;
                tx.commit_and_release().await?;
                let page = everything();
                let filter = NodeFilter::default();
                database
                    .node_list(&filter, &page, NodeColumns::Summary)
                    .await?;
                database.node_get(&Ident::Uuid(made.uuid)).await
            })
        });
        for result in join_all(work).await {
            let read = result.unwrap();
            let read = read
                .unwrap_or_else(|error| panic!("{kind}: {error:?}"))
                .unwrap();
            assert_eq!(read.traits, ["CUSTOM_X"]);
            assert_eq!(read.reservation, None);
        }
    }
}

#[tokio::test]
async fn beyond_the_bound_the_answer_is_overloaded() {
    let mut config = sqlite().await.config.clone();
    let folder = tempfile::tempdir().unwrap();
    config.url = DatabaseConfig::sqlite(folder.path().join("x.sqlite")).url;
    config.writer_queue = 2;
    config.acquire_timeout = Duration::from_millis(300);
    let database = Database::open(&config).await.unwrap();
    let (held, reservation) = held_node(&database).await;
    let tx = database.reserved(&reservation).await.unwrap();

    let one = node();
    let waiting = (0..5).map(|_| database.node_create(&one));
    let started = std::time::Instant::now();
    let results = join_all(waiting).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    for result in results {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
    }
    // Readers don't wait for the writer.
    let ident = Ident::Uuid(held.uuid);
    assert!(database.node_get(&ident).await.unwrap().is_some());
    drop(tx);
    database.node_create(&one).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_writer_usable() {
    for database in databases().await {
        let (_, reservation) = held_node(&database).await;
        for step in 0..20u32 {
            let work = async {
                let mut tx = database.reserved(&reservation).await.unwrap();
                let node = tx.node().await.unwrap();
                tx.save_node(&node).await.unwrap();
                tx.commit().await.unwrap();
            };
            let patience = Duration::from_micros(u64::from(step) * 100);
            let _ = tokio::time::timeout(patience, work).await;
        }
        database.node_create(&node()).await.unwrap();
        assert!(
            database.node_release(&reservation).await.unwrap(),
            "{}",
            database.kind
        );
    }
}
