//! Port groups and volumes.

use ironbark_db::testing::{TestDatabase, databases};
use ironbark_db::{Page, PortgroupFilter, SortDir};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{
    Chassis, ErrorKind, JsonObject, Node, Portgroup, VolumeConnector, VolumeTarget,
};
use serde_json::json;

use crate::make::{everything, held_node, node, object};

fn connector(node_uuid: &str, id: &str) -> VolumeConnector {
    VolumeConnector {
        uuid: new_uuid(),
        node_uuid: node_uuid.to_owned(),
        kind: "iqn".to_owned(),
        connector_id: id.to_owned(),
        ..VolumeConnector::default()
    }
}

fn target(node_uuid: &str, boot_index: i64) -> VolumeTarget {
    VolumeTarget {
        uuid: new_uuid(),
        node_uuid: node_uuid.to_owned(),
        volume_type: "iscsi".to_owned(),
        boot_index,
        volume_id: "v".to_owned(),
        ..VolumeTarget::default()
    }
}

#[tokio::test]
async fn every_field_of_a_portgroup_survives() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let full = Portgroup {
            uuid: new_uuid(),
            node_uuid: node.uuid.clone(),
            name: Some("bond-0".into()),
            address: Some("52:54:00:00:00:01".into()),
            extra: object(json!({"e": 1})),
            internal_info: object(json!({"i": 1})),
            standalone_ports_supported: false,
            mode: "802.3ad".into(),
            properties: object(json!({"p": 1})),
            physical_network: Some("net".into()),
            category: Some("c".into()),
            dynamic_portgroup: true,
            ..Portgroup::default()
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        let made = tx.portgroup_create(&full).await.unwrap();
        tx.commit().await.unwrap();
        assert!(made.id > 0 && made.created_at.is_some());
        for ident in [Ident::Uuid(made.uuid.clone()), Ident::Name("bond-0".into())] {
            let read = database.portgroup_get(&ident).await.unwrap();
            assert_eq!(read.as_ref(), Some(&made), "{kind}");
        }
        let empty = Portgroup {
            id: made.id,
            uuid: made.uuid.clone(),
            node_uuid: node.uuid.clone(),
            created_at: made.created_at,
            ..Portgroup::default()
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        let changed = tx.portgroup_update(&empty).await.unwrap();
        tx.commit().await.unwrap();
        assert!(changed.updated_at.is_some());
        let listed = database
            .portgroup_list(&PortgroupFilter::default(), &everything())
            .await
            .unwrap();
        assert_eq!(listed, [changed], "{kind}");
        let mut tx = database.reserved(&reservation).await.unwrap();
        assert!(tx.portgroup_delete(&made.uuid).await.unwrap());
        assert!(!tx.portgroup_delete(&made.uuid).await.unwrap());
        let error = tx.portgroup_update(&empty).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{kind}");
    }
}

#[tokio::test]
async fn lists_can_do_without_objects_and_objects_have_a_bound() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let some = object(json!({"a": 1}));
        let full = Portgroup {
            uuid: new_uuid(),
            node_uuid: node.uuid.clone(),
            extra: some.clone(),
            internal_info: some.clone(),
            properties: some.clone(),
            ..Portgroup::default()
        };
        let mut tx = database.reserved(&reservation).await.unwrap();
        let group = tx.portgroup_create(&full).await.unwrap();
        let first = VolumeConnector {
            extra: some.clone(),
            ..connector(&node.uuid, "a")
        };
        let first = tx.volume_connector_create(&first).await.unwrap();
        let disk = VolumeTarget {
            extra: some.clone(),
            properties: some.clone(),
            ..target(&node.uuid, 0)
        };
        let disk = tx.volume_target_create(&disk).await.unwrap();
        tx.commit().await.unwrap();
        let rack = Chassis {
            uuid: new_uuid(),
            extra: some.clone(),
            ..Chassis::default()
        };
        let rack = database.chassis_create(&rack).await.unwrap();

        let page = everything().without_objects();
        let none = JsonObject::new;
        let groups = database
            .portgroup_list(&PortgroupFilter::default(), &page)
            .await
            .unwrap();
        let bare = Portgroup {
            extra: none(),
            internal_info: none(),
            properties: none(),
            ..group.clone()
        };
        assert_eq!(groups, [bare], "{kind}");
        let connectors = database.volume_connector_list(None, &page).await.unwrap();
        let bare = VolumeConnector {
            extra: none(),
            ..first
        };
        assert_eq!(connectors, [bare], "{kind}");
        let targets = database.volume_target_list(None, &page).await.unwrap();
        let bare = VolumeTarget {
            extra: none(),
            properties: none(),
            ..disk
        };
        assert_eq!(targets, [bare], "{kind}");
        let chassis = database.chassis_list(&page).await.unwrap();
        let bare = Chassis {
            extra: none(),
            ..rack.clone()
        };
        assert_eq!(chassis, [bare], "{kind}");

        // However an object grew.
        let large = object(json!({"a": "x".repeat(1024 * 1024)}));
        let mut tx = database.reserved(&reservation).await.unwrap();
        let grown = Portgroup {
            properties: large.clone(),
            ..group
        };
        let refused = tx.portgroup_update(&grown).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooLarge, "{kind}");
        drop(tx);
        let refused = database
            .chassis_change(&rack.uuid, |before| {
                Ok(Chassis {
                    extra: large.clone(),
                    ..before.clone()
                })
            })
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooLarge, "{kind}");
        // A config drive is larger than all else.
        let drive = Node {
            instance_info: large.clone(),
            ..crate::make::node()
        };
        database.node_create(&drive).await.unwrap();
        let other = Node {
            extra: large,
            ..crate::make::node()
        };
        let refused = database.node_create(&other).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooLarge, "{kind}");
    }
}

