//! Driver packages as files.

use std::path::PathBuf;

use serde_json::Value;

use crate::{environment, wasm};

/// A package file.
#[derive(Clone, Debug)]
pub struct Package {
    /// Where it is.
    pub path: PathBuf,
}

/// A package that ships, such as `ipmi`.
pub fn shipped(name: &str) -> Package {
    Package::at(environment::drivers().join(format!("{name}.wasm")))
}

/// A package that is made for tests.
pub fn fixture(name: &str) -> Package {
    Package::at(environment::fixtures().join(format!("{name}.wasm")))
}

/// An example, which `cargo xtask example-js` builds.
pub fn example(name: &str) -> Package {
    Package::at(
        environment::target()
            .join("examples")
            .join(format!("{name}.wasm")),
    )
}

impl Package {
    fn at(path: PathBuf) -> Self {
        assert!(
            path.is_file(),
            "{} isn't there: run `cargo xtask build`",
            path.display()
        );
        Self { path }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("a readable package")
    }

    /// Its bytes with other metadata, as a vendor's mistake or malice would have it.
    pub fn edited(&self, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        wasm::with_metadata(&self.bytes(), |metadata| {
            change(metadata);
            true
        })
    }

    /// Its bytes without metadata.
    pub fn bare(&self) -> Vec<u8> {
        wasm::with_metadata(&self.bytes(), |_| false)
    }

    /// Another build of the same: other bytes, the same behaviour.
    pub fn rebuilt(&self, remark: &str) -> Vec<u8> {
        wasm::with_remark(&self.bytes(), remark)
    }
}
