//! Versions, grants, canaries, publishers, history, and what conductors can't load.

use ironbark_db::testing::databases;
use ironbark_db::{PackageFailure, Registration};
use ironbark_model::lifecycle::{
    Canary, CanaryScope, PackageEvent, PackageGrants, PackageOwner, PackageVersion, Publisher,
    VersionState,
};
use ironbark_model::{ErrorKind, Timestamp};
use serde_json::json;

use crate::packages::version;

#[tokio::test]
async fn a_version_never_means_other_bytes() {
    for database in databases().await {
        let kind = database.kind;
        database.blob_put("d1", b"1").await.unwrap();
        database.blob_put("d2", b"2").await.unwrap();
        let first = version("acme", "1.0.0", "d1");
        let mut tx = database.change_packages().await.unwrap();
        tx.version_put(&first).await.unwrap();
        // The same again may say more, and nothing else.
        let signed = PackageVersion {
            publisher: Some("acme-inc".into()),
            ..first.clone()
        };
        tx.version_put(&signed).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = database.change_packages().await.unwrap();
        let error = tx
            .version_put(&version("acme", "1.0.0", "d2"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        assert!(error.message().contains("acme@1.0.0"), "{error}");
        drop(tx);
        assert_eq!(database.package_versions("acme").await.unwrap(), [signed]);
    }
}

#[tokio::test]
async fn versions_keep_their_state_until_they_are_activated_again() {
    for database in databases().await {
        let kind = database.kind;
        for (digest, number) in [("d1", "1.0.0"), ("d2", "2.0.0")] {
            database.blob_put(digest, b"x").await.unwrap();
            let mut tx = database.change_packages().await.unwrap();
            tx.version_put(&version("acme", number, digest))
                .await
                .unwrap();
            tx.version_state(
                ("acme", number),
                None,
                VersionState::Quarantined,
                Some("5 faults"),
                true,
            )
            .await
            .unwrap();
            tx.commit().await.unwrap();
        }
        let listed = database.package_versions_all().await.unwrap();
        assert_eq!(listed.len(), 2, "{kind}");
        assert!(
            listed
                .iter()
                .all(|one| one.state == VersionState::Quarantined
                    && one.reason.as_deref() == Some("5 faults")
                    && one.stopped
                    && one.activated_at.is_none())
        );
        assert_eq!(database.package_get("acme").await.unwrap(), None);
        let mut tx = database.change_packages().await.unwrap();
        let mut row = crate::packages::package("acme", "d2");
        row.version = "2.0.0".into();
        // Decided before the quarantine, on another conductor.
        for before in [VersionState::Installed, VersionState::AwaitingApproval] {
            let error = tx.activate(&row, before).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
            assert!(error.message().contains("5 faults"), "{error}");
        }
        let stale = tx.version_state(
            ("acme", "2.0.0"),
            Some(VersionState::Disabled),
            VersionState::Installed,
            None,
            false,
        );
        assert_eq!(stale.await.unwrap_err().kind(), ErrorKind::Conflict);
        // What is put doesn't end a quarantine that came in between either.
        let put = version("acme", "2.0.0", "d2");
        assert_eq!(put.state, VersionState::Installed);
        tx.version_put(&put).await.unwrap();
        tx.activate(&row, VersionState::Quarantined).await.unwrap();
        row.digest = "d1".into();
        let error = tx
            .activate(&row, VersionState::Installed)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "other bytes");
        drop(tx);
        assert_eq!(
            database.package_get("acme").await.unwrap(),
            None,
            "not committed"
        );
        row.digest = "d2".into();
        let mut tx = database.change_packages().await.unwrap();
        let key = ("acme", "2.0.0");
        let from = Some(VersionState::Quarantined);
        tx.version_state(key, from, VersionState::Installed, None, false)
            .await
            .unwrap();
        tx.activate(&row, VersionState::Installed).await.unwrap();
        tx.expect_active("acme", Some("d2")).await.unwrap();
        for stale in [None, Some("d1")] {
            let error = tx.expect_active("acme", stale).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        }
        tx.commit().await.unwrap();
        let listed = database.package_versions("acme").await.unwrap();
        let active = listed.iter().find(|one| one.digest == "d2").unwrap();
        assert_eq!(active.state, VersionState::Installed);
        assert!(active.activated_at.is_some() && active.reason.is_none() && !active.stopped);
    }
}

#[tokio::test]
async fn grants_canaries_and_publishers_come_and_go() {
    for database in databases().await {
        let kind = database.kind;
        database.blob_put("d1", b"1").await.unwrap();
        assert_eq!(database.package_grants("acme").await.unwrap(), None);
        let publisher = Publisher {
            name: "acme-inc".into(),
            public_key: "RWQ".into(),
            packages: vec!["acme*".into()],
            expires_at: Some(Timestamp(7)),
            created_at: Timestamp(6),
        };
        let canary = |percent| Canary {
            package: "acme".into(),
            version: "1.0.0".into(),
            digest: "d1".into(),
            scope: CanaryScope::Percent(percent),
            created_at: Timestamp(8),
        };
        let mut tx = database.change_packages().await.unwrap();
        let by_name = PackageGrants {
            names: vec!["ipmi".into()],
            entries: None,
        };
        let exact = PackageGrants {
            names: vec!["ssh".into()],
            entries: Some(vec![json!({"name": "ssh", "templates": ["on"]})]),
        };
        tx.grants_set("acme", &by_name).await.unwrap();
        tx.grants_set("other", &by_name).await.unwrap();
        tx.grants_set("acme", &exact).await.unwrap();
        tx.canary_set(&canary(5)).await.unwrap();
        tx.canary_set(&canary(10)).await.unwrap();
        tx.publisher_add(&publisher).await.unwrap();
        let twice = tx.publisher_add(&publisher).await.unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::Conflict, "{kind}");
        tx.commit().await.unwrap();
        assert_eq!(database.package_grants("acme").await.unwrap(), Some(exact));
        assert_eq!(
            database.packages_granted_by_name().await.unwrap(),
            ["other"]
        );
        assert_eq!(database.package_canaries().await.unwrap(), [canary(10)]);
        assert_eq!(database.publishers().await.unwrap(), [publisher]);

        let mut tx = database.change_packages().await.unwrap();
        tx.grants_clear("acme").await.unwrap();
        assert!(tx.canary_clear("acme").await.unwrap());
        assert!(!tx.canary_clear("acme").await.unwrap());
        assert!(tx.publisher_remove("acme-inc").await.unwrap());
        assert!(!tx.publisher_remove("acme-inc").await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(database.package_grants("acme").await.unwrap(), None);
        assert!(database.package_canaries().await.unwrap().is_empty());
        assert!(database.publishers().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_package_has_one_owner_or_none() {
    for database in databases().await {
        let kind = database.kind;
        let owner = |publisher: &str| PackageOwner {
            package: "acme".into(),
            publisher: publisher.into(),
            public_key: "RWQ".into(),
            created_at: Timestamp(9),
        };
        let mut tx = database.change_packages().await.unwrap();
        tx.owner_set(&owner("acme-inc")).await.unwrap();
        tx.owner_set(&owner("rival-inc")).await.unwrap();
        assert_eq!(tx.owners().await.unwrap(), [owner("rival-inc")], "{kind}");
        tx.commit().await.unwrap();
        let owners = database.package_owners().await.unwrap();
        assert_eq!(owners, [owner("rival-inc")], "{kind}");
        let mut tx = database.change_packages().await.unwrap();
        tx.owner_clear("acme").await.unwrap();
        tx.commit().await.unwrap();
        assert!(database.package_owners().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn history_is_kept_the_latest_first_and_not_for_ever() {
    for database in databases().await {
        let kind = database.kind;
        let event = |package: &str, number: i64| PackageEvent {
            created_at: Timestamp(number),
            package: package.into(),
            version: Some("1.0.0".into()),
            digest: None,
            action: "activate".into(),
            actor: "admin".into(),
            request_id: Some("req-1".into()),
            detail: None,
        };
        let mut tx = database.change_packages().await.unwrap();
        tx.note(&event("other", 0)).await.unwrap();
        for number in 0..1005 {
            tx.note(&event("acme", number)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let latest = database.package_history("acme", 2).await.unwrap();
        assert_eq!(latest, [event("acme", 1004), event("acme", 1003)], "{kind}");
        assert_eq!(
            database.package_history("acme", 5000).await.unwrap().len(),
            1000
        );
        assert_eq!(database.package_history("other", 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_a_conductor_can_not_load_is_known_while_it_is_online() {
    for database in databases().await {
        let failure = PackageFailure {
            conductor: "host-a".into(),
            package: "acme".into(),
            version: "1.0.0".into(),
            reason: "a newer contract".into(),
        };
        let said = std::slice::from_ref(&failure);
        database.package_failures_set("host-a", said).await.unwrap();
        assert!(
            database.package_failures().await.unwrap().is_empty(),
            "nobody of that name"
        );
        let registration = Registration {
            hostname: "host-a".into(),
            conductor_group: String::new(),
            incarnation: "1".into(),
            drivers: Vec::new(),
            interfaces: Vec::new(),
        };
        database.conductor_register(&registration).await.unwrap();
        database.package_failures_set("host-a", said).await.unwrap();
        assert_eq!(
            database.package_failures().await.unwrap(),
            said,
            "{}",
            database.kind
        );
        database.conductor_unregister("host-a", "1").await.unwrap();
        assert!(database.package_failures().await.unwrap().is_empty());
        database.conductor_register(&registration).await.unwrap();
        database.package_failures_set("host-a", &[]).await.unwrap();
        assert!(database.package_failures().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_version_drains_from_when_only_operations_need_it() {
    for database in databases().await {
        let kind = database.kind;
        for (digest, number) in [("d1", "1.0.0"), ("d2", "2.0.0")] {
            database.blob_put(digest, b"x").await.unwrap();
            let mut tx = database.change_packages().await.unwrap();
            tx.version_put(&version("acme", number, digest))
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        let activate = async |number: &str, digest: &str| {
            let mut row = crate::packages::package("acme", digest);
            row.version = number.into();
            let mut tx = database.change_packages().await.unwrap();
            tx.activate(&row, VersionState::Installed).await.unwrap();
            tx.commit().await.unwrap();
        };
        activate("1.0.0", "d1").await;
        let (node, held) = crate::make::held_node(&database).await;
        let mut operation = crate::operations::operation(&node.uuid);
        operation.package_digest = Some("d1".into());
        let mut tx = database.reserved(&held).await.unwrap();
        tx.operation_open(&operation).await.unwrap();
        tx.commit().await.unwrap();
        let at = |time| database.package_drains(Timestamp(time));
        assert_eq!(at(10).await.unwrap(), [], "{kind}");
        activate("2.0.0", "d2").await;
        let since = |time| [("d1".to_owned(), Timestamp(time))];
        assert_eq!(at(20).await.unwrap(), since(20), "{kind}");
        assert_eq!(at(30).await.unwrap(), since(20), "{kind}");

        // Back in use, if only as a canary: a new time begins when that ends.
        let canary = Canary {
            package: "acme".into(),
            version: "1.0.0".into(),
            digest: "d1".into(),
            scope: CanaryScope::Percent(5),
            created_at: Timestamp(1),
        };
        let mut tx = database.change_packages().await.unwrap();
        tx.canary_set(&canary).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(at(40).await.unwrap(), [], "{kind}");
        let mut tx = database.change_packages().await.unwrap();
        tx.canary_clear("acme").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(at(50).await.unwrap(), since(50), "{kind}");

        // Nobody needs it any more, and then somebody again.
        for (digest, time, expected) in [("d2", 60, None), ("d1", 70, Some(70))] {
            operation.package_digest = Some(digest.into());
            let mut tx = database.reserved(&held).await.unwrap();
            tx.operation_update(&operation).await.unwrap();
            tx.commit().await.unwrap();
            let drains = at(time).await.unwrap();
            assert_eq!(drains.first().map(|(_, since)| since.0), expected, "{kind}");
        }
    }
}