#[tokio::test]
async fn portgroups_are_found_by_what_they_and_their_nodes_are() {
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
            let group = Portgroup {
                uuid: new_uuid(),
                node_uuid: one.uuid.clone(),
                address: Some(format!("52:54:00:00:00:0{number}")),
                ..Portgroup::default()
            };
            made.push(tx.portgroup_create(&group).await.unwrap());
            tx.commit_and_release().await.unwrap();
        }
        for filter in [
            PortgroupFilter {
                node_uuid: Some(made[1].node_uuid.clone()),
                ..Default::default()
            },
            PortgroupFilter {
                address: made[1].address.clone(),
                ..Default::default()
            },
            PortgroupFilter {
                shards: Some(vec!["s1".into(), "s9".into()]),
                ..Default::default()
            },
            PortgroupFilter {
                conductor_groups: Some(vec!["g1".into()]),
                ..Default::default()
            },
        ] {
            let found = database
                .portgroup_list(&filter, &everything())
                .await
                .unwrap();
            assert_eq!(found, [made[1].clone()], "{}: {filter:?}", database.kind);
        }
        let page = Page::first(1)
            .sorted_by("address", SortDir::Descending)
            .after(&made[2].uuid);
        let found = database
            .portgroup_list(&PortgroupFilter::default(), &page)
            .await
            .unwrap();
        assert_eq!(found, [made[1].clone()], "{}", database.kind);
    }
}

#[tokio::test]
async fn every_field_of_a_volume_survives() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        let extra = object(json!({"e": 1}));
        let by = VolumeConnector {
            extra: extra.clone(),
            ..connector(&node.uuid, "iqn.1")
        };
        let to = VolumeTarget {
            extra,
            properties: object(json!({"auth_password": "p"})),
            ..target(&node.uuid, -1)
        };
        let by = tx.volume_connector_create(&by).await.unwrap();
        let to = tx.volume_target_create(&to).await.unwrap();
        tx.commit().await.unwrap();
        let read = database.volume_connector_get(&by.uuid).await.unwrap();
        assert_eq!(read.as_ref(), Some(&by), "{kind}");
        let read = database.volume_target_get(&to.uuid).await.unwrap();
        assert_eq!(read.as_ref(), Some(&to), "{kind}");

        let mut tx = database.reserved(&reservation).await.unwrap();
        let changed = VolumeConnector {
            kind: "wwpn".into(),
            connector_id: "w".into(),
            extra: object(json!({})),
            ..by.clone()
        };
        let by = tx.volume_connector_update(&changed, None).await.unwrap();
        let changed = VolumeTarget {
            volume_type: "fibre_channel".into(),
            boot_index: 3,
            volume_id: "w".into(),
            properties: object(json!({})),
            ..to.clone()
        };
        let to = tx.volume_target_update(&changed, None).await.unwrap();
        tx.commit().await.unwrap();
        assert!(by.updated_at.is_some() && to.updated_at.is_some());
        let uuid = Some(node.uuid.as_str());
        let list = database.volume_connector_list(uuid, &everything()).await;
        assert_eq!(list.unwrap(), std::slice::from_ref(&by), "{kind}");
        let list = database.volume_target_list(uuid, &everything()).await;
        assert_eq!(list.unwrap(), std::slice::from_ref(&to), "{kind}");
        let nobody = Some("nobody");
        let list = database.volume_connector_list(nobody, &everything()).await;
        assert!(list.unwrap().is_empty());
        let list = database.volume_target_list(nobody, &everything()).await;
        assert!(list.unwrap().is_empty());

        let mut tx = database.reserved(&reservation).await.unwrap();
        assert!(tx.volume_connector_delete(&by.uuid).await.unwrap());
        assert!(!tx.volume_connector_delete(&by.uuid).await.unwrap());
        assert!(tx.volume_target_delete(&to.uuid).await.unwrap());
        assert!(!tx.volume_target_delete(&to.uuid).await.unwrap());
        let gone = tx.volume_connector_update(&by, None).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{kind}");
        let gone = tx.volume_target_update(&to, None).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{kind}");
    }
}

