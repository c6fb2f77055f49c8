use ironbark_db::testing::databases;
use ironbark_db::{Afterwards, AllocationFilter, Database, Page, Reservation, SortDir};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{Allocation, AllocationState, Error, ErrorKind, Node};
use serde_json::json;

use crate::make::{everything, held_node, object};

const HERE: &str = "host-a";

fn allocation(name: Option<&str>) -> Allocation {
    Allocation {
        uuid: new_uuid(),
        name: name.map(str::to_owned),
        resource_class: Some("gold".to_owned()),
        traits: vec!["CUSTOM_A".to_owned()],
        candidate_nodes: vec![new_uuid()],
        extra: object(json!({"a": 1})),
        owner: Some("p".to_owned()),
        prefers_name: true,
        conductor: Some(HERE.to_owned()),
        ..Allocation::default()
    }
}

fn by_uuid(allocation: &Allocation) -> Ident {
    Ident::Uuid(allocation.uuid.clone())
}

/// A stored allocation and the node that it has.
async fn placed(database: &Database) -> (Allocation, Node) {
    let wanted = database.allocation_create(&allocation(None)).await.unwrap();
    let (node, held) = held_node(database).await;
    assert!(place(database, &wanted, &node, &held).await.unwrap());
    let stored = database.allocation_get(&by_uuid(&wanted)).await.unwrap();
    let node = Ident::Uuid(node.uuid);
    let node = database.node_get(&node).await.unwrap().unwrap();
    (stored.unwrap(), node)
}

/// As a conductor does it: node and allocation in one transaction.
async fn place(
    database: &Database,
    wanted: &Allocation,
    node: &Node,
    held: &Reservation,
) -> Result<bool, Error> {
    let given = Node {
        instance_uuid: Some(wanted.uuid.clone()),
        allocation_uuid: Some(wanted.uuid.clone()),
        ..node.clone()
    };
    let mut tx = database
        .reserved_saving(held, &given, Afterwards::Release)
        .await?;
    let placed = tx.allocation_place(&wanted.uuid, HERE).await?;
    if placed {
        tx.commit().await?;
    }
    Ok(placed)
}

