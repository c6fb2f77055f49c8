use ironbark_db::NodeFilter;
use ironbark_db::testing::{TestDatabase, databases};
use ironbark_model::ident::new_uuid;
use ironbark_model::power::PowerState;
use ironbark_model::provision::ProvisionState;
use ironbark_model::{Node, Timestamp};

use crate::make::{everything, node};

/// Stores one node that the filter must find and one that it must not.
async fn tells_apart(database: &TestDatabase, filter: NodeFilter, yes: Node, no: Node) {
    let yes = Node {
        uuid: new_uuid(),
        ..yes
    };
    let no = Node {
        uuid: new_uuid(),
        ..no
    };
    database.node_create(&yes).await.unwrap();
    database.node_create(&no).await.unwrap();
    let filter = NodeFilter {
        uuids: Some(vec![yes.uuid.clone(), no.uuid.clone()]),
        ..filter
    };
    let kind = database.kind;
    let found = database
        .node_list_whole(&filter, &everything())
        .await
        .unwrap();
    let found: Vec<&str> = found.iter().map(|node| node.uuid.as_str()).collect();
    assert_eq!(found, [yes.uuid.as_str()], "{kind}: {filter:?}");
    if no.parent_node.is_none() {
        let found = database.nodes_owned_candidates(&filter).await.unwrap();
        let found: Vec<&str> = found.iter().map(|node| node.uuid.as_str()).collect();
        assert_eq!(found, [yes.uuid.as_str()], "{kind}: {filter:?}");
    }
}

