use ironbark_db::testing::databases;
use ironbark_db::{Page, PortFilter, SortDir};
use ironbark_model::history::HistoryEntry;
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{ErrorKind, Node, Port, Timestamp};
use serde_json::json;

use crate::make::{everything, held_node, node, object, port};

#[tokio::test]
async fn every_field_of_a_port_survives() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let full = Port {
            name: Some("eth-0".into()),
            portgroup_uuid: Some(new_uuid()),
            extra: object(json!({"e": 1})),
            internal_info: object(json!({"i": 1})),
            local_link_connection: object(json!({"port_id": "1"})),
            pxe_enabled: false,
            physical_network: Some("net".into()),
            is_smartnic: true,
            description: Some("d".into()),
            vendor: Some("v".into()),
            category: Some("c".into()),
            available_for_dynamic_portgroup: false,
            ..port(&node.uuid, "52:54:00:00:00:01")
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        let made = tx.port_create(&full).await.unwrap();
        tx.commit().await.unwrap();
        assert!(made.id > 0 && made.created_at.is_some());
        for ident in [Ident::Uuid(made.uuid.clone()), Ident::Name("eth-0".into())] {
            let read = database.port_get(&ident).await.unwrap();
            assert_eq!(read.as_ref(), Some(&made), "{kind}");
        }

        let empty = Port {
            id: made.id,
            uuid: made.uuid.clone(),
            created_at: made.created_at,
            ..port(&node.uuid, "52:54:00:00:00:02")
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        let changed = tx.port_update(&empty).await.unwrap();
        tx.commit().await.unwrap();
        assert!(changed.updated_at.is_some());
        let read = database.ports_of_node(&node.uuid).await.unwrap();
        assert_eq!(read, [changed], "{kind}");

        let mut tx = database.reserved(&reservation).await.unwrap();
        assert!(tx.port_delete(&made.uuid).await.unwrap());
        assert!(!tx.port_delete(&made.uuid).await.unwrap());
        let error = tx.port_update(&empty).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn duplicate_ports_are_conflicts_that_name_the_field() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let first = Port {
            name: Some("eth-0".into()),
            ..port(&node.uuid, "52:54:00:00:00:01")
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.port_create(&first).await.unwrap();
        tx.commit().await.unwrap();
        let other = port(&node.uuid, "52:54:00:00:00:02");
        let cases = [
            (
                Port {
                    address: first.address.clone(),
                    ..other.clone()
                },
                "A port with MAC address 52:54:00:00:00:01 already exists.".to_owned(),
            ),
            (
                Port {
                    name: first.name.clone(),
                    ..other.clone()
                },
                "A port with name eth-0 already exists.".to_owned(),
            ),
            (
                Port {
                    uuid: first.uuid.clone(),
                    ..other
                },
                format!("A port with UUID {} already exists.", first.uuid),
            ),
        ];
        for (second, message) in cases {
            let mut tx = database.reserved(&reservation).await.unwrap();
            let error = tx.port_create(&second).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
            assert_eq!(error.message(), message, "{kind}");
        }
    }
}

#[tokio::test]
async fn ports_are_found_by_what_they_and_their_nodes_are() {
    for database in databases().await {
        let mut made = Vec::new();
        for number in 0..3 {
            let one = Node {
                shard: Some(format!("s{number}")),
                conductor_group: format!("g{number}"),
                ..node()
            };
            let one = database.node_create(&one).await.unwrap();
            let held = database.node_reserve(&one.uuid, "h").await.unwrap();
            let mut tx = database.reserved(&held).await.unwrap();
            let port = Port {
                portgroup_uuid: Some(format!("pg{number}")),
                description: Some(format!("Port {number}")),
                ..port(&one.uuid, &format!("52:54:00:00:00:0{number}"))
            };
            made.push(tx.port_create(&port).await.unwrap());
            tx.commit_and_release().await.unwrap();
        }
        let filters = [
            PortFilter {
                node_uuid: Some(made[1].node_uuid.clone()),
                ..Default::default()
            },
            PortFilter {
                address: Some(made[1].address.clone()),
                ..Default::default()
            },
            PortFilter {
                addresses: Some(vec![made[1].address.clone()]),
                ..Default::default()
            },
            PortFilter {
                portgroup_uuid: Some("pg1".into()),
                ..Default::default()
            },
            PortFilter {
                shards: Some(vec!["s1".into(), "s9".into()]),
                ..Default::default()
            },
            PortFilter {
                conductor_groups: Some(vec!["g1".into()]),
                ..Default::default()
            },
            PortFilter {
                description_contains: Some("pORT 1".into()),
                ..Default::default()
            },
        ];
        for filter in filters {
            let found = database.port_list(&filter, &everything()).await.unwrap();
            assert_eq!(found, [made[1].clone()], "{}: {filter:?}", database.kind);
        }
        let page = Page::first(1)
            .sorted_by("address", SortDir::Descending)
            .after(&made[2].uuid);
        let found = database
            .port_list(&PortFilter::default(), &page)
            .await
            .unwrap();
        assert_eq!(found, [made[1].clone()], "{}", database.kind);
    }
}

#[tokio::test]
async fn a_port_moves_only_between_nodes_that_are_both_held() {
    for database in databases().await {
        let (node, reservation) = held_node(&database).await;
        let (other, target) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        let port = tx
            .port_create(&port(&node.uuid, "52:54:00:00:00:01"))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let moved = Port {
            node_uuid: other.uuid.clone(),
            ..port.clone()
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        assert!(tx.port_update(&moved).await.is_err());
        assert!(tx.port_move(&moved, &reservation).await.is_err());
        tx.port_move(&moved, &target).await.unwrap();
        tx.commit().await.unwrap();
        assert!(database.ports_of_node(&node.uuid).await.unwrap().is_empty());
        let there = database.ports_of_node(&other.uuid).await.unwrap();
        assert_eq!(there[0].uuid, port.uuid, "{}", database.kind);

        database.node_release(&reservation).await.unwrap();
        let mut tx = database.reserved(&target).await.unwrap();
        let error = tx.port_move(&port, &reservation).await.unwrap_err();
        assert!(ironbark_db::is_fence_lost(&error), "{}", database.kind);
    }
}

#[tokio::test]
async fn history_is_kept_listed_and_pruned() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let (other, other_reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        for number in 0..5 {
            let entry = HistoryEntry {
                uuid: format!("entry-{number}"),
                created_at: Some(Timestamp(100 - number)),
                severity: "ERROR".into(),
                event_type: "deploying".into(),
                event: "x".repeat(70_000),
                conductor: Some("host".into()),
                user: Some("u".into()),
                project: Some("p".into()),
                state: Some("deploying".into()),
                target_provision_state: Some("active".into()),
                duration_seconds: Some(number),
                ..HistoryEntry::default()
            };
            tx.history_add(&entry).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut tx = database.reserved(&other_reservation).await.unwrap();
        tx.history_add(&HistoryEntry::default()).await.unwrap();
        tx.commit().await.unwrap();

        let page = everything().sorted_by("created_at", SortDir::Ascending);
        let list = database.history_list(&node.uuid, &page).await.unwrap();
        let uuids: Vec<&str> = list.iter().map(|entry| entry.uuid.as_str()).collect();
        assert_eq!(
            uuids,
            ["entry-4", "entry-3", "entry-2", "entry-1", "entry-0"],
            "{kind}"
        );
        let read = database.history_get("entry-3").await.unwrap().unwrap();
        assert_eq!(read, list[1]);
        assert_eq!(read.node_uuid, node.uuid);
        assert_eq!(read.user.as_deref(), Some("u"));
        assert_eq!(read.duration_seconds, Some(3));
        assert!(read.event.len() <= 65_535, "{}", read.event.len());

        // The two newest stay; what is older goes, no more of it at a time than asked.
        assert_eq!(database.history_prune(2, 2).await.unwrap(), 2, "{kind}");
        assert_eq!(database.history_prune(2, 2).await.unwrap(), 1, "{kind}");
        assert_eq!(database.history_prune(2, 2).await.unwrap(), 0, "{kind}");
        let list = database.history_list(&node.uuid, &page).await.unwrap();
        let uuids: Vec<&str> = list.iter().map(|entry| entry.uuid.as_str()).collect();
        assert_eq!(uuids, ["entry-1", "entry-0"], "{kind}");
        let left = database.history_list(&other.uuid, &page).await.unwrap();
        assert!(
            left[0].created_at.is_some() && !left[0].uuid.is_empty(),
            "{kind}"
        );
    }
}