#[tokio::test]
async fn an_allocation_is_stored_listed_and_changed() {
    for database in databases().await {
        let kind = database.kind;
        let first = database
            .allocation_create(&allocation(Some("one")))
            .await
            .unwrap();
        let mut other = allocation(None);
        other.resource_class = Some("tin".to_owned());
        other.owner = None;
        let other = database.allocation_create(&other).await.unwrap();
        assert!(first.id > 0 && first.created_at.is_some() && first.updated_at.is_none());
        for ident in [by_uuid(&first), Ident::Name("one".to_owned())] {
            let read = database.allocation_get(&ident).await.unwrap();
            assert_eq!(read.as_ref(), Some(&first), "{kind}");
        }
        let again = Allocation {
            name: Some("another".to_owned()),
            ..first.clone()
        };
        let error = database.allocation_create(&again).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        assert!(error.message().contains("UUID"), "{kind}: {error}");
        let error = database
            .allocation_create(&allocation(Some("one")))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        assert!(error.message().contains("name one"), "{kind}: {error}");

        let list = async |filter: AllocationFilter, page: Page| {
            database.allocation_list(&filter, &page).await.unwrap()
        };
        let all = list(AllocationFilter::default(), everything()).await;
        assert_eq!(all, [first.clone(), other.clone()], "{kind}");
        let page = Page::first(1)
            .sorted_by("name", SortDir::Descending)
            .after(&first.uuid);
        let rest = list(AllocationFilter::default(), page).await;
        assert_eq!(rest, std::slice::from_ref(&other), "{kind}");
        for (filter, found) in [
            (
                AllocationFilter {
                    resource_class: Some("tin".to_owned()),
                    ..AllocationFilter::default()
                },
                &other,
            ),
            (
                AllocationFilter {
                    owner: Some("p".to_owned()),
                    state: Some(AllocationState::Allocating),
                    ..AllocationFilter::default()
                },
                &first,
            ),
        ] {
            let listed = list(filter, everything()).await;
            assert_eq!(listed, std::slice::from_ref(found), "{kind}");
        }
        let active = AllocationFilter {
            state: Some(AllocationState::Active),
            ..AllocationFilter::default()
        };
        assert!(list(active, everything()).await.is_empty(), "{kind}");
        assert_eq!(database.allocations_unfinished().await.unwrap().len(), 2);

        let renamed = database
            .allocation_change(&first.uuid, |before| {
                Ok(Allocation {
                    name: Some("two".to_owned()),
                    extra: object(json!({})),
                    // What can't change stays.
                    owner: None,
                    ..before.clone()
                })
            })
            .await
            .unwrap();
        assert_eq!(renamed.owner.as_deref(), Some("p"));
        assert!(renamed.updated_at.is_some());
        let read = database.allocation_get(&by_uuid(&first)).await.unwrap();
        assert_eq!(read, Some(renamed), "{kind}");
        let error = database
            .allocation_change(&other.uuid, |before| {
                Ok(Allocation {
                    name: Some("two".to_owned()),
                    ..before.clone()
                })
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        let error = database
            .allocation_change(&new_uuid(), |before| Ok(before.clone()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{kind}");
    }
}

#[tokio::test]
async fn a_search_ends_once_and_only_for_its_conductor() {
    for database in databases().await {
        let kind = database.kind;
        let wanted = database.allocation_create(&allocation(None)).await.unwrap();
        let uuid = wanted.uuid.as_str();
        assert!(
            !database
                .allocation_fail(uuid, "host-b", "none")
                .await
                .unwrap()
        );
        let take = async |from: &str, to: &str| {
            database
                .allocation_take_over(uuid, Some(from), to)
                .await
                .unwrap()
        };
        assert!(!take("host-c", "host-b").await, "{kind}");
        assert!(take(HERE, "host-b").await, "{kind}");
        // Who was at it before can't end it any more.
        let (node, held) = held_node(&database).await;
        assert!(!place(&database, &wanted, &node, &held).await.unwrap());
        let untouched = database.node_get(&Ident::Uuid(node.uuid)).await.unwrap();
        assert_eq!(untouched.unwrap().allocation_uuid, None, "{kind}");
        assert!(
            database
                .allocation_fail(uuid, "host-b", "none")
                .await
                .unwrap()
        );
        assert!(
            !database
                .allocation_fail(uuid, "host-b", "again")
                .await
                .unwrap()
        );
        let failed = database.allocation_get(&by_uuid(&wanted)).await.unwrap();
        let failed = failed.unwrap();
        assert_eq!(
            (failed.state, failed.last_error.as_deref()),
            (AllocationState::Error, Some("none")),
            "{kind}"
        );
        assert!(!take("host-b", HERE).await, "{kind}");
        assert!(database.allocations_unfinished().await.unwrap().is_empty());
        assert!(database.allocation_delete_without_node(uuid).await.unwrap());
        assert!(!database.allocation_delete_without_node(uuid).await.unwrap());
    }
}

#[tokio::test]
async fn a_node_has_one_allocation_and_loses_it_with_its_field() {
    for database in databases().await {
        let kind = database.kind;
        let (stored, node) = placed(&database).await;
        assert_eq!(stored.state, AllocationState::Active, "{kind}");
        assert_eq!(stored.node_uuid.as_deref(), Some(node.uuid.as_str()));
        let of_node = database.allocation_of_node(&node.uuid).await.unwrap();
        assert_eq!(of_node.as_ref(), Some(&stored), "{kind}");
        let of_this = AllocationFilter {
            node_uuid: Some(node.uuid.clone()),
            ..AllocationFilter::default()
        };
        let listed = database
            .allocation_list(&of_this, &everything())
            .await
            .unwrap();
        assert_eq!(listed, std::slice::from_ref(&stored), "{kind}");
        assert!(
            !database
                .allocation_delete_without_node(&stored.uuid)
                .await
                .unwrap()
        );

        // Another one can't have it too, in either way.
        let second = database.allocation_create(&allocation(None)).await.unwrap();
        let held = database.node_reserve(&node.uuid, HERE).await.unwrap();
        let mut tx = database.reserved(&held).await.unwrap();
        let error = tx.allocation_place(&second.uuid, HERE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        drop(tx);
        let mut tx = database.reserved(&held).await.unwrap();
        let third = Allocation {
            node_uuid: Some(node.uuid.clone()),
            ..allocation(None)
        };
        let error = tx.allocation_create_placed(&third).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        drop(tx);

        // A write that leaves the field alone leaves the allocation alone.
        let kept = Node {
            extra: object(json!({"a": 2})),
            ..node.clone()
        };
        let mut tx = database.reserved(&held).await.unwrap();
        tx.save_node(&kept).await.unwrap();
        tx.commit().await.unwrap();
        let there = database.allocation_get(&by_uuid(&stored)).await.unwrap();
        assert!(there.is_some(), "{kind}");
        let cut = Node {
            instance_uuid: None,
            allocation_uuid: None,
            ..kept
        };
        let mut tx = database.reserved(&held).await.unwrap();
        tx.save_node(&cut).await.unwrap();
        tx.commit_and_release().await.unwrap();
        let gone = database.allocation_get(&by_uuid(&stored)).await.unwrap();
        assert_eq!(gone, None, "{kind}");
        let other = database.allocation_get(&by_uuid(&second)).await.unwrap();
        assert!(other.is_some(), "{kind}: only its own");
    }
}

#[tokio::test]
async fn the_single_statement_that_writes_a_node_cuts_it_off_too() {
    for database in databases().await {
        let (stored, node) = placed(&database).await;
        let held = database.node_reserve(&node.uuid, HERE).await.unwrap();
        let cut = Node {
            instance_uuid: None,
            allocation_uuid: None,
            ..node
        };
        database.node_save_and_release(&held, &cut).await.unwrap();
        let gone = database.allocation_get(&by_uuid(&stored)).await.unwrap();
        assert_eq!(gone, None, "{}", database.kind);
    }
}

#[tokio::test]
async fn an_allocation_goes_with_its_node() {
    for database in databases().await {
        let (stored, node) = placed(&database).await;
        let held = database.node_reserve(&node.uuid, HERE).await.unwrap();
        let mut tx = database.reserved(&held).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit().await.unwrap();
        let gone = database.allocation_get(&by_uuid(&stored)).await.unwrap();
        assert_eq!(gone, None, "{}", database.kind);
    }
}

#[tokio::test]
async fn a_backfill_is_stored_with_its_node() {
    for database in databases().await {
        let kind = database.kind;
        let (node, held) = held_node(&database).await;
        let new = Allocation {
            state: AllocationState::Active,
            node_uuid: Some(node.uuid.clone()),
            conductor: None,
            ..allocation(Some("late"))
        };
        let mut tx = database.reserved(&held).await.unwrap();
        let stored = tx.allocation_create_placed(&new).await.unwrap();
        tx.commit_and_release().await.unwrap();
        let read = database.allocation_of_node(&node.uuid).await.unwrap();
        assert_eq!(read, Some(stored), "{kind}");
        let (_, held) = held_node(&database).await;
        let mut tx = database.reserved(&held).await.unwrap();
        let elsewhere = Allocation {
            node_uuid: Some(crate::make::node().uuid),
            ..allocation(None)
        };
        assert!(
            tx.allocation_create_placed(&elsewhere).await.is_err(),
            "{kind}: another node than the one that is held"
        );
        drop(tx);
    }
}
