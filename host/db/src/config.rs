//! Where the database is and how much may be asked of it at once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::dialect::Dialect;
use crate::error::DbError;

/// How to open the database. Start from [`DatabaseConfig::sqlite`] or [`DatabaseConfig::from_url`] and change what differs.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `sqlite:///path/file.sqlite` or `postgres://user:password@host/database`.
    pub url: String,
    /// How many callers may wait for the right to write before the next one is turned away (SQLite has one writer).
    pub writer_queue: usize,
    /// How many connections read at once (PostgreSQL: connections in all, which write too).
    pub readers: u32,
    /// How many callers may wait for a connection to read before the next one is turned away.
    pub reader_queue: usize,
    /// How long a caller waits for a connection, or for a row that somebody else changes, before it is turned away.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL may work on one statement, or be left idle within a transaction; at most 60 s.
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// An SQLite database in this file. File and folder are made if they aren't there.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::from_url(sqlite_url(path.as_ref()))
    }

    /// A database by its URL, with bounds that suit one conductor with some thousand nodes.
    pub fn from_url(url: impl Into<String>) -> Self {
        let url = url.into();
        let readers = if url.starts_with("sqlite:") { 4 } else { 16 };
        Self {
            url,
            writer_queue: 1024,
            readers,
            reader_queue: 4096,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
        }
    }

    /// Refuses the URL of a database of another kind.
    pub fn check(&self) -> Result<(), DbError> {
        Dialect::of_url(&self.url).map(|_| ())
    }

    /// The file of an SQLite database, absolute.
    pub(crate) fn sqlite_file(&self) -> std::io::Result<PathBuf> {
        let path = self.url.strip_prefix("sqlite:").unwrap_or(&self.url);
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        std::path::absolute(percent_decoded(path))
    }
}

/// The URL may hold a password, so that only its scheme is shown.
impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        formatter
            .debug_struct("DatabaseConfig")
            .field("url", &format_args!("{scheme}:…"))
            .field("writer_queue", &self.writer_queue)
            .field("readers", &self.readers)
            .field("reader_queue", &self.reader_queue)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish()
    }
}

/// A URL for this file, with what has a meaning in a URL escaped.
pub(crate) fn sqlite_url(path: &Path) -> String {
    let mut url = String::from("sqlite://");
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            ' ' => url.push_str("%20"),
            other => url.push(other),
        }
    }
    url
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_its_url() {
        for path in ["/a/b.sqlite", "/with space/50%/what?/#1.sqlite", "/ä/%41"] {
            let config = DatabaseConfig::sqlite(path);
            assert_eq!(config.sqlite_file().unwrap(), Path::new(path));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = DatabaseConfig::from_url("postgres://me:hunter2@db/ironbark");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
