//! A file of names and bcrypt hashes, as `htpasswd -B` writes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names and bcrypt hashes. Cheap to clone; `Debug` shows how many there are and no more.
#[derive(Clone)]
pub struct Htpasswd {
    hashes: Arc<HashMap<String, String>>,
}

/// Why a password file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HtpasswdError {
    /// The file can't be read.
    #[error("{}: can't be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not `name:hash` with a bcrypt hash.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong, and what to do about it. Never contains the line's text.
        problem: &'static str,
    },
    /// Nobody could log in.
    #[error("{}: names nobody; add a user with: htpasswd -B {} NAME", path.display(), path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Htpasswd {
    /// Reads a file of `name:hash` lines; hashes are bcrypt's (`$2y$`, `$2b$`, `$2a$`). Empty lines and lines that
    /// begin with `#` are skipped.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, HtpasswdError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| HtpasswdError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut hashes = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) = parse_line(line).map_err(|problem| HtpasswdError::Line {
                path: path.to_owned(),
                line: index + 1,
                problem,
            })?;
            hashes.insert(name.to_owned(), hash.to_owned());
        }
        if hashes.is_empty() {
            return Err(HtpasswdError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            hashes: Arc::new(hashes),
        })
    }

    pub(crate) fn hash_of(&self, name: &str) -> Option<&str> {
        self.hashes.get(name).map(String::as_str)
    }

    /// Any hash at all: checking a stranger's password against it takes as long as checking a known one's.
    pub(crate) fn any_hash(&self) -> Option<&str> {
        self.hashes.values().next().map(String::as_str)
    }
}

impl std::fmt::Debug for Htpasswd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Htpasswd({} users)", self.hashes.len())
    }
}

fn parse_line(line: &str) -> Result<(&str, &str), &'static str> {
    let Some((name, hash)) = line.split_once(':') else {
        return Err("expected name:hash");
    };
    if name.is_empty() {
        return Err("the name before ':' is empty");
    }
    let bcrypt = ["$2y$", "$2b$", "$2a$"]
        .iter()
        .any(|prefix| hash.starts_with(prefix));
    if !bcrypt || hash.parse::<bcrypt::HashParts>().is_err() {
        return Err("the hash is not bcrypt's; make it with: htpasswd -B");
    }
    Ok((name, hash))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Result<Htpasswd, HtpasswdError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Htpasswd::read(file.path())
    }

    #[test]
    fn reads_bcrypt_lines_and_skips_comments() {
        let hash = bcrypt::hash("x", 4).unwrap();
        let file = read(&format!("# who\n\nada:{hash}\n")).unwrap();
        assert_eq!(file.hash_of("ada"), Some(hash.as_str()));
        assert_eq!(file.hash_of("bob"), None);
        assert_eq!(format!("{file:?}"), "Htpasswd(1 users)");
    }

    #[test]
    fn names_the_line_and_never_its_text() {
        let error = read("# ok\nada:{SHA}c2VjcmV0\n").unwrap_err().to_string();
        assert!(
            error.contains("line 2: the hash is not bcrypt's"),
            "{error}"
        );
        assert!(!error.contains("c2VjcmV0"), "{error}");
        assert!(read("ada\n").unwrap_err().to_string().contains("line 1"));
        assert!(matches!(
            read("# nobody\n"),
            Err(HtpasswdError::Empty { .. })
        ));
        assert!(matches!(
            Htpasswd::read("/nonexistent/htpasswd"),
            Err(HtpasswdError::Read { .. })
        ));
    }
}
