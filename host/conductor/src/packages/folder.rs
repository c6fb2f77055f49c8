//! Watches a folder of driver packages.
//!
//! Looks at it from time to time: the same on every file system, also on shared ones. A file counts once it has stopped
//! growing. What is wrong with a file is said once, and again only when it has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ironbark_model::package::MAX_PACKAGE_BYTES;

/// A file that was written to less long ago may still be written to.
const SETTLED_AFTER: Duration = Duration::from_secs(1);
/// Most files that are looked at.
const MAX_FILES: usize = 1000;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    size: u64,
}

/// What was seen of a folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Files that were dealt with in this state: loaded, or found wrong.
    known: BTreeMap<String, Stamp>,
    /// Files as they were at the last look that haven't been dealt with.
    unsettled: BTreeMap<String, Stamp>,
    looked_before: bool,
    trouble: Option<io::ErrorKind>,
}

/// What happened in a folder since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Names of files that came or changed.
    pub(super) new: Vec<String>,
    /// Names of files that were there and are gone.
    pub(super) gone: Vec<String>,
    /// This is the first look: what is there may have been there for long.
    pub(super) first: bool,
}

impl Folder {
    /// Looks at `folder`. A folder that isn't there is empty; one that can't be read is as it was, and says so once.
    pub(super) async fn look(&mut self, folder: &Path) -> Changes {
        let path = folder.to_owned();
        let listed = tokio::task::spawn_blocking(move || list(&path))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        match listed {
            Ok(files) => {
                self.trouble = None;
                self.compare(files, SystemTime::now())
            }
            Err(error) => {
                if self.trouble.replace(error.kind()) != Some(error.kind()) {
                    tracing::error!(folder = %folder.display(), %error, "the folder of driver packages can't be read; what was loaded from it stays");
                }
                Changes::default()
            }
        }
    }

    fn compare(&mut self, files: BTreeMap<String, Stamp>, now: SystemTime) -> Changes {
        let first = !std::mem::replace(&mut self.looked_before, true);
        let gone: Vec<String> = self
            .known
            .keys()
            .filter(|name| !files.contains_key(*name))
            .cloned()
            .collect();
        for name in &gone {
            self.known.remove(name);
        }
        let mut new = Vec::new();
        let mut unsettled = BTreeMap::new();
        for (name, stamp) in files {
            if self.known.get(&name) == Some(&stamp) {
                continue;
            }
            let is_settled = first
                || self.unsettled.get(&name) == Some(&stamp)
                || now
                    .duration_since(stamp.modified)
                    .is_ok_and(|age| age >= SETTLED_AFTER);
            if is_settled {
                new.push(name.clone());
                self.known.insert(name, stamp);
            } else {
                unsettled.insert(name, stamp);
            }
        }
        self.unsettled = unsettled;
        Changes { new, gone, first }
    }

    /// Looks at this file again next time as if it were new.
    pub(super) fn try_again(&mut self, name: &str) {
        self.known.remove(name);
    }
}

/// Reads one package file.
pub(super) async fn read(folder: &Path, name: &str) -> io::Result<Vec<u8>> {
    let path: PathBuf = folder.join(name);
    let size = tokio::fs::metadata(&path).await?.len();
    if usize::try_from(size).map_or(true, |size| size > MAX_PACKAGE_BYTES) {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("the file has {size} bytes, a driver package at most {MAX_PACKAGE_BYTES}"),
        ));
    }
    tokio::fs::read(&path).await
}

/// The names of all packages in a folder; empty if it isn't there.
pub(super) async fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let path = folder.to_owned();
    let listed = tokio::task::spawn_blocking(move || list(&path))
        .await
        .map_err(io::Error::other)??;
    Ok(listed.into_keys().collect())
}

fn list(folder: &Path) -> io::Result<BTreeMap<String, Stamp>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut files = BTreeMap::new();
    for entry in entries.take(MAX_FILES) {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Hidden files are what editors and copying programs make on the way.
        if !name.ends_with(".wasm") || name.starts_with('.') {
            continue;
        }
        // Through symbolic links: a folder of links is a usual way to deploy.
        let Ok(metadata) = std::fs::metadata(entry.path()) else {
            continue;
        };
        if metadata.is_file() {
            files.insert(
                name,
                Stamp {
                    modified: metadata.modified()?,
                    size: metadata.len(),
                },
            );
        }
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn files(list: &[(&str, u64, u64)]) -> BTreeMap<String, Stamp> {
        list.iter()
            .map(|(name, at, size)| {
                (
                    (*name).to_owned(),
                    Stamp {
                        modified: SystemTime::UNIX_EPOCH + Duration::from_secs(*at),
                        size: *size,
                    },
                )
            })
            .collect()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn says_each_change_once() {
        let mut folder = Folder::default();
        let there = files(&[("a.wasm", 10, 1)]);
        let changes = folder.compare(there.clone(), at(10));
        assert!(changes.first && changes.new == ["a.wasm"]);
        assert_eq!(folder.compare(there.clone(), at(20)), Changes::default());
        let changed = files(&[("a.wasm", 25, 1)]);
        assert_eq!(folder.compare(changed.clone(), at(30)).new, ["a.wasm"]);
        assert_eq!(folder.compare(files(&[]), at(40)).gone, ["a.wasm"]);
        assert_eq!(folder.compare(files(&[]), at(50)), Changes::default());
        assert_eq!(folder.compare(changed, at(60)).new, ["a.wasm"]);
    }

    #[test]
    fn a_file_that_is_still_written_to_waits() {
        let mut folder = Folder::default();
        folder.compare(files(&[]), at(0));
        assert!(folder.compare(files(&[("a.wasm", 10, 1)]), at(10)).new.is_empty());
        assert!(folder.compare(files(&[("a.wasm", 12, 5)]), at(12)).new.is_empty());
        assert_eq!(folder.compare(files(&[("a.wasm", 12, 5)]), at(12)).new, ["a.wasm"]);
    }

    #[test]
    fn a_file_of_the_future_is_loaded_all_the_same() {
        let mut folder = Folder::default();
        folder.compare(files(&[]), at(0));
        folder.compare(files(&[("a.wasm", 1000, 1)]), at(10));
        assert_eq!(folder.compare(files(&[("a.wasm", 1000, 1)]), at(12)).new, ["a.wasm"]);
    }

    #[test]
    fn trying_again_makes_it_new() {
        let mut folder = Folder::default();
        let there = files(&[("a.wasm", 10, 1)]);
        folder.compare(there.clone(), at(20));
        folder.try_again("a.wasm");
        assert_eq!(folder.compare(there, at(30)).new, ["a.wasm"]);
    }

    #[tokio::test]
    async fn reads_real_folders() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = Folder::default();
        assert!(folder.look(&place.path().join("none")).await.new.is_empty());
        std::fs::write(place.path().join("b.wasm"), b"x").unwrap();
        std::fs::write(place.path().join("notes.txt"), b"x").unwrap();
        std::fs::write(place.path().join(".half.wasm"), b"x").unwrap();
        assert_eq!(Folder::default().look(place.path()).await.new, ["b.wasm"]);
        assert_eq!(read(place.path(), "b.wasm").await.unwrap(), b"x");
    }
}
