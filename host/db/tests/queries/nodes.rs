use std::sync::Arc;

use ironbark_db::testing::databases;
use ironbark_db::{NodeColumns, NodeFilter, Page};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{ErrorKind, Node};

use crate::make::{chassis_of, everything, full_node, held_node, node, stored_full_node};

fn all_filter() -> NodeFilter {
    NodeFilter {
        include_children: true,
        ..NodeFilter::default()
    }
}

#[tokio::test]
async fn every_field_survives_being_stored() {
    for database in databases().await {
        let kind = database.kind;
        let before = full_node();
        chassis_of(&database, &before).await;
        let made = database.node_create(&before).await.unwrap();
        assert!(made.id > 0, "{kind}");
        let expected = Node {
            id: made.id,
            ..before
        };
        assert_eq!(made, expected, "{kind}");

        let by_uuid = Ident::Uuid(made.uuid.clone());
        let by_name = Ident::Name(made.name.clone().unwrap());
        for ident in [by_uuid, by_name] {
            let read = database.node_get(&ident).await.unwrap().unwrap();
            assert_eq!(read, expected, "{kind} {ident}");
        }
        let listed = database
            .node_list_whole(&all_filter(), &everything())
            .await
            .unwrap();
        assert_eq!(listed, [expected.into()], "{kind}");
    }
}

