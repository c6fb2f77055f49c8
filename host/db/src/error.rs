//! What can go wrong with the database, and what a client is told of it: decided here, once.

use std::path::PathBuf;

use ironbark_model::{Error, ErrorKind};

use crate::dialect;

/// Why the database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL names no database that we know.
    #[error(
        "the database URL must begin with sqlite:// (a file) or postgres:// (a server), not with {scheme:?}"
    )]
    Url {
        /// What it begins with.
        scheme: String,
    },
    /// The folder of an SQLite file can't be used.
    #[error("cannot use the data folder {}; create it, and let this user write there", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process has the SQLite database open.
    #[error(
        "the data folder {} is in use by another process{holder}; stop that one first, or use another folder",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// ` (process 123)` if it is known.
        holder: String,
    },
    /// The database was written by a newer Ironbark.
    #[error(
        "the database has schema version {database}, but this Ironbark ({binary_version}) knows versions up to {binary} only; \
         run the newer Ironbark, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database's version.
        database: i64,
        /// The newest version that this binary knows.
        binary: i64,
        /// This binary's own version.
        binary_version: &'static str,
    },
    /// The schema can't be brought up to date.
    #[error("cannot bring the database's schema up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database can't be reached, or refuses us.
    #[error("cannot open the database")]
    Connect(#[source] sqlx::Error),
    /// The database did not answer in time.
    #[error("the database did not answer within {seconds} s while it was opened")]
    TimedOut {
        /// After how long.
        seconds: u64,
    },
}

/// The reservation that a transaction worked under is no longer ours: somebody took the node over.
#[derive(Debug, thiserror::Error)]
#[error("node {node_uuid} is no longer reserved by {host} (fence {fence})")]
pub struct FenceLost {
    /// The node.
    pub node_uuid: String,
    /// Who believed to hold it.
    pub host: String,
    /// The acquisition that is over.
    pub fence: i64,
}

/// The registration that a conductor made is no longer its own: a newer life of the host has registered.
#[derive(Debug, thiserror::Error)]
#[error("conductor {hostname} is no longer registered as {incarnation}")]
pub struct RegistrationLost {
    /// The host.
    pub hostname: String,
    /// The life that is over.
    pub incarnation: String,
}

/// Says that the reservation (or registration) was lost, and so that whoever gets this must stop working on the node.
pub fn is_fence_lost(error: &Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|source| source.is::<FenceLost>() || source.is::<RegistrationLost>())
}

impl FenceLost {
    pub(crate) fn into_error(self) -> Error {
        Error::new(
            ErrorKind::Conflict,
            format!(
                "Node {} is no longer reserved by host {}; what was being done is dropped.",
                self.node_uuid, self.host
            ),
        )
        .caused_by(self)
    }
}

impl RegistrationLost {
    pub(crate) fn into_error(self) -> Error {
        Error::conflict(format!(
            "Conductor {} is no longer registered by this process.",
            self.hostname
        ))
        .caused_by(self)
    }
}

/// What a client is told of a failed statement.
pub(crate) fn told(error: sqlx::Error) -> Error {
    let overloaded = match &error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Io(io) => io.kind() == std::io::ErrorKind::TimedOut,
        sqlx::Error::Database(cause) => dialect::is_overload(cause.as_ref()),
        _ => false,
    };
    if overloaded {
        Error::overloaded("The database is busy, please retry.").caused_by(error)
    } else if matches!(error, sqlx::Error::PoolClosed) {
        Error::overloaded("The service is stopping, please retry.").caused_by(error)
    } else if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_)) {
        Error::internal("The database can't be reached.").caused_by(error)
    } else {
        Error::internal("The database failed.").caused_by(error)
    }
}

/// What a client is told of a failed write. `duplicate` is asked when a column that must be unique isn't,
/// with its name as `table.column`.
pub(crate) fn told_of_write(
    error: sqlx::Error,
    duplicate: impl FnOnce(&str) -> Option<String>,
) -> Error {
    let message = error
        .as_database_error()
        .and_then(dialect::violated_unique)
        .and_then(|column| duplicate(&column));
    match message {
        Some(message) => Error::conflict(message).caused_by(error),
        None => told(error),
    }
}
