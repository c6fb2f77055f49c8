//! Tests run side by side, but for those that measure time: they have the machine to themselves.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// A test's own folder, and its leave to use the machine. Make it first, and keep it until the end.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
    _leave: Leave,
}

#[derive(Debug)]
enum Leave {
    Shared {
        _guard: RwLockReadGuard<'static, ()>,
    },
    Alone {
        _guard: RwLockWriteGuard<'static, ()>,
    },
}

impl Stage {
    /// Beside other tests.
    pub async fn shared() -> Self {
        Self::new(Leave::Shared {
            _guard: MACHINE.read().await,
        })
    }

    /// With no other test of this program running.
    pub async fn alone() -> Self {
        Self::new(Leave::Alone {
            _guard: MACHINE.write().await,
        })
    }

    /// The test's folder; it goes with the stage.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn new(leave: Leave) -> Self {
        Self {
            folder: tempfile::Builder::new()
                .prefix("ironbark-test-")
                .tempdir()
                .expect("a temporary folder"),
            _leave: leave,
        }
    }
}