#[tokio::test]
async fn every_field_survives_being_saved_and_emptied_again() {
    for database in databases().await {
        let kind = database.kind;
        let (empty, reservation) = held_node(&database).await;
        let full = Node {
            id: empty.id,
            uuid: empty.uuid.clone(),
            created_at: empty.created_at,
            reservation: Some("host-a".into()),
            fence: reservation.fence,
            ..full_node()
        };

        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.save_node(&full).await.unwrap();
        tx.set_traits(&full.traits).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = database.reserved(&reservation).await.unwrap();
        let read = tx.node().await.unwrap();
        assert!(
            read.updated_at > full.updated_at,
            "{kind}: it was updated now"
        );
        let expected = Node {
            updated_at: read.updated_at,
            ..full
        };
        assert_eq!(read, expected, "{kind}");

        let cleared = Node {
            reservation: Some("host-a".into()),
            fence: reservation.fence,
            ..empty.clone()
        };
        tx.save_node(&cleared).await.unwrap();
        tx.set_traits(&[]).await.unwrap();
        let read = tx.node().await.unwrap();
        let expected = Node {
            updated_at: read.updated_at,
            ..cleared
        };
        assert_eq!(read, expected, "{kind}");
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn duplicates_are_conflicts_that_name_the_field() {
    for database in databases().await {
        let kind = database.kind;
        let first = stored_full_node(&database).await;
        let cases = [
            (
                Node {
                    uuid: first.uuid.clone(),
                    ..node()
                },
                format!("A node with UUID {} already exists.", first.uuid),
            ),
            (
                Node {
                    name: first.name.clone(),
                    ..node()
                },
                format!(
                    "A node with name {} already exists.",
                    first.name.as_deref().unwrap()
                ),
            ),
            (
                Node {
                    instance_uuid: first.instance_uuid.clone(),
                    ..node()
                },
                format!(
                    "Instance {} is already associated with a node",
                    first.instance_uuid.as_deref().unwrap()
                ),
            ),
        ];
        for (second, message) in cases {
            let error = database.node_create(&second).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
            assert!(error.message().starts_with(&message), "{kind}: {error}");
        }

        let (held, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        let renamed = Node {
            name: first.name.clone(),
            ..held
        };
        let error = tx.save_node(&renamed).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
    }
}

#[tokio::test]
async fn a_summary_has_what_lists_show() {
    for database in databases().await {
        let full = stored_full_node(&database).await;
        let listed = database
            .node_list(&all_filter(), &everything(), NodeColumns::Summary)
            .await
            .unwrap();
        let expected = Node {
            id: full.id,
            uuid: full.uuid,
            name: full.name,
            instance_uuid: full.instance_uuid,
            maintenance: full.maintenance,
            power_state: full.power_state,
            provision_state: full.provision_state,
            driver: full.driver,
            conductor_group: full.conductor_group,
            ..Node::default()
        };
        assert_eq!(listed, std::slice::from_ref(&expected), "{}", database.kind);
        let listed = database
            .node_list(&all_filter(), &everything(), NodeColumns::Slim)
            .await
            .unwrap();
        let expected = Node {
            target_power_state: full.target_power_state,
            target_provision_state: full.target_provision_state,
            last_error: full.last_error,
            maintenance_reason: full.maintenance_reason,
            fault: full.fault,
            reservation: full.reservation,
            resource_class: full.resource_class,
            owner: full.owner,
            lessee: full.lessee,
            instance_name: full.instance_name,
            description: full.description,
            ..expected
        };
        assert_eq!(listed, [expected], "{}", database.kind);
    }
}

#[tokio::test]
async fn traits_of_a_page_are_each_nodes_own() {
    for database in databases().await {
        let mut expected = Vec::new();
        for number in 0..5usize {
            let mut one = node();
            one.traits = (0..number).map(|n| format!("CUSTOM_{n}")).collect();
            expected.push(Arc::new(database.node_create(&one).await.unwrap()));
        }
        let listed = database
            .node_list_whole(&all_filter(), &everything())
            .await
            .unwrap();
        assert_eq!(listed, expected, "{}", database.kind);
    }
}

#[tokio::test]
async fn large_nodes_keep_their_places_in_a_page() {
    for database in databases().await {
        let mut expected = Vec::new();
        for bytes in [0, 300_000, 10, 400_000, 200_000] {
            let mut one = node();
            let text = serde_json::Value::from("x".repeat(bytes));
            one.instance_info.insert("configdrive".to_owned(), text);
            one.traits = vec!["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()];
            expected.push(Arc::new(database.node_create(&one).await.unwrap()));
        }
        let list = |page: Page| {
            let database = &database;
            async move {
                database
                    .node_list_whole(&all_filter(), &page)
                    .await
                    .unwrap()
            }
        };
        assert!(list(everything()).await == expected, "{}", database.kind);
        let third = Page::first(2).after(expected[1].uuid.clone());
        assert!(list(third).await == expected[2..4], "{}", database.kind);
    }
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    for database in databases().await {
        let uuid = Ident::Uuid(new_uuid());
        assert_eq!(database.node_get(&uuid).await.unwrap(), None);
        assert_eq!(database.port_get(&uuid).await.unwrap(), None);
        assert_eq!(database.operation_of(uuid.as_str()).await.unwrap(), None);
        assert_eq!(database.history_get(uuid.as_str()).await.unwrap(), None);
        let error = database
            .node_reserve(uuid.as_str(), "host")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}", database.kind);
    }
}

#[tokio::test]
async fn characters_that_cannot_be_stored_are_replaced() {
    for database in databases().await {
        let bad = Node {
            last_error: Some("a\0b\u{1e}c\u{1f}d".into()),
            description: Some("\u{1f}".into()),
            owner: Some(String::new()),
            power_interface: Some("a\u{1e}b\u{1d}c".into()),
            ..node()
        };
        let made = database.node_create(&bad).await.unwrap();
        let ident = Ident::Uuid(made.uuid.clone());
        let read = database.node_get(&ident).await.unwrap().unwrap();
        let expected = Node {
            last_error: Some("a\u{fffd}b\u{fffd}c\u{fffd}d".into()),
            description: Some("\u{fffd}".into()),
            power_interface: Some("a\u{fffd}b\u{fffd}c".into()),
            ..made
        };
        assert_eq!(read, expected, "{}", database.kind);
        let filter = NodeFilter {
            owner: Some("x\0".into()),
            ..NodeFilter::default()
        };
        let found = database
            .node_list_whole(&filter, &everything())
            .await
            .unwrap();
        assert!(found.is_empty(), "{}", database.kind);
    }
}

#[tokio::test]
async fn a_parent_is_told_from_who_has_no_children() {
    for database in databases().await {
        let kind = database.kind;
        let parent = database.node_create(&node()).await.unwrap();
        let child = Node {
            parent_node: Some(parent.uuid.clone()),
            ..node()
        };
        let child = database.node_create(&child).await.unwrap();
        let has = async |node: &Node| database.node_has_children(&node.uuid).await.unwrap();
        assert!(has(&parent).await, "{kind}");
        assert!(!has(&child).await, "{kind}");
    }
}
