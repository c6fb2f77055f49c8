//! Lists of whole nodes, of which most are known already: after every kind of write they are as the rows are.

use std::sync::Arc;

use ironbark_db::testing::{TestDatabase, databases};
use ironbark_db::{Afterwards, NodeFilter, Observation};
use ironbark_model::ident::Ident;
use ironbark_model::power::PowerState;
use ironbark_model::{Node, Timestamp};
use sqlx::{AnyConnection, Connection, Executor};

use crate::make::{everything, node};

/// What the list says, held against each row.
async fn listed(database: &TestDatabase, what: &str) -> Vec<Arc<Node>> {
    let listed = database
        .node_list_whole(&NodeFilter::default(), &everything())
        .await
        .unwrap();
    for node in &listed {
        let ident = Ident::Uuid(node.uuid.clone());
        let row = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(**node, row, "{} after {what}", database.kind);
    }
    listed
}

async fn by_hand(database: &TestDatabase, text: &'static str) {
    let mut connection = AnyConnection::connect(&database.config.url).await.unwrap();
    connection.execute(text).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn every_write_is_seen() {
    for database in databases().await {
        let one = database.node_create(&node()).await.unwrap();
        let other = database.node_create(&node()).await.unwrap();
        let first = listed(&database, "creation").await;
        let again = listed(&database, "nothing").await;
        let shared = first.iter().zip(&again).all(|(a, b)| Arc::ptr_eq(a, b));
        assert!(shared && first.len() == 2, "{}", database.kind);

        let reservation = database.node_reserve(&one.uuid, "host").await.unwrap();
        listed(&database, "reserving").await;
        let reservation = database
            .node_reservation_take_over(&one.uuid, "host", reservation.fence, "host-b")
            .await
            .unwrap()
            .unwrap();
        listed(&database, "taking over").await;
        let changed = Node {
            description: Some("changed".into()),
            ..one.clone()
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.save_node(&changed).await.unwrap();
        tx.commit().await.unwrap();
        listed(&database, "saving").await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.set_traits(&["CUSTOM_A".to_owned()]).await.unwrap();
        tx.commit().await.unwrap();
        let now = listed(&database, "traits").await;
        assert_eq!(now[0].traits, ["CUSTOM_A"], "{}", database.kind);
        let tx = database
            .reserved_saving(&reservation, &one, Afterwards::Keep)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        listed(&database, "beginning by saving").await;
        let tx = database.reserved(&reservation).await.unwrap();
        tx.commit_and_release().await.unwrap();
        listed(&database, "releasing with a transaction").await;

        let reservation = database.node_reserve(&one.uuid, "host").await.unwrap();
        listed(&database, "reserving again").await;
        database.node_release(&reservation).await.unwrap();
        listed(&database, "releasing").await;
        let reservation = database.node_reserve(&one.uuid, "host").await.unwrap();
        listed(&database, "reserving once more").await;
        database
            .node_save_and_release(&reservation, &changed)
            .await
            .unwrap();
        let now = listed(&database, "saving and releasing").await;
        let observation = Observation {
            power_state: Some(Some(PowerState::On)),
            heartbeat_at: Some(Timestamp(77)),
            vendor: Some("ACME".into()),
            ..Observation::default()
        };
        let fence = now[0].fence;
        assert!(
            database
                .observe(&one.uuid, fence, &observation)
                .await
                .unwrap()
        );
        let now = listed(&database, "observing").await;
        assert_eq!(now[0].power_state, Some(PowerState::On));
        // The other one was never read again.
        assert!(Arc::ptr_eq(&now[1], &first[1]), "{}", database.kind);

        by_hand(&database, "UPDATE nodes SET description = 'by hand'").await;
        let now = listed(&database, "writing by hand").await;
        assert_eq!(now[1].description.as_deref(), Some("by hand"));

        let reservation = database.node_reserve(&other.uuid, "host").await.unwrap();
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(listed(&database, "deleting").await.len(), 1);
        let renewed = Node {
            name: Some("renewed".into()),
            uuid: other.uuid.clone(),
            ..node()
        };
        database.node_create(&renewed).await.unwrap();
        assert_eq!(listed(&database, "making it anew").await.len(), 2);
    }
}
