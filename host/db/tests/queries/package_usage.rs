//! What versions used: added up by several conductors, and gone with the version.

use ironbark_db::Database;
use ironbark_db::testing::databases;
use ironbark_model::{Timestamp, UsageCounts, VersionUsage};

use crate::packages::version;

async fn install(database: &Database, number: &str, digest: &str) {
    database.blob_put(digest, b"x").await.unwrap();
    let mut tx = database.change_packages().await.unwrap();
    tx.version_put(&version("acme", number, digest))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

fn used(number: &str, digest: &str, counts: UsageCounts) -> VersionUsage {
    VersionUsage {
        package: "acme".into(),
        version: number.into(),
        digest: digest.into(),
        counts,
        counted_at: Timestamp(7),
    }
}

fn counts(factor: i64, peak_memory: i64, faults: &[(&str, i64)]) -> UsageCounts {
    UsageCounts {
        calls: 10 * factor,
        refused: factor,
        cpu_us: 1_000_000 * factor,
        peak_memory,
        host_calls: 20 * factor,
        throttled_us: 3 * factor,
        log_lines_dropped: 4 * factor,
        faults: faults
            .iter()
            .map(|(kind, times)| ((*kind).to_owned(), *times))
            .collect(),
    }
}

/// What is stored of each version.
async fn stored(database: &Database) -> Vec<(String, UsageCounts)> {
    let all = database.package_usage().await.unwrap();
    all.into_iter()
        .inspect(|one| assert_eq!(one.counted_at, Timestamp(7)))
        .map(|one| (one.version, one.counts))
        .collect()
}

#[tokio::test]
async fn usage_adds_up_and_the_most_memory_is_kept() {
    for database in databases().await {
        let kind = database.kind;
        install(&database, "1.0.0", "d1").await;
        install(&database, "2.0.0", "d2").await;
        assert_eq!(stored(&database).await, [], "{kind}");
        database.package_usage_add(&[]).await.unwrap();
        let first = [
            used("2.0.0", "d2", counts(1, 5, &[])),
            used("1.0.0", "d1", counts(1, 700, &[("trap", 2)])),
        ];
        database.package_usage_add(&first).await.unwrap();
        let second = used("1.0.0", "d1", counts(2, 600, &[("trap", 1), ("cpu", 4)]));
        database.package_usage_add(&[second]).await.unwrap();
        assert_eq!(
            stored(&database).await,
            [
                (
                    "1.0.0".to_owned(),
                    counts(3, 700, &[("cpu", 4), ("trap", 3)])
                ),
                ("2.0.0".to_owned(), counts(1, 5, &[])),
            ],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn usage_goes_with_its_version_and_belongs_to_its_bytes() {
    for database in databases().await {
        let kind = database.kind;
        install(&database, "1.0.0", "d1").await;
        let first = used("1.0.0", "d1", counts(1, 5, &[("trap", 2)]));
        database
            .package_usage_add(std::slice::from_ref(&first))
            .await
            .unwrap();
        // Told again what is known, a version keeps what it used.
        install(&database, "1.0.0", "d1").await;
        assert_eq!(stored(&database).await.len(), 1, "{kind}");
        let mut tx = database.change_packages().await.unwrap();
        tx.version_remove("acme", "1.0.0").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stored(&database).await, [], "{kind}");
        // A conductor that hasn't heard of it yet, and then of other bytes under the same number.
        database
            .package_usage_add(std::slice::from_ref(&first))
            .await
            .unwrap();
        install(&database, "1.0.0", "d2").await;
        database.package_usage_add(&[first]).await.unwrap();
        assert_eq!(stored(&database).await, [], "{kind}");
    }
}

#[tokio::test]
async fn conductors_that_count_at_once_lose_nothing() {
    for database in databases().await {
        let kind = database.kind;
        install(&database, "1.0.0", "d1").await;
        install(&database, "2.0.0", "d2").await;
        let mut adding = tokio::task::JoinSet::new();
        for number in 0..16 {
            let database: Database = Database::clone(&database);
            adding.spawn(async move {
                let mut both = [
                    used("1.0.0", "d1", counts(1, number, &[("trap", 1)])),
                    used("2.0.0", "d2", counts(1, number, &[("trap", 1)])),
                ];
                if number % 2 == 0 {
                    both.reverse();
                }
                database.package_usage_add(&both).await
            });
        }
        while let Some(added) = adding.join_next().await {
            added.unwrap().unwrap();
        }
        let expected = counts(16, 15, &[("trap", 16)]);
        assert_eq!(
            stored(&database).await,
            [
                ("1.0.0".to_owned(), expected.clone()),
                ("2.0.0".to_owned(), expected)
            ],
            "{kind}"
        );
    }
}
