//! Driver packages as files.

use std::path::PathBuf;

use crate::environment;

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

impl Package {
    fn at(path: PathBuf) -> Self {
        assert!(path.is_file(), "{} isn't there: run `cargo xtask build`", path.display());
        Self { path }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("a readable package")
    }
}
