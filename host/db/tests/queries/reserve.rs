use ironbark_db::testing::databases;
use ironbark_db::{Afterwards, Reservation, is_fence_lost};
use ironbark_model::history::HistoryEntry;
use ironbark_model::ident::Ident;
use ironbark_model::{ErrorKind, Node};

use crate::make::{everything, held_node, node, port};

#[tokio::test]
async fn a_node_is_held_by_one_at_a_time() {
    for database in databases().await {
        let kind = database.kind;
        let (node, first) = held_node(&database).await;
        assert_eq!(first.host, "host-a");
        for host in ["host-a", "host-b"] {
            let error = database.node_reserve(&node.uuid, host).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NodeLocked, "{kind}");
            assert!(error.message().contains("locked by host host-a"), "{error}");
        }
        assert!(database.node_release(&first).await.unwrap());
        assert!(
            !database.node_release(&first).await.unwrap(),
            "{kind}: once is enough"
        );
        let second = database.node_reserve(&node.uuid, "host-b").await.unwrap();
        assert!(second.fence > first.fence, "{kind}");
        assert!(
            !database.node_release(&first).await.unwrap(),
            "{kind}: an old reservation releases nothing"
        );
    }
}

#[tokio::test]
async fn who_was_fenced_out_changes_nothing() {
    for database in databases().await {
        let kind = database.kind;
        let (node, old) = held_node(&database).await;
        let stolen = database
            .node_reservation_take_over(&node.uuid, "host-a", old.fence, "host-b")
            .await
            .unwrap()
            .unwrap();
        assert!(stolen.fence > old.fence, "{kind}");
        let error = database.reserved(&old).await.unwrap_err();
        assert!(is_fence_lost(&error), "{kind}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(!is_fence_lost(&ironbark_model::Error::conflict("another")));
        // Not even with the right fence under a wrong name, or when it was let go.
        let wrong = Reservation {
            host: "host-a".into(),
            ..stolen.clone()
        };
        assert!(is_fence_lost(&database.reserved(&wrong).await.unwrap_err()));
        database.node_release(&stolen).await.unwrap();
        assert!(is_fence_lost(
            &database.reserved(&stolen).await.unwrap_err()
        ));
    }
}

#[tokio::test]
async fn taking_over_needs_what_was_read() {
    for database in databases().await {
        let (node, held) = held_node(&database).await;
        for (host, fence) in [("host-x", held.fence), ("host-a", held.fence - 1)] {
            let taken = database
                .node_reservation_take_over(&node.uuid, host, fence, "host-b")
                .await
                .unwrap();
            assert_eq!(taken, None, "{}", database.kind);
        }
        // By the same host's next life, too: the fence grows, though the name is the same.
        let next = database
            .node_reservation_take_over(&node.uuid, "host-a", held.fence, "host-a")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(next.host, held.host);
        assert!(database.reserved(&held).await.is_err());
        assert!(database.reserved(&next).await.is_ok());
    }
}

#[tokio::test]
async fn a_dropped_transaction_changes_nothing() {
    for database in databases().await {
        let kind = database.kind;
        let (before, reservation) = held_node(&database).await;
        let ident = Ident::Uuid(before.uuid.clone());
        let before = database.node_get(&ident).await.unwrap().unwrap();
        let mut tx = database.reserved(&reservation).await.unwrap();
        let changed = Node {
            description: Some("changed".into()),
            ..before.clone()
        };
        tx.save_node(&changed).await.unwrap();
        tx.set_traits(&["CUSTOM_X".into()]).await.unwrap();
        tx.port_create(&port(&before.uuid, "52:54:00:00:00:01"))
            .await
            .unwrap();
        tx.history_add(&HistoryEntry::default()).await.unwrap();
        tx.notes_write("p", &[("k".into(), Some("1".into()))])
            .await
            .unwrap();
        drop(tx);
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after, before, "{kind}");
        assert!(
            database
                .ports_of_node(&before.uuid)
                .await
                .unwrap()
                .is_empty()
        );
        let history = database.history_list(&before.uuid, &everything()).await;
        assert!(history.unwrap().is_empty(), "{kind}");
        assert!(
            database
                .notes_of(&before.uuid, "p")
                .await
                .unwrap()
                .is_empty()
        );
        // And the writer is free again.
        database.reserved(&reservation).await.unwrap();
    }
}

