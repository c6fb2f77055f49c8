//! All that SQLite and PostgreSQL want said differently. Every other statement has one text for both.

use std::fmt::Write as _;

use sqlx::error::DatabaseError;

use crate::{DatabaseConfig, DbError};

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// SQLite: the one that writes. PostgreSQL: all of them.
    Writer,
    /// SQLite: the others.
    Reader,
    /// Brings the schema up to date, which may take long.
    Migrator,
}

/// How often SQLite copies its log back: after this many pages of 4 KiB.
const WAL_CHECKPOINT_PAGES: u32 = 4000;

impl Dialect {
    pub(crate) fn of_url(url: &str) -> Result<Self, DbError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            other => Err(DbError::Url {
                scheme: other.to_owned(),
            }),
        }
    }

    /// How a transaction that writes begins. SQLite must take its write lock at once: a transaction that read
    /// first can't get it later without the risk of "database is locked".
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// How a transaction begins whose statements all see the database as it was at one moment.
    pub(crate) fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// What a new connection is told first.
    pub(crate) fn session(self, config: &DatabaseConfig, role: Role) -> String {
        let wait = config.acquire_timeout.as_millis();
        let mut text = String::new();
        match self {
            Self::Sqlite => {
                // Another process can hold the file for a moment: a backup, or an operator's shell.
                let _ = write!(text, "PRAGMA busy_timeout = {wait};");
                if role == Role::Reader {
                    text.push_str("PRAGMA query_only = ON; PRAGMA cache_size = -4096;");
                } else {
                    let _ = write!(
                        text,
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192; \
                         PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES};"
                    );
                }
            }
            Self::Postgres => {
                let _ = write!(text, "SET lock_timeout = {wait};");
                if role != Role::Migrator {
                    let statement = config.statement_timeout.as_millis();
                    let _ = write!(
                        text,
                        "SET statement_timeout = {statement}; \
                         SET idle_in_transaction_session_timeout = {statement};"
                    );
                }
            }
        }
        text
    }
}

/// The column whose uniqueness a statement violated, as `table.column`.
///
/// SQLite says `UNIQUE constraint failed: nodes.name` and names no constraint; PostgreSQL names the constraint, which
/// for `UNIQUE` on a column is `table_column_key`, and for a primary key `table_pkey`.
pub(crate) fn violated_unique(error: &dyn DatabaseError) -> Option<String> {
    if error.kind() != sqlx::error::ErrorKind::UniqueViolation {
        return None;
    }
    if let (Some(table), Some(constraint)) = (error.table(), error.constraint()) {
        let column = constraint.strip_prefix(table)?.strip_prefix('_')?;
        return Some(match column.strip_suffix("_key") {
            Some(column) => format!("{table}.{column}"),
            None => format!("{table}.{column}"),
        });
    }
    let (_, column) = error.message().split_once("constraint failed: ")?;
    Some(column.split(',').next().unwrap_or(column).to_owned())
}

/// The database could not do it now, and can be asked again.
///
/// SQLite's result codes: 5 (busy) and 6 (locked), in the low byte of the extended code. PostgreSQL's SQLSTATEs:
/// lock not available, query cancelled, deadlock, serialization failure, too many connections, cannot connect now.
pub(crate) fn is_overload(error: &dyn DatabaseError) -> bool {
    let Some(code) = error.code() else {
        return false;
    };
    match code.as_ref() {
        "55P03" | "57014" | "40P01" | "40001" | "53300" | "57P03" => true,
        other => {
            other.len() < 5
                && other
                    .parse::<i32>()
                    .is_ok_and(|code| matches!(code & 0xff, 5 | 6))
        }
    }
}
