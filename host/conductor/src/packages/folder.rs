//! What changed in the folder of driver packages since the last look.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ironbark_drivers::{Folder, FoundPackage};

/// A folder that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    folder: Option<Folder>,
    /// Digests and signatures of the files that were dealt with, whatever came of them.
    known: BTreeMap<String, (String, Option<String>)>,
    looked_before: bool,
    trouble: Option<io::ErrorKind>,
}

/// What happened since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Files that came or changed.
    pub(super) new: Vec<FoundPackage>,
    /// Names of files that are gone.
    pub(super) gone: Vec<String>,
    /// This was the first look: what is there may have been there for long. Has the names of all files.
    pub(super) first: Option<Vec<String>>,
}

impl Watched {
    /// A folder that was not looked at yet; `None` for no folder at all.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(Folder::new),
            known: BTreeMap::new(),
            looked_before: false,
            trouble: None,
        }
    }

    /// Looks at the folder. One that isn't there, or can't be read, is as it was: it may come back (a network share, say),
    /// and drivers in use must not go with it.
    pub(super) async fn look(&mut self) -> Changes {
        let Some(mut folder) = self.folder.take() else {
            return Changes::default();
        };
        let looked = tokio::task::spawn_blocking(move || {
            let found = if folder.path().is_dir() {
                folder.scan().map(Some)
            } else {
                Ok(None)
            };
            (folder, found)
        })
        .await;
        let Ok((folder, found)) = looked else {
            // The runtime is ending.
            return Changes::default();
        };
        let changes = match found {
            Ok(Some(found)) => {
                self.trouble = None;
                self.compare(found, |file| folder.path().join(file).exists())
            }
            Ok(None) => Changes::default(),
            Err(error) => {
                if self.trouble.replace(error.kind()) != Some(error.kind()) {
                    tracing::error!(
                        folder = %folder.path().display(), %error,
                        "the folder of driver packages can't be read; what was loaded from it stays"
                    );
                }
                Changes::default()
            }
        };
        self.folder = Some(folder);
        changes
    }

    /// Takes this file for a new one at the next look.
    pub(super) fn try_again(&mut self, file: &str) {
        self.known.remove(file);
    }

    /// `found` leaves out files that are being written: those are neither new nor gone.
    fn compare(&mut self, found: Vec<FoundPackage>, exists: impl Fn(&str) -> bool) -> Changes {
        let first = (!std::mem::replace(&mut self.looked_before, true))
            .then(|| found.iter().map(|file| file.file.clone()).collect());
        let gone: Vec<String> = self
            .known
            .keys()
            .filter(|name| !found.iter().any(|file| &file.file == *name) && !exists(name))
            .cloned()
            .collect();
        for name in &gone {
            self.known.remove(name);
        }
        let new: Vec<FoundPackage> = found
            .into_iter()
            .filter(|file| {
                self.known
                    .get(&file.file)
                    .is_none_or(|(digest, signature)| {
                        (digest, signature) != (&file.digest, &file.signature)
                    })
            })
            .collect();
        for file in &new {
            let state = (file.digest.clone(), file.signature.clone());
            self.known.insert(file.file.clone(), state);
        }
        Changes { new, gone, first }
    }
}

/// All packages in a folder, without waiting for files to settle.
pub(super) async fn all(folder: &Path) -> io::Result<Vec<(String, Arc<[u8]>)>> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name
                && name.ends_with(".wasm")
                && !name.starts_with('.')
            {
                files.push((name.to_owned(), Arc::from(std::fs::read(&path)?)));
            }
        }
        files.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(files)
    })
    .await
    .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(name: &str, digest: &str) -> FoundPackage {
        FoundPackage {
            file: name.into(),
            path: name.into(),
            digest: digest.into(),
            size: 1,
            signature: None,
        }
    }

    #[test]
    fn says_each_change_once() {
        let mut watched = Watched::new(None);
        let changes = watched.compare(vec![file("a.wasm", "1")], |_| true);
        assert_eq!(changes.first, Some(vec!["a.wasm".to_owned()]));
        assert_eq!(changes.new, [file("a.wasm", "1")]);
        assert_eq!(
            watched.compare(vec![file("a.wasm", "1")], |_| true),
            Changes::default()
        );
        assert_eq!(
            watched.compare(vec![file("a.wasm", "2")], |_| true).new,
            [file("a.wasm", "2")]
        );
        let signed = FoundPackage {
            signature: Some("by acme".into()),
            ..file("a.wasm", "2")
        };
        assert_eq!(
            watched.compare(vec![signed.clone()], |_| true).new,
            [signed],
            "a signature that comes later is a change"
        );
        assert_eq!(watched.compare(vec![], |_| false).gone, ["a.wasm"]);
        assert_eq!(watched.compare(vec![], |_| false), Changes::default());
    }

    #[test]
    fn a_file_that_is_being_written_is_neither_gone_nor_new() {
        let mut watched = Watched::new(None);
        watched.compare(vec![file("a.wasm", "1")], |_| true);
        assert_eq!(watched.compare(vec![], |_| true), Changes::default());
        assert_eq!(
            watched.compare(vec![file("a.wasm", "1")], |_| true),
            Changes::default()
        );
    }

    #[test]
    fn trying_again_makes_it_new() {
        let mut watched = Watched::new(None);
        watched.compare(vec![file("a.wasm", "1")], |_| true);
        watched.try_again("a.wasm");
        assert_eq!(
            watched
                .compare(vec![file("a.wasm", "1")], |_| true)
                .new
                .len(),
            1
        );
    }

    #[tokio::test]
    async fn a_folder_that_vanishes_takes_nothing_with_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("drivers.d");
        let mut watched = Watched::new(Some(&path));
        assert_eq!(watched.look().await, Changes::default(), "not there yet");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("a.wasm"), b"x").unwrap();
        watched.look().await;
        assert_eq!(watched.look().await.new.len(), 1, "settled after two looks");
        std::fs::rename(&path, place.path().join("elsewhere")).unwrap();
        assert_eq!(watched.look().await, Changes::default());
        std::fs::create_dir(&path).unwrap();
        assert_eq!(watched.look().await.gone, ["a.wasm"]);
    }
}