#[tokio::test]
async fn committing_can_let_the_node_go_at_once() {
    for database in databases().await {
        let (node, reservation) = held_node(&database).await;
        let ident = Ident::Uuid(node.uuid.clone());
        let mut tx = database.reserved(&reservation).await.unwrap();
        let mut changed = tx.node().await.unwrap();
        assert_eq!(changed.reservation.as_deref(), Some("host-a"));
        changed.description = Some("changed".into());
        // What a caller writes into these two is of no account.
        changed.reservation = Some("somebody".into());
        changed.fence = 99;
        tx.save_node(&changed).await.unwrap();
        tx.commit().await.unwrap();
        let held = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(held.reservation.as_deref(), Some("host-a"));
        assert_eq!(held.fence, reservation.fence);

        let tx = database.reserved(&reservation).await.unwrap();
        tx.commit_and_release().await.unwrap();
        let free = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(free.reservation, None);
        assert_eq!(free.description.as_deref(), Some("changed"));
    }
}

#[tokio::test]
async fn one_reservation_changes_one_node() {
    for database in databases().await {
        let (_, reservation) = held_node(&database).await;
        let other = database.node_create(&node()).await.unwrap();
        let mut tx = database.reserved(&reservation).await.unwrap();
        assert_eq!(
            tx.save_node(&other).await.unwrap_err().kind(),
            ErrorKind::Internal
        );
        let foreign = port(&other.uuid, "52:54:00:00:00:01");
        assert!(tx.port_create(&foreign).await.is_err());
    }
}

#[tokio::test]
async fn a_deleted_node_takes_all_of_its_own_along() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.set_traits(&["CUSTOM_X".into()]).await.unwrap();
        let port = tx
            .port_create(&port(&node.uuid, "52:54:00:00:00:01"))
            .await
            .unwrap();
        tx.history_add(&HistoryEntry::default()).await.unwrap();
        tx.notes_write("p", &[("k".into(), Some("1".into()))])
            .await
            .unwrap();
        tx.operation_open(&crate::operations::operation(&node.uuid))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit_and_release().await.unwrap();
        let ident = Ident::Uuid(node.uuid.clone());
        assert_eq!(database.node_get(&ident).await.unwrap(), None, "{kind}");
        let ident = Ident::Uuid(port.uuid);
        assert_eq!(database.port_get(&ident).await.unwrap(), None, "{kind}");
        assert!(database.operations_open().await.unwrap().is_empty());
        assert!(is_fence_lost(
            &database.reserved(&reservation).await.unwrap_err()
        ));
    }
}

#[tokio::test]
async fn a_transaction_can_begin_by_writing_the_node_and_by_letting_it_go() {
    for database in databases().await {
        let kind = database.kind;
        let (node, lost) = held_node(&database).await;
        let ident = Ident::Uuid(node.uuid.clone());
        database.node_release(&lost).await.unwrap();
        let (held, read) = database
            .node_reserve_and_read(&node.uuid, "host-b")
            .await
            .unwrap();
        let stored = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(read, stored, "{kind}");
        let changed = |description: &str| Node {
            description: Some(description.into()),
            ..read.clone()
        };

        // Nobody but the holder.
        for afterwards in [Afterwards::Keep, Afterwards::Release] {
            let error = database
                .reserved_saving(&lost, &changed("lost"), afterwards)
                .await
                .unwrap_err();
            assert!(is_fence_lost(&error), "{kind}");
        }
        let error = database
            .node_save_and_release(&lost, &changed("lost"))
            .await
            .unwrap_err();
        assert!(is_fence_lost(&error), "{kind}");
        let other = database.node_create(&crate::make::node()).await.unwrap();
        let error = database
            .reserved_saving(&held, &other, Afterwards::Keep)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);

        // Dropped, it neither writes nor lets go.
        let tx = database
            .reserved_saving(&held, &changed("dropped"), Afterwards::Release)
            .await
            .unwrap();
        drop(tx);
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after, stored, "{kind}");

        let tx = database
            .reserved_saving(&held, &changed("kept"), Afterwards::Keep)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after.description.as_deref(), Some("kept"), "{kind}");
        assert_eq!(after.reservation.as_deref(), Some("host-b"), "{kind}");

        let mut tx = database
            .reserved_saving(&held, &changed("released"), Afterwards::Release)
            .await
            .unwrap();
        tx.history_add(&HistoryEntry::default()).await.unwrap();
        tx.commit_and_release().await.unwrap();
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after.description.as_deref(), Some("released"), "{kind}");
        assert_eq!(after.reservation, None, "{kind}");
        let history = database.history_list(&node.uuid, &everything()).await;
        assert_eq!(history.unwrap().len(), 1, "{kind}");

        let (held, _) = database
            .node_reserve_and_read(&node.uuid, "host-b")
            .await
            .unwrap();
        let written = database
            .node_save_and_release(&held, &changed("at once"))
            .await
            .unwrap();
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(written, after, "{kind}");
        assert_eq!(after.reservation, None, "{kind}");
    }
}
