//! Keeps a second process away from an SQLite database.
//!
//! SQLite itself would let it in, and the two would see each other's locks: then clients would too.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::DbError;

/// Lies beside the database's file. The operating system forgets the lock when its process ends, however it ends.
const FILE_NAME: &str = "ironbark.lock";

/// Holds the folder until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn acquire(folder: &Path) -> Result<Self, DbError> {
        let unusable = |source| DbError::Folder {
            folder: folder.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(FILE_NAME))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is only for the message; not knowing it must not hide that it is held.
                let _ = file.read_to_string(&mut holder);
                return Err(DbError::InUse {
                    folder: folder.to_owned(),
                    holder: match holder.trim().parse::<u32>() {
                        Ok(process) => format!(" (process {process})"),
                        Err(_) => String::new(),
                    },
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0).map_err(unusable)?;
        write!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}
