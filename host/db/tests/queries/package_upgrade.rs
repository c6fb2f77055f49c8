//! What an earlier release left of packages, after its schema was brought up to date.

use ironbark_db::Database;
use ironbark_db::testing::databases;
use ironbark_model::Timestamp;
use ironbark_model::lifecycle::{PackageGrants, PackageVersion, Publisher};
use sqlx::{AnyConnection, Connection, Executor};

use crate::packages::version;

/// What migration 11 brings, taken away again.
const UNDO: &[&str] = &[
    "DROP TABLE driver_owners",
    "ALTER TABLE driver_grants DROP COLUMN entries",
    "ALTER TABLE driver_versions DROP COLUMN publisher_key",
    "ALTER TABLE driver_versions DROP COLUMN implementations",
    "ALTER TABLE driver_versions DROP COLUMN capabilities",
    "DELETE FROM schema_migrations WHERE version = 11",
];

#[tokio::test]
async fn what_was_signed_and_granted_before_has_its_key_its_owner_and_its_names() {
    for database in databases().await {
        let kind = database.kind;
        let signed = |package: &str, number: &str, by: Option<&str>, at: i64| PackageVersion {
            publisher: by.map(str::to_owned),
            created_at: Timestamp(at),
            ..version(package, number, "d1")
        };
        database.blob_put("d1", b"1").await.unwrap();
        let mut tx = database.change_packages().await.unwrap();
        let publisher = Publisher {
            name: "acme-inc".into(),
            public_key: "RWQ".into(),
            packages: vec!["*".into()],
            expires_at: None,
            created_at: Timestamp(1),
        };
        tx.publisher_add(&publisher).await.unwrap();
        for one in [
            signed("acme", "0.9.0", None, 1),
            signed("acme", "1.0.0", Some("acme-inc"), 2),
            signed("acme", "1.1.0", Some("other-inc"), 2),
            signed("bolt", "1.0.0", Some("gone-inc"), 3),
            signed("free", "1.0.0", None, 4),
        ] {
            tx.version_put(&one).await.unwrap();
        }
        let by_name = PackageGrants {
            names: vec!["ipmi".into()],
            entries: None,
        };
        tx.grants_set("acme", &by_name).await.unwrap();
        tx.commit().await.unwrap();
        database.close().await;
        let mut connection = AnyConnection::connect(&database.config.url).await.unwrap();
        for text in UNDO {
            connection.execute(*text).await.unwrap();
        }
        connection.close().await.unwrap();

        let again = Database::open(&database.config).await.unwrap();
        let owners: Vec<(String, String, String)> = again
            .package_owners()
            .await
            .unwrap()
            .into_iter()
            .map(|owner| (owner.package, owner.publisher, owner.public_key))
            .collect();
        let owner =
            |package: &str, of: &str, key: &str| (package.into(), of.into(), key.to_owned());
        assert_eq!(
            owners,
            [
                owner("acme", "acme-inc", "RWQ"),
                owner("bolt", "gone-inc", "")
            ],
            "{kind}"
        );
        let keys: Vec<Option<String>> = again
            .package_versions_all()
            .await
            .unwrap()
            .into_iter()
            .map(|version| version.publisher_key)
            .collect();
        let key = Some("RWQ".to_owned());
        assert_eq!(keys, [key, None, None, None, None], "{kind}");
        assert_eq!(again.package_grants("acme").await.unwrap(), Some(by_name));
        again.close().await;
    }
}