#[tokio::test]
async fn each_filter_finds_what_it_says_and_nothing_else() {
    for database in databases().await {
        let instance = new_uuid();
        let parent = new_uuid();
        let rack = Node {
            chassis_uuid: Some(new_uuid()),
            ..node()
        };
        crate::make::chassis_of(&database, &rack).await;
        let text = |value: &str| Some(value.to_owned());
        let cases: Vec<(NodeFilter, Node, Node)> = vec![
            (
                NodeFilter {
                    instance_uuid: Some(instance.clone()),
                    ..Default::default()
                },
                Node {
                    instance_uuid: Some(instance.clone()),
                    ..node()
                },
                Node {
                    instance_uuid: Some(new_uuid()),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    associated: Some(true),
                    ..Default::default()
                },
                Node {
                    instance_uuid: Some(new_uuid()),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    associated: Some(false),
                    ..Default::default()
                },
                node(),
                Node {
                    instance_uuid: Some(new_uuid()),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    instance_name: text("i"),
                    ..Default::default()
                },
                Node {
                    instance_name: text("i"),
                    ..node()
                },
                Node {
                    instance_name: text("I"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    names: Some(vec!["one".into(), "two".into(), "three".into()]),
                    ..Default::default()
                },
                Node {
                    name: text("two"),
                    ..node()
                },
                Node {
                    name: text("four"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    maintenance: Some(true),
                    ..Default::default()
                },
                Node {
                    maintenance: true,
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    retired: Some(false),
                    ..Default::default()
                },
                node(),
                Node {
                    retired: true,
                    ..node()
                },
            ),
            (
                NodeFilter {
                    console_enabled: Some(true),
                    ..Default::default()
                },
                Node {
                    console_enabled: true,
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    provision_state: Some(ProvisionState::WaitCallBack),
                    ..Default::default()
                },
                Node {
                    provision_state: ProvisionState::WaitCallBack,
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    provision_states: Some(vec![ProvisionState::Active, ProvisionState::Cleaning]),
                    ..Default::default()
                },
                Node {
                    provision_state: ProvisionState::Cleaning,
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    driver: text("ipmi"),
                    ..Default::default()
                },
                Node {
                    driver: "ipmi".into(),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    drivers: Some(vec!["ipmi".into(), "redfish".into()]),
                    ..Default::default()
                },
                Node {
                    driver: "redfish".into(),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    resource_class: text("gold"),
                    ..Default::default()
                },
                Node {
                    resource_class: text("gold"),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    fault: text("power failure"),
                    ..Default::default()
                },
                Node {
                    fault: text("power failure"),
                    ..node()
                },
                Node {
                    fault: text("clean failure"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    conductor_group: text(""),
                    ..Default::default()
                },
                node(),
                Node {
                    conductor_group: "rack".into(),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    owner: text("a"),
                    ..Default::default()
                },
                Node {
                    owner: text("a"),
                    ..node()
                },
                Node {
                    lessee: text("a"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    lessee: text("a"),
                    ..Default::default()
                },
                Node {
                    lessee: text("a"),
                    ..node()
                },
                Node {
                    owner: text("a"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    project: text("a"),
                    ..Default::default()
                },
                Node {
                    owner: text("a"),
                    ..node()
                },
                Node {
                    owner: text("b"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    project: text("a"),
                    ..Default::default()
                },
                Node {
                    lessee: text("a"),
                    owner: text("b"),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    description_contains: text("50%_Of!"),
                    ..Default::default()
                },
                Node {
                    description: text("has 50%_oF! it"),
                    ..node()
                },
                Node {
                    description: text("has 50x of it"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    shards: Some(vec!["s1".into(), "s2".into(), "s3".into()]),
                    ..Default::default()
                },
                Node {
                    shard: text("s2"),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    sharded: Some(true),
                    ..Default::default()
                },
                Node {
                    shard: text("s"),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    sharded: Some(false),
                    ..Default::default()
                },
                node(),
                Node {
                    shard: text("s"),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    parent_node: Some(parent.clone()),
                    ..Default::default()
                },
                Node {
                    parent_node: Some(parent.clone()),
                    ..node()
                },
                node(),
            ),
            // Children are hidden without being asked for.
            (
                NodeFilter::default(),
                node(),
                Node {
                    parent_node: Some(parent.clone()),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    chassis_uuid: rack.chassis_uuid.clone(),
                    ..Default::default()
                },
                rack.clone(),
                node(),
            ),
            (
                NodeFilter {
                    power_target_set: Some(true),
                    ..Default::default()
                },
                Node {
                    target_power_state: Some(PowerState::Off),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    provision_updated_before: Some(Timestamp(100)),
                    ..Default::default()
                },
                Node {
                    provision_updated_at: Some(Timestamp(99)),
                    ..node()
                },
                Node {
                    provision_updated_at: Some(Timestamp(100)),
                    ..node()
                },
            ),
            (
                NodeFilter {
                    inspection_started_before: Some(Timestamp(100)),
                    ..Default::default()
                },
                Node {
                    inspection_started_at: Some(Timestamp(99)),
                    ..node()
                },
                node(),
            ),
            (
                NodeFilter {
                    updated_before: Some(Timestamp(100)),
                    ..Default::default()
                },
                Node {
                    updated_at: Some(Timestamp(99)),
                    ..node()
                },
                node(),
            ),
        ];
        for (filter, yes, no) in cases {
            tells_apart(&database, filter, yes, no).await;
        }
    }
}

#[tokio::test]
async fn reserved_nodes_are_told_from_free_ones() {
    for database in databases().await {
        let free = database.node_create(&node()).await.unwrap();
        let held = database.node_create(&node()).await.unwrap();
        database.node_reserve(&held.uuid, "host-a").await.unwrap();
        let uuids = async |filter: NodeFilter| {
            let found = database.nodes_owned_candidates(&filter).await.unwrap();
            found.into_iter().map(|node| node.uuid).collect::<Vec<_>>()
        };
        let reserved = |reserved| NodeFilter {
            reserved: Some(reserved),
            ..NodeFilter::default()
        };
        let reserved_by = |host: &str| NodeFilter {
            reserved_by: Some(vec![host.to_owned()]),
            ..NodeFilter::default()
        };
        assert_eq!(uuids(reserved(true)).await, [held.uuid.as_str()]);
        assert_eq!(uuids(reserved(false)).await, [free.uuid.as_str()]);
        assert_eq!(uuids(reserved_by("host-a")).await, [held.uuid.as_str()]);
        assert!(uuids(reserved_by("host-b")).await.is_empty());
    }
}

#[tokio::test]
async fn candidates_include_children_and_carry_what_tasks_need() {
    for database in databases().await {
        let full = crate::make::stored_full_node(&database).await;
        let made = full.clone();
        let found = database
            .nodes_owned_candidates(&NodeFilter::default())
            .await
            .unwrap();
        let [found] = &found[..] else {
            panic!("{}: {found:?}", database.kind)
        };
        assert_eq!(found.id, made.id);
        assert_eq!(found.driver, full.driver);
        assert_eq!(found.conductor_group, full.conductor_group);
        assert_eq!(found.conductor_affinity, full.conductor_affinity);
        assert_eq!(found.provision_state, full.provision_state);
        assert_eq!(found.target_power_state, full.target_power_state);
        assert_eq!(found.provision_updated_at, full.provision_updated_at);
        assert!(found.maintenance && found.has_last_error);
        for kind in ironbark_model::InterfaceKind::ALL {
            assert!(found.interface(*kind).is_some(), "{kind}");
            assert_eq!(found.interface(*kind), full.interface(*kind));
        }
    }
}

#[tokio::test]
async fn nodes_that_use_a_driver_are_named_up_to_a_limit() {
    for database in databases().await {
        for number in 0..4 {
            let one = Node {
                name: Some(format!("n{number}")),
                driver: if number == 3 { "other" } else { "acme" }.into(),
                ..node()
            };
            database.node_create(&one).await.unwrap();
        }
        let types = ["acme".to_owned(), "acme-2".to_owned()];
        assert_eq!(
            database.nodes_using_driver(&types, 2).await.unwrap(),
            ["n0", "n1"]
        );
        assert!(
            database
                .nodes_using_driver(&[], 2)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