/// Stores a node with one of everything that can be there once only.
async fn taken(database: &TestDatabase) -> (Portgroup, VolumeConnector, VolumeTarget) {
    let (node, reservation) = held_node(database).await;
    let mut tx = database.reserved(&reservation).await.unwrap();
    let group = Portgroup {
        uuid: new_uuid(),
        node_uuid: node.uuid.clone(),
        name: Some("bond-0".into()),
        address: Some("52:54:00:00:00:01".into()),
        ..Portgroup::default()
    };
    let group = tx.portgroup_create(&group).await.unwrap();
    let by = connector(&node.uuid, "iqn.1");
    let by = tx.volume_connector_create(&by).await.unwrap();
    let to = tx
        .volume_target_create(&target(&node.uuid, 0))
        .await
        .unwrap();
    tx.commit_and_release().await.unwrap();
    (group, by, to)
}

#[tokio::test]
async fn duplicates_are_conflicts_that_name_the_field() {
    for database in databases().await {
        let kind = database.kind;
        let (group, by, to) = taken(&database).await;
        let held = database
            .node_reserve(&group.node_uuid, "host-a")
            .await
            .unwrap();
        let other = Portgroup {
            uuid: new_uuid(),
            name: None,
            address: None,
            ..group.clone()
        };
        for (second, message) in [
            (
                Portgroup {
                    uuid: group.uuid.clone(),
                    ..other.clone()
                },
                format!("A portgroup with UUID {} already exists.", group.uuid),
            ),
            (
                Portgroup {
                    name: group.name.clone(),
                    ..other.clone()
                },
                "A portgroup with name bond-0 already exists.".to_owned(),
            ),
            (
                Portgroup {
                    address: group.address.clone(),
                    ..other
                },
                "A portgroup with MAC address 52:54:00:00:00:01 already exists.".to_owned(),
            ),
        ] {
            let mut tx = database.reserved(&held).await.unwrap();
            let error = tx.portgroup_create(&second).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
            assert_eq!(error.message(), message, "{kind}");
        }
        for (second, part) in [
            (
                VolumeConnector {
                    uuid: by.uuid.clone(),
                    ..connector(&by.node_uuid, "iqn.2")
                },
                "UUID",
            ),
            (connector(&by.node_uuid, "iqn.1"), "connector ID iqn.1"),
        ] {
            let mut tx = database.reserved(&held).await.unwrap();
            let error = tx.volume_connector_create(&second).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
            assert!(error.message().contains(part), "{kind}: {error}");
        }
        for (second, part) in [
            (
                VolumeTarget {
                    uuid: to.uuid.clone(),
                    ..target(&to.node_uuid, 1)
                },
                "UUID",
            ),
            (target(&to.node_uuid, 0), "boot index 0"),
        ] {
            let mut tx = database.reserved(&held).await.unwrap();
            let error = tx.volume_target_create(&second).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
            assert!(error.message().contains(part), "{kind}: {error}");
        }
        // Another node has boot indexes of its own.
        let (another, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.volume_target_create(&target(&another.uuid, 0))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn volumes_move_only_to_a_node_that_is_held_too() {
    for database in databases().await {
        let kind = database.kind;
        let (_, by, to) = taken(&database).await;
        let held = database
            .node_reserve(&by.node_uuid, "host-a")
            .await
            .unwrap();
        let (other, there) = held_node(&database).await;
        let by = VolumeConnector {
            node_uuid: other.uuid.clone(),
            ..by
        };
        let to = VolumeTarget {
            node_uuid: other.uuid.clone(),
            ..to
        };
        let mut tx = database.reserved(&held).await.unwrap();
        assert!(tx.volume_connector_update(&by, None).await.is_err());
        assert!(tx.volume_target_update(&to, Some(&held)).await.is_err());
        tx.volume_connector_update(&by, Some(&there)).await.unwrap();
        tx.volume_target_update(&to, Some(&there)).await.unwrap();
        tx.commit().await.unwrap();
        let uuid = Some(other.uuid.as_str());
        let list = database.volume_connector_list(uuid, &everything()).await;
        assert_eq!(list.unwrap().len(), 1, "{kind}");
        let list = database.volume_target_list(uuid, &everything()).await;
        assert_eq!(list.unwrap().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn all_of_it_goes_with_the_node() {
    for database in databases().await {
        let kind = database.kind;
        let (group, by, to) = taken(&database).await;
        let held = database
            .node_reserve(&group.node_uuid, "host-a")
            .await
            .unwrap();
        let mut tx = database.reserved(&held).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit().await.unwrap();
        let ident = Ident::Uuid(group.uuid);
        assert_eq!(
            database.portgroup_get(&ident).await.unwrap(),
            None,
            "{kind}"
        );
        let left = database.volume_connector_get(&by.uuid).await.unwrap();
        assert_eq!(left, None, "{kind}");
        let left = database.volume_target_get(&to.uuid).await.unwrap();
        assert_eq!(left, None, "{kind}");
    }
}
