use ironbark_db::testing::databases;
use ironbark_model::hardware::{BiosSetting, FirmwareComponent, Inventory};
use serde_json::json;

use crate::make::{held_node, object};

fn setting(name: &str, value: &str) -> BiosSetting {
    BiosSetting {
        name: name.into(),
        value: Some(value.into()),
        ..BiosSetting::default()
    }
}

fn component(name: &str, version: Option<&str>) -> FirmwareComponent {
    FirmwareComponent {
        component: name.into(),
        current_version: version.map(str::to_owned),
        ..FirmwareComponent::default()
    }
}

#[tokio::test]
async fn bios_settings_are_what_was_read_last() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let (other, _) = held_node(&database).await;
        let full = BiosSetting {
            name: "a: ä'\"".into(),
            value: Some("1".into()),
            attribute_type: Some("Integer".into()),
            allowable_values: vec!["x".into(), "ü".into()],
            lower_bound: Some(i64::MIN),
            upper_bound: Some(i64::MAX),
            min_length: Some(0),
            max_length: Some(u32::MAX),
            read_only: Some(true),
            reset_required: Some(false),
            unique: Some(true),
            created_at: None,
            updated_at: None,
        };
        let write = async |settings: &[BiosSetting]| {
            let mut tx = database.reserved(&reservation).await.unwrap();
            tx.bios_settings_write(settings).await.unwrap();
            tx.commit().await.unwrap();
            database.bios_settings(&node.uuid).await.unwrap()
        };
        let unknown = BiosSetting {
            name: "b".into(),
            ..BiosSetting::default()
        };
        let first = write(&[setting("c", "1"), full.clone(), unknown.clone()]).await;
        let names: Vec<&str> = first.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a: ä'\"", "b", "c"], "{kind}");
        assert_eq!(
            first[0],
            BiosSetting {
                created_at: first[0].created_at,
                ..full.clone()
            },
            "{kind}"
        );
        assert!(first[0].created_at.is_some() && first[0].updated_at.is_none());

        let second = write(&[full, setting("c", "2")]).await;
        assert_eq!(second.len(), 2, "{kind}");
        assert_eq!(second[0], first[0], "{kind}: untouched");
        assert_eq!(second[1].value.as_deref(), Some("2"), "{kind}");
        assert_eq!(second[1].created_at, first[2].created_at, "{kind}");
        assert!(second[1].updated_at.is_some(), "{kind}");
        // A name that isn't stored as it is read stays, reading after reading.
        for _ in 0..3 {
            let odd = write(&[setting("a\u{1e}\u{0}b", "1")]).await;
            assert_eq!(odd.len(), 1, "{kind}");
        }
        assert_eq!(
            database.bios_settings(&other.uuid).await.unwrap(),
            [],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn firmware_keeps_its_first_version_and_the_one_flashed_last() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let write = async |components: &[FirmwareComponent], flashed| {
            let mut tx = database.reserved(&reservation).await.unwrap();
            tx.firmware_components_write(components, flashed)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            database.firmware_components(&node.uuid).await.unwrap()
        };
        let first = write(
            &[component("bmc", Some("1")), component("bios", None)],
            false,
        )
        .await;
        assert_eq!(
            (
                first[0].component.as_str(),
                first[0].initial_version.as_str()
            ),
            ("bios", ""),
            "{kind}"
        );
        assert_eq!(first[1].initial_version, "1", "{kind}");
        assert_eq!(
            (&first[1].last_version_flashed, first[1].updated_at),
            (&None, None)
        );

        // A version that changed by itself was not flashed.
        let by_itself = write(&[component("bmc", Some("2"))], false).await;
        // One that the BMC left out for once stays as it was.
        assert_eq!(by_itself[0], first[0], "{kind}");
        assert_eq!(by_itself.len(), 2, "{kind}");
        assert_eq!(by_itself[1].last_version_flashed, None, "{kind}");

        let flashed = write(
            &[component("bmc", Some("3")), component("nic", Some("9"))],
            true,
        )
        .await;
        let bmc = &flashed[1];
        assert_eq!(
            (
                bmc.initial_version.as_str(),
                bmc.last_version_flashed.as_deref()
            ),
            ("1", Some("3")),
            "{kind}"
        );
        assert!(
            bmc.updated_at.is_some() && bmc.created_at == first[1].created_at,
            "{kind}"
        );
        assert_eq!(flashed[2].last_version_flashed, None, "{kind}: it is new");
        let again = write(
            &[component("bmc", Some("3")), component("nic", Some("9"))],
            true,
        )
        .await;
        assert_eq!(again, flashed, "{kind}");
    }
}

#[tokio::test]
async fn an_inventory_is_replaced_and_goes_with_its_node() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        assert_eq!(
            database.inventory(&node.uuid).await.unwrap(),
            None,
            "{kind}"
        );
        for count in [1, 2] {
            let found = Inventory {
                inventory: object(json!({"cpu": {"count": count}})),
                plugin_data: object(json!({"ü": [null]})),
            };
            let mut tx = database.reserved(&reservation).await.unwrap();
            tx.inventory_write(&found).await.unwrap();
            tx.bios_settings_write(&[setting("a", "1")]).await.unwrap();
            tx.firmware_components_write(&[component("bmc", None)], false)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            let stored = database.inventory(&node.uuid).await.unwrap();
            assert_eq!(stored, Some(found), "{kind}");
        }
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            database.inventory(&node.uuid).await.unwrap(),
            None,
            "{kind}"
        );
    }
}
