//! Where the database is and how much may be asked of it at once.

use std::path::Path;
use std::time::Duration;

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
    /// How long a caller waits for a connection before it is turned away.
    pub acquire_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// An SQLite database in this file, which is made if it isn't there; its folder must exist.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        let mut url = String::from("sqlite://");
        // What would end the path of a URL, or begin an escape, is escaped.
        for character in path.as_ref().to_string_lossy().chars() {
            match character {
                '%' => url.push_str("%25"),
                '?' => url.push_str("%3F"),
                '#' => url.push_str("%23"),
                ' ' => url.push_str("%20"),
                other => url.push(other),
            }
        }
        Self::from_url(url)
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
