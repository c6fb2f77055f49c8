//! Looking into `drivers.d` for packages. Somebody else asks, from time to time, and decides what to do.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ironbark_model::package::MAX_PACKAGE_BYTES;

use crate::package::digest_of;

/// Most files that are looked at.
const MAX_FILES: usize = 1000;
/// A signature has some 350 bytes, and a comment.
const MAX_SIGNATURE_BYTES: u64 = 4096;
/// A file that wasn't changed for so long is complete at the first look.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A folder with packages, and what was seen in it the last time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    seen: BTreeMap<String, Seen>,
}

/// A complete package file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPackage {
    /// Its name within the folder: ends with `.wasm`.
    pub file: String,
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in lower-case hex.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// The signature beside it: `acme.wasm.minisig` for `acme.wasm`.
    pub signature: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: SystemTime,
}

#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    digest: Option<String>,
}

impl Folder {
    /// A folder that need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            seen: BTreeMap::new(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The packages that are there, by file name. Reads only files that are new or changed; blocks meanwhile.
    ///
    /// A file that is being written is left out until it has the same size and time at two looks in a row. A folder that
    /// doesn't exist is empty. Hidden files, and those that don't end with `.wasm`, are not looked at.
    pub fn scan(&mut self) -> io::Result<Vec<FoundPackage>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.seen.clear();
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut now_seen = BTreeMap::new();
        let mut found = Vec::new();
        for entry in entries.take(MAX_FILES) {
            let entry = entry?;
            let Some(file) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            if file.starts_with('.') || !file.ends_with(".wasm") {
                continue;
            }
            // Through symbolic links: that is how containers are given files.
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            let stamp = Stamp {
                size: metadata.len(),
                modified: metadata.modified()?,
            };
            let digest = self.digest(&file, &entry.path(), &stamp);
            if let Some(digest) = &digest {
                found.push(FoundPackage {
                    path: entry.path(),
                    digest: digest.clone(),
                    size: stamp.size,
                    signature: signature_beside(&entry.path()),
                    file: file.clone(),
                });
            }
            now_seen.insert(file, Seen { stamp, digest });
        }
        self.seen = now_seen;
        found.sort_by(|left, right| left.file.cmp(&right.file));
        Ok(found)
    }

    fn digest(&self, file: &str, path: &Path, stamp: &Stamp) -> Option<String> {
        let before = self.seen.get(file).filter(|seen| seen.stamp == *stamp);
        if let Some(digest) = before.and_then(|seen| seen.digest.clone()) {
            return Some(digest);
        }
        let age = SystemTime::now().duration_since(stamp.modified);
        let settled = before.is_some() || age.is_ok_and(|age| age >= SETTLED_AFTER);
        if !settled {
            return None;
        }
        if stamp.size > MAX_PACKAGE_BYTES as u64 {
            tracing::warn!(file, size = stamp.size, "driver file ignored: too large");
            return None;
        }
        match fs::read(path) {
            Ok(bytes) if bytes.len() as u64 == stamp.size => Some(digest_of(&bytes)),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(file, %error, "driver file can't be read");
                None
            }
        }
    }
}

/// The signature file of a package file, if there is one of a sensible size.
pub fn signature_beside(package: &Path) -> Option<String> {
    let mut name = package.as_os_str().to_owned();
    name.push(".minisig");
    let path = Path::new(&name);
    let small = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= MAX_SIGNATURE_BYTES);
    small.then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_counts_when_it_stops_changing() {
        let folder = tempfile::tempdir().unwrap();
        let mut scanner = Folder::new(folder.path());
        fs::write(folder.path().join("a.wasm"), b"half").unwrap();
        fs::write(folder.path().join("notes.txt"), b"-").unwrap();
        fs::write(folder.path().join(".b.wasm"), b"-").unwrap();
        assert_eq!(scanner.scan().unwrap(), []);
        fs::write(folder.path().join("a.wasm"), b"half and half").unwrap();
        assert_eq!(scanner.scan().unwrap(), []);
        let found = scanner.scan().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().unwrap().digest, digest_of(b"half and half"));
        assert_eq!(scanner.scan().unwrap(), found);
        fs::write(folder.path().join("a.wasm.minisig"), "signed").unwrap();
        let found = scanner.scan().unwrap();
        let signature = found.first().unwrap().signature.as_deref();
        assert_eq!(signature, Some("signed"), "it may come later");
        fs::remove_file(folder.path().join("a.wasm")).unwrap();
        assert_eq!(scanner.scan().unwrap(), []);
    }

    #[test]
    fn an_old_file_counts_at_once_and_a_missing_folder_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        let file = fs::File::create(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
        assert_eq!(Folder::new(folder.path()).scan().unwrap().len(), 1);
        assert_eq!(Folder::new(folder.path().join("none")).scan().unwrap(), []);
    }
}
