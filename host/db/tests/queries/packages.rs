use ironbark_db::testing::databases;
use ironbark_db::{Database, Registration, UseCheck};
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_model::package::{DriverPackage, MAX_PACKAGE_BYTES, PackageSource};
use ironbark_model::{Error, ErrorKind, Result, Timestamp};
use serde_json::json;

use crate::make::{held_node, node};
use crate::operations::operation;

pub(crate) fn package(name: &str, digest: &str) -> DriverPackage {
    DriverPackage {
        name: name.into(),
        version: "1.2.3".into(),
        digest: digest.into(),
        size: 3,
        vendor: "ACME".into(),
        granted: vec!["ipmi".into()],
        hardware_types: vec!["acme".into()],
        source: PackageSource::Folder,
        file: Some("acme.wasm".into()),
        created_at: Timestamp(5),
    }
}

pub(crate) fn version(name: &str, version: &str, digest: &str) -> PackageVersion {
    PackageVersion {
        package: name.into(),
        version: version.into(),
        digest: digest.into(),
        size: 3,
        vendor: "ACME".into(),
        asked: vec!["ipmi".into()],
        capabilities: Vec::new(),
        hardware_types: vec!["acme".into()],
        implementations: Vec::new(),
        state_schema: "1".into(),
        source: PackageSource::Folder,
        file: Some("acme.wasm".into()),
        publisher: None,
        publisher_key: None,
        state: VersionState::Installed,
        reason: None,
        stopped: false,
        created_at: Timestamp(5),
        activated_at: None,
    }
}

/// Installs and activates.
async fn activate(database: &Database, package: &DriverPackage) -> Result<()> {
    let mut tx = database.change_packages().await?;
    tx.version_put(&version(&package.name, &package.version, &package.digest))
        .await?;
    tx.activate(package, VersionState::Installed).await?;
    tx.commit().await
}

/// Removes a version, which may be active.
async fn remove(database: &Database, package: &DriverPackage) -> bool {
    let mut tx = database.change_packages().await.unwrap();
    let was_active = tx.deactivate(&package.name).await.unwrap();
    tx.version_remove(&package.name, &package.version)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    was_active
}

fn later() -> Timestamp {
    Timestamp(i64::MAX)
}

