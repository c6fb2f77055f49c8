//! Databases for tests: an SQLite file in a folder of its own, and a new database on a real PostgreSQL.
//!
//! A test that asks for [`databases`] runs on both. PostgreSQL comes from `IRONBARK_TEST_POSTGRES_URL`, if that is set,
//! or else is started once for the test process, and ends with it. Where it isn't installed, it is left out, with a note
//! on stderr, unless `IRONBARK_TEST_REQUIRE` (a comma-separated list) contains `postgres` or `all`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod postgres;

use std::ops::Deref;

use tempfile::TempDir;

use crate::{Database, DatabaseConfig};

/// An open database that nobody else uses, gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// `sqlite` or `postgres`: for messages.
    pub kind: &'static str,
    /// How it was opened, to open it again.
    pub config: DatabaseConfig,
    /// The database.
    pub database: Database,
    _folder: Option<TempDir>,
    _dropped: Option<postgres::DropDatabase>,
}

impl Deref for TestDatabase {
    type Target = Database;
    fn deref(&self) -> &Database {
        &self.database
    }
}

/// A new database of each kind that there is.
pub async fn databases() -> Vec<TestDatabase> {
    let mut all = vec![sqlite().await];
    all.extend(postgres().await);
    all
}

/// A new SQLite database.
pub async fn sqlite() -> TestDatabase {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = DatabaseConfig::sqlite(folder.path().join("ironbark.sqlite"));
    TestDatabase {
        kind: "sqlite",
        database: opened(&config).await,
        config,
        _folder: Some(folder),
        _dropped: None,
    }
}

/// A new PostgreSQL database; `None` where PostgreSQL isn't installed.
pub async fn postgres() -> Option<TestDatabase> {
    let (url, dropped) = postgres::new_database().await?;
    let mut config = DatabaseConfig::from_url(url);
    // Many tests share one server.
    config.readers = 6;
    Some(TestDatabase {
        kind: "postgres",
        database: opened(&config).await,
        config,
        _folder: None,
        _dropped: Some(dropped),
    })
}

/// Says that a test can't do without this, by `IRONBARK_TEST_REQUIRE`.
fn is_required(what: &str) -> bool {
    std::env::var("IRONBARK_TEST_REQUIRE").is_ok_and(|list| {
        list.split(',')
            .any(|entry| matches!(entry.trim(), "all") || entry.trim() == what)
    })
}

async fn opened(config: &DatabaseConfig) -> Database {
    match Database::open(config).await {
        Ok(database) => database,
        Err(error) => panic!("the test database can't be opened: {error:?}"),
    }
}
