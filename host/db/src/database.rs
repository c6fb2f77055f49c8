//! Connections: who may read, who may write, and how long they wait for it.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ironbark_model::{Error, Result};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, Connection, Transaction};

use crate::config::sqlite_url;
use crate::dialect::{Dialect, Role};
use crate::error::told;
use crate::folder_lock::FolderLock;
use crate::migrate::migrate;
use crate::nodes::NodeCache;
use crate::sql::{Statement, within};
use crate::{DatabaseConfig, DbError};

/// Opening takes at most this long; bringing a large schema up to date is part of it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(600);

/// A PostgreSQL connection that was idle for longer is asked for a sign of life before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);

/// The database. Cheap to clone; all clones share their connections.
#[derive(Clone, Debug)]
pub struct Database {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dialect: Dialect,
    readers: AnyPool,
    writers: AnyPool,
    read_queue: Queue,
    write_queue: Queue,
    node_cache: NodeCache,
    folder: Mutex<Option<FolderLock>>,
}

impl Database {
    /// Opens the database and brings its schema up to date.
    pub async fn open(config: &DatabaseConfig) -> Result<Database, DbError> {
        sqlx::any::install_default_drivers();
        let work = Self::open_inner(config);
        match tokio::time::timeout(OPEN_TIMEOUT, work).await {
            Ok(result) => result,
            Err(_) => Err(DbError::TimedOut {
                seconds: OPEN_TIMEOUT.as_secs(),
            }),
        }
    }

    /// Ends all connections once they are free; later calls are turned away. On SQLite, the data folder is then
    /// free for another process.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.writers.close().await;
        if let Ok(mut folder) = self.shared.folder.lock() {
            *folder = None;
        }
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.reader().await?;
        within(connection.ping()).await.map_err(told)
    }

    /// A connection for reading.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Any>> {
        let _place = self.shared.read_queue.enter()?;
        self.shared.readers.acquire().await.map_err(told)
    }

    /// A transaction for reading, which sees the database as it was at one moment.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>> {
        let _place = self.shared.read_queue.enter()?;
        let begin = self
            .shared
            .readers
            .begin_with(self.shared.dialect.begin_reading());
        within(begin).await.map_err(told)
    }

    /// Nodes that were read lately.
    pub(crate) fn node_cache(&self) -> &NodeCache {
        &self.shared.node_cache
    }

    /// A connection for one statement that writes.
    pub(crate) async fn writer(&self) -> Result<PoolConnection<Any>> {
        let _place = self.shared.write_queue.enter()?;
        self.shared.writers.acquire().await.map_err(told)
    }

    /// A transaction that may write from its first statement on. Dropped, it changes nothing.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>> {
        let _place = self.shared.write_queue.enter()?;
        let begin = self.shared.writers.begin_with(self.shared.dialect.begin());
        within(begin).await.map_err(told)
    }

    async fn open_inner(config: &DatabaseConfig) -> Result<Database, DbError> {
        let dialect = Dialect::of_url(&config.url)?;
        let (url, folder) = match dialect {
            Dialect::Sqlite => {
                let (url, lock) = prepare_sqlite(config)?;
                (url, Some(lock))
            }
            Dialect::Postgres => (config.url.clone(), None),
        };
        let options = url
            .parse::<AnyConnectOptions>()
            .map_err(DbError::Connect)?
            .disable_statement_logging();

        let mut connection = AnyConnection::connect_with(&options)
            .await
            .map_err(DbError::Connect)?;
        begin_session(&mut connection, dialect.session(config, Role::Migrator))
            .await
            .map_err(DbError::Connect)?;
        migrate(&mut connection, dialect).await?;
        connection.close().await.map_err(DbError::Connect)?;

        let (readers, writers) = match dialect {
            Dialect::Sqlite => {
                let readers = pool(config, Role::Reader, dialect, config.readers);
                let writers = pool(config, Role::Writer, dialect, 1);
                (
                    readers.connect_lazy_with(options.clone()),
                    writers.connect_lazy_with(options),
                )
            }
            Dialect::Postgres => {
                let both =
                    pool(config, Role::Writer, dialect, config.readers).connect_lazy_with(options);
                (both.clone(), both)
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                dialect,
                readers,
                writers,
                read_queue: Queue::new(config.reader_queue),
                write_queue: Queue::new(config.writer_queue),
                node_cache: NodeCache::default(),
                folder: Mutex::new(folder),
            }),
        })
    }
}