#[tokio::test]
async fn a_package_is_staged_then_active_then_replaced_then_removed() {
    for database in databases().await {
        let kind = database.kind;
        let error = activate(&database, &package("acme", "d1")).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound, "{kind}");

        let bytes: Vec<u8> = (0..=255).collect();
        database.blob_put("d1", &bytes).await.unwrap();
        database.blob_put("d1", &bytes).await.unwrap();
        database.blob_put("d2", b"").await.unwrap();
        assert_eq!(
            database.blob_get("d1").await.unwrap(),
            Some(bytes),
            "{kind}"
        );
        assert_eq!(
            database.blob_get("d2").await.unwrap(),
            Some(vec![]),
            "{kind}"
        );
        assert_eq!(database.blob_get("d3").await.unwrap(), None);

        let first = package("acme", "d1");
        activate(&database, &first).await.unwrap();
        assert_eq!(
            database.package_get("acme").await.unwrap(),
            Some(first.clone())
        );
        let second = DriverPackage {
            source: PackageSource::Api,
            file: None,
            version: "2.0.0".into(),
            ..package("acme", "d2")
        };
        activate(&database, &second).await.unwrap();
        assert_eq!(
            database.package_list().await.unwrap(),
            std::slice::from_ref(&second)
        );

        // The bytes of installed versions stay, those of removed ones go.
        assert_eq!(database.blob_prune_staged(later()).await.unwrap(), 0);
        let mut tx = database.change_packages().await.unwrap();
        tx.version_remove("acme", &first.version).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            database.blob_prune_staged(later()).await.unwrap(),
            1,
            "{kind}"
        );
        assert!(database.blob_get("d1").await.unwrap().is_none());
        assert!(database.blob_get("d2").await.unwrap().is_some());

        assert!(remove(&database, &second).await);
        assert!(!remove(&database, &second).await);
        assert_eq!(database.package_get("acme").await.unwrap(), None);
        let long_ago = Timestamp(0);
        assert_eq!(
            database.blob_prune_staged(long_ago).await.unwrap(),
            0,
            "{kind}"
        );
        assert_eq!(
            database.blob_prune_staged(later()).await.unwrap(),
            1,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_change_that_takes_away_what_a_node_uses_is_undone() {
    for database in databases().await {
        let kind = database.kind;
        let registration = Registration {
            hostname: "host-a".into(),
            conductor_group: String::new(),
            incarnation: "life".into(),
            drivers: vec!["fake-hardware".into()],
            interfaces: Vec::new(),
        };
        database.conductor_register(&registration).await.unwrap();
        database.blob_put("d1", b"one").await.unwrap();
        let one = package("acme", "d1");
        let nobody = UseCheck {
            hardware_types: Vec::new(),
            check: &|nodes| panic!("nothing goes: {nodes:?}"),
        };
        let mut tx = database.change_packages().await.unwrap();
        let put = version(&one.name, &one.version, &one.digest);
        tx.version_put(&put).await.unwrap();
        tx.activate(&one, VersionState::Installed).await.unwrap();
        tx.register(&registration).await.unwrap();
        tx.check_users(&nobody).await.unwrap();
        tx.commit().await.unwrap();
        let user = database.node_create(&node()).await.unwrap();
        let less = Registration {
            drivers: Vec::new(),
            ..registration
        };
        let users = UseCheck {
            hardware_types: vec!["fake-hardware".into(), "other".into()],
            check: &|nodes| {
                let [found] = nodes else { panic!("{nodes:?}") };
                assert_eq!(found.uuid, user.uuid);
                Err(Error::conflict("in use"))
            },
        };
        let mut tx = database.change_packages().await.unwrap();
        assert!(tx.deactivate("acme").await.unwrap());
        tx.register(&less).await.unwrap();
        let refused = tx.check_users(&users).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        drop(tx);
        let there = database.package_get("acme").await.unwrap().unwrap();
        assert_eq!(there.digest, "d1", "{kind}");
        let conductor = database.conductor_get("host-a").await.unwrap().unwrap();
        assert_eq!(conductor.drivers, ["fake-hardware"], "{kind}");
    }
}

#[tokio::test]
async fn bytes_that_an_operation_runs_with_stay() {
    for database in databases().await {
        let (node, reservation) = held_node(&database).await;
        database.blob_put("digest", b"wasm").await.unwrap();
        let running = operation(&node.uuid);
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_open(&running).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(database.blob_prune_staged(later()).await.unwrap(), 0);
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_close(&running.uuid).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(database.blob_prune_staged(later()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_package_that_is_too_large_is_refused() {
    for database in databases().await {
        let large = vec![0; MAX_PACKAGE_BYTES + 1];
        let error = database.blob_put("d", &large).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{}", database.kind);
    }
}

#[tokio::test]
async fn notes_belong_to_a_node_and_a_package() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let (other, _) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        let first = [
            ("a".into(), Some(r#"{"x":[1]}"#.into())),
            ("b".into(), Some("null".into())),
        ];
        tx.notes_write("p", &first).await.unwrap();
        tx.notes_write("q", &[("a".into(), Some("\"other\"".into()))])
            .await
            .unwrap();
        let second = [
            ("a".into(), Some("2".into())),
            ("b".into(), None),
            ("c".into(), None),
        ];
        tx.notes_write("p", &second).await.unwrap();
        tx.commit().await.unwrap();
        let notes = database.notes_of(&node.uuid, "p").await.unwrap();
        assert_eq!(json!(notes), json!({"a": "2"}), "{kind}");
        let notes = database.notes_of(&node.uuid, "q").await.unwrap();
        assert_eq!(json!(notes), json!({"a": "\"other\""}), "{kind}");
        assert!(
            database
                .notes_of(&other.uuid, "p")
                .await
                .unwrap()
                .is_empty()
        );
    }
}
