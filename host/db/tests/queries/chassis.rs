use std::sync::atomic::{AtomicUsize, Ordering};

use ironbark_db::testing::databases;
use ironbark_db::{NodeFilter, Page, SortDir};
use ironbark_model::ident::new_uuid;
use ironbark_model::{Chassis, Error, ErrorKind, Node};
use serde_json::json;
use tokio::runtime::Handle;

use crate::make::{everything, held_node, node, object};

fn chassis(description: Option<&str>) -> Chassis {
    Chassis {
        uuid: new_uuid(),
        description: description.map(str::to_owned),
        extra: object(json!({"hall": 1})),
        ..Chassis::default()
    }
}

#[tokio::test]
async fn a_chassis_is_stored_listed_and_changed() {
    for database in databases().await {
        let kind = database.kind;
        let first = database.chassis_create(&chassis(Some("b"))).await.unwrap();
        let second = database.chassis_create(&chassis(None)).await.unwrap();
        let read = database.chassis_get(&first.uuid).await.unwrap();
        assert_eq!(read.as_ref(), Some(&first), "{kind}");
        assert!(first.id > 0 && first.created_at.is_some() && first.updated_at.is_none());
        let error = database.chassis_create(&first).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        assert_eq!(
            error.message(),
            format!("A chassis with UUID {} already exists.", first.uuid)
        );
        let listed = database.chassis_list(&everything()).await.unwrap();
        assert_eq!(listed, [first.clone(), second.clone()], "{kind}");
        let page = Page::first(1)
            .sorted_by("description", SortDir::Descending)
            .after(&first.uuid);
        assert_eq!(database.chassis_list(&page).await.unwrap(), [second]);

        let changed = database
            .chassis_change(&first.uuid, |before| {
                Ok(Chassis {
                    description: None,
                    extra: object(json!({})),
                    // What can't change stays.
                    uuid: String::new(),
                    ..before.clone()
                })
            })
            .await
            .unwrap();
        assert!(changed.updated_at.is_some());
        let read = database.chassis_get(&first.uuid).await.unwrap();
        assert_eq!(read.as_ref(), Some(&changed), "{kind}");
        let refused = database
            .chassis_change(&first.uuid, |_| Err(Error::invalid("no")))
            .await;
        assert!(refused.is_err());
        let read = database.chassis_get(&first.uuid).await.unwrap();
        assert_eq!(read, Some(changed), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_change_keeps_nobody_waiting_and_undoes_nothing() {
    for database in databases().await {
        let kind = database.kind;
        let rack = database.chassis_create(&chassis(None)).await.unwrap();
        let asked = AtomicUsize::new(0);
        let with = |before: &Chassis, key: &str| {
            let mut after = before.clone();
            after.extra.insert(key.to_owned(), json!(true));
            after
        };
        // While the first change is computed, others write: another row, and this one.
        let changed = database
            .chassis_change(&rack.uuid, |before| {
                if asked.fetch_add(1, Ordering::Relaxed) == 0 {
                    tokio::task::block_in_place(|| {
                        Handle::current().block_on(async {
                            database.chassis_create(&chassis(None)).await?;
                            database
                                .chassis_change(&rack.uuid, |before| Ok(with(before, "other")))
                                .await
                        })
                    })?;
                }
                Ok(with(before, "own"))
            })
            .await
            .unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2, "{kind}");
        assert_eq!(
            changed.extra,
            object(json!({"hall": 1, "other": true, "own": true})),
            "{kind}"
        );
        let read = database.chassis_get(&rack.uuid).await.unwrap();
        assert_eq!(read, Some(changed), "{kind}");

        // Somebody who is always overtaken is told so, instead of trying for ever.
        let overtaken = database
            .chassis_change(&rack.uuid, |before| {
                tokio::task::block_in_place(|| {
                    Handle::current()
                        .block_on(database.chassis_change(&rack.uuid, |b| Ok(b.clone())))
                })?;
                Ok(before.clone())
            })
            .await
            .unwrap_err();
        assert_eq!(overtaken.kind(), ErrorKind::Overloaded, "{kind}");
    }
}

#[tokio::test]
async fn nodes_and_their_chassis_hold_each_other() {
    for database in databases().await {
        let kind = database.kind;
        let rack = database.chassis_create(&chassis(None)).await.unwrap();
        let inside = Node {
            chassis_uuid: Some(rack.uuid.clone()),
            ..node()
        };
        let inside = database.node_create(&inside).await.unwrap();
        database.node_create(&node()).await.unwrap();
        let filter = NodeFilter {
            chassis_uuid: Some(rack.uuid.clone()),
            ..NodeFilter::default()
        };
        let found = database
            .node_list_whole(&filter, &everything())
            .await
            .unwrap();
        assert_eq!(found, [inside.clone().into()], "{kind}");

        let nowhere = Node {
            chassis_uuid: Some(new_uuid()),
            ..node()
        };
        let error = database.node_create(&nowhere).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{kind}");
        let (_, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.chassis_hold(&rack.uuid).await.unwrap();
        let error = tx.chassis_hold(&new_uuid()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{kind}");
        drop(tx);

        let error = database.chassis_delete(&rack.uuid).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{kind}");
        assert!(error.message().contains(&inside.uuid), "{kind}: {error}");
        let held = database.node_reserve(&inside.uuid, "h").await.unwrap();
        let mut tx = database.reserved(&held).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit().await.unwrap();
        database.chassis_delete(&rack.uuid).await.unwrap();
        let error = database.chassis_delete(&rack.uuid).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{kind}");
    }
}

#[tokio::test]
async fn shards_are_counted_by_name() {
    for database in databases().await {
        assert!(database.shards().await.unwrap().is_empty());
        for shard in [Some("west"), None, Some("east"), Some("west")] {
            let one = Node {
                shard: shard.map(str::to_owned),
                ..node()
            };
            database.node_create(&one).await.unwrap();
        }
        assert_eq!(
            database.shards().await.unwrap(),
            [
                (None, 1),
                (Some("east".to_owned()), 1),
                (Some("west".to_owned()), 2)
            ],
            "{}",
            database.kind
        );
    }
}