/// Callers that wait for a connection: so many, and no more.
#[derive(Debug)]
struct Queue {
    waiting: AtomicUsize,
    bound: usize,
}

/// A place in the queue, until it is dropped.
struct Place<'q>(&'q AtomicUsize);

impl Queue {
    fn new(bound: usize) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            bound,
        }
    }

    fn enter(&self) -> Result<Place<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.waiting);
        if before >= self.bound {
            return Err(Error::overloaded(
                "Too many requests wait for the database, please retry.",
            ));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn pool(config: &DatabaseConfig, role: Role, dialect: Dialect, connections: u32) -> AnyPoolOptions {
    let session = dialect.session(config, role);
    let options = AnyPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let session = session.clone();
            Box::pin(begin_session(connection, session))
        });
    match dialect {
        // A file doesn't go away: what is open stays open, but for a connection whose transaction couldn't be ended. A full disk ends
        // transactions by itself, and the connection would take itself to be within one for ever.
        Dialect::Sqlite => options
            .idle_timeout(None)
            .max_lifetime(None)
            .before_acquire(|connection, _| {
                let usable = !connection.is_in_transaction();
                Box::pin(async move { Ok(usable) })
            }),
        // A server can restart: a connection that lay idle may be dead.
        Dialect::Postgres => options.before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for > TRUSTED_IDLE {
                    within(connection.ping()).await?;
                }
                Ok(true)
            })
        }),
    }
}

async fn begin_session(connection: &mut AnyConnection, session: String) -> sqlx::Result<()> {
    within(sqlx::raw_sql(AssertSqlSafe(session)).execute(connection)).await?;
    Ok(())
}

/// Makes the folder if need be (for this user only: the database holds the BMCs' passwords) and locks it.
fn prepare_sqlite(config: &DatabaseConfig) -> Result<(String, FolderLock), DbError> {
    let unusable = |folder: &Path, source| DbError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let file = config
        .sqlite_file()
        .map_err(|source| unusable(Path::new(&config.url), source))?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| unusable(folder, source))?;
    let lock = FolderLock::acquire(folder)?;
    // SQLite gives the files that it makes beside this one the same mode.
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&file)
        .map_err(|source| unusable(folder, source))?;
    Ok((format!("{}?mode=rwc", sqlite_url(&file)), lock))
}

/// One statement that writes, outside a transaction.
impl Database {
    pub(crate) async fn write(&self, statement: Statement) -> Result<u64> {
        let mut connection = self.writer().await?;
        statement.run(&mut connection).await.map_err(told)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn pages(db: &Database, most: u32) {
        let mut writer = db.writer().await.unwrap();
        let limit = format!("PRAGMA max_page_count = {most}");
        sqlx::raw_sql(AssertSqlSafe(limit))
            .execute(&mut *writer)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error_and_when_there_is_room_again_all_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let config = DatabaseConfig::sqlite(folder.path().join("full.sqlite"));
        let db = Database::open(&config).await.unwrap();
        let bytes = vec![7; 1 << 20];
        // SQLite takes the least that is possible: what the file has.
        pages(&db, 1).await;
        for _ in 0..3 {
            assert!(db.blob_put("digest", &bytes).await.is_err());
        }
        pages(&db, 1_000_000).await;
        db.blob_put("digest", &bytes).await.unwrap();
        assert_eq!(db.blob_get("digest").await.unwrap(), Some(bytes));
    }

    /// As SQLite does where it can't write: then the end that we tell it is an error, and so would every later beginning be.
    #[tokio::test]
    async fn a_transaction_that_ended_by_itself_hinders_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let config = DatabaseConfig::sqlite(folder.path().join("ended.sqlite"));
        let db = Database::open(&config).await.unwrap();
        for _ in 0..2 {
            let mut ended = db.begin().await.unwrap();
            let rollback = sqlx::raw_sql("ROLLBACK").execute(&mut *ended).await;
            rollback.unwrap();
            assert!(ended.commit().await.is_err());
            db.blob_put("digest", b"bytes").await.unwrap();
        }
    }
}
