use ironbark_db::Observation;
use ironbark_db::testing::databases;
use ironbark_model::ident::Ident;
use ironbark_model::power::PowerState;
use ironbark_model::provision::ProvisionState;
use ironbark_model::{Node, Timestamp};
use serde_json::json;

use crate::make::{held_node, node, object, stored_full_node};

#[tokio::test]
async fn what_was_seen_is_written_and_nothing_else() {
    for database in databases().await {
        let kind = database.kind;
        let before = stored_full_node(&database).await;
        let observation = Observation {
            power_state: Some(Some(PowerState::Off)),
            last_error: Some(None),
            health: Some(Some("OK".into())),
            boot_mode: Some(Some("bios".into())),
            secure_boot: Some(Some(false)),
            vendor: Some("ACME".into()),
            heartbeat_at: Some(Timestamp(77)),
        };
        assert!(
            database
                .observe(&before.uuid, before.fence, &observation)
                .await
                .unwrap()
        );
        let ident = Ident::Uuid(before.uuid.clone());
        let after = database.node_get(&ident).await.unwrap().unwrap();
        let expected = Node {
            power_state: Some(PowerState::Off),
            last_error: None,
            health: Some("OK".into()),
            boot_mode: Some("bios".into()),
            secure_boot: Some(false),
            properties: object(json!({"cpus": 4, "vendor": "ACME"})),
            agent_heartbeat_at: Some(Timestamp(77)),
            // It waits for the agent, which was just heard.
            provision_updated_at: Some(Timestamp(77)),
            updated_at: after.updated_at,
            ..before
        };
        assert_eq!(after, expected, "{kind}");

        let unknown = Observation {
            power_state: Some(None),
            ..Observation::default()
        };
        assert!(database.observe(&after.uuid, 0, &unknown).await.unwrap());
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after.power_state, None, "{kind}");
        assert_eq!(after.health.as_deref(), Some("OK"), "{kind}");
    }
}

#[tokio::test]
async fn a_heartbeat_restarts_no_wait_that_is_not() {
    for database in databases().await {
        let active = Node {
            provision_state: ProvisionState::Active,
            provision_updated_at: Some(Timestamp(5)),
            ..node()
        };
        let active = database.node_create(&active).await.unwrap();
        let heartbeat = Observation {
            heartbeat_at: Some(Timestamp(77)),
            ..Observation::default()
        };
        database.observe(&active.uuid, 0, &heartbeat).await.unwrap();
        let ident = Ident::Uuid(active.uuid);
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after.agent_heartbeat_at, Some(Timestamp(77)));
        assert_eq!(after.provision_updated_at, Some(Timestamp(5)));
    }
}

#[tokio::test]
async fn what_was_seen_before_the_node_was_acquired_is_dropped() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let ident = Ident::Uuid(node.uuid.clone());
        let seen = Observation {
            power_state: Some(Some(PowerState::On)),
            vendor: Some("ACME".into()),
            ..Observation::default()
        };
        for fence in [node.fence, reservation.fence] {
            let written = database.observe(&node.uuid, fence, &seen).await.unwrap();
            assert!(!written, "{kind}: it is held");
        }
        database.node_release(&reservation).await.unwrap();
        let written = database
            .observe(&node.uuid, node.fence, &seen)
            .await
            .unwrap();
        assert!(!written, "{kind}: it was held meanwhile");
        let after = database.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(after.power_state, None, "{kind}");
        let empty = Observation::default();
        assert!(
            !database
                .observe(&node.uuid, node.fence, &empty)
                .await
                .unwrap()
        );
        for seen in [empty, seen] {
            let written = database.observe(&node.uuid, reservation.fence, &seen).await;
            assert!(written.unwrap(), "{kind}");
        }
    }
}
