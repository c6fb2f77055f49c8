//! What `ironbark driver new` writes: a driver that builds, passes its tests and explains itself, and the SDK that it is built with.
//!
//! A vendor has no copy of this repository, so everything is embedded: the template of `rust/`, and below the new folder's
//! `ironbark/` the SDK crate, the contract and the description of the metadata, with the same paths as here, so that all
//! that they say of each other holds there too. This crate may not know the host, nor touch the disk.

#![forbid(unsafe_code)]

mod manifest;
mod name;

use std::borrow::Cow;

pub use manifest::ManifestError;
pub use name::{NameError, check_name};

/// Made by the build script: `SDK` and `TEMPLATE`, path and content of each file.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Where the SDK lies in a driver's folder.
const SDK_FOLDER: &str = "ironbark";
const SDK_MANIFEST: &str = "sdk/rust/Cargo.toml";
/// The workspace that the SDK's manifest takes versions from.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");
/// What the driver of the template is called.
const TEMPLATE_NAME: &str = "acme";

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where, below the driver's folder; with `/` between its parts.
    pub path: String,
    /// What is in it.
    pub contents: Cow<'static, str>,
}

/// Why there is no driver of this name.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The name won't do.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The SDK's manifest can't be made to stand alone: a bug of this program.
    #[error("the SDK in this program is incomplete; please report it")]
    Sdk(#[from] ManifestError),
}

/// The files of a new driver in Rust.
pub fn rust(name: &str) -> Result<Vec<File>, TemplateError> {
    check_name(name)?;
    let mut files: Vec<File> = embedded::TEMPLATE
        .iter()
        .map(|(path, contents)| File {
            path: (*path).to_owned(),
            contents: contents.replace(TEMPLATE_NAME, name).into(),
        })
        .collect();
    for (path, contents) in embedded::SDK {
        files.push(File {
            path: format!("{SDK_FOLDER}/{path}"),
            contents: if *path == SDK_MANIFEST {
                manifest::stand_alone(contents, WORKSPACE)?.into()
            } else {
                Cow::Borrowed(contents)
            },
        });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'a>(files: &'a [File], path: &str) -> &'a str {
        &files
            .iter()
            .find(|file| file.path == path)
            .unwrap()
            .contents
    }

    #[test]
    fn a_driver_bears_its_name_and_no_other() {
        let files = rust("bolt-9").unwrap();
        let metadata = file(&files, "driver.json");
        let metadata = ironbark_package::Metadata::parse(metadata.as_bytes()).unwrap();
        assert_eq!(metadata.name, "bolt-9");
        assert!(file(&files, "Cargo.toml").contains("name = \"bolt-9\""));
        let own = files
            .iter()
            .filter(|file| !file.path.starts_with("ironbark/"));
        for file in own {
            assert!(!file.contents.contains("acme"), "{}", file.path);
        }
    }

    #[test]
    fn versions_of_crate_and_metadata_agree() {
        let files = rust("acme").unwrap();
        let metadata = file(&files, "driver.json");
        let metadata = ironbark_package::Metadata::parse(metadata.as_bytes()).unwrap();
        let version = format!("\nversion = \"{}\"", metadata.version);
        assert!(file(&files, "Cargo.toml").contains(&version));
    }

    #[test]
    fn the_sdk_is_whole_and_stands_alone() {
        let files = rust("acme").unwrap();
        let manifest = file(&files, "ironbark/sdk/rust/Cargo.toml");
        assert!(!manifest.contains("workspace"), "{manifest}");
        for path in [
            "sdk/rust/src/lib.rs",
            "wit/power.wit",
            "docs/driver-metadata.md",
            "LICENSE",
        ] {
            assert!(!file(&files, &format!("ironbark/{path}")).is_empty());
        }
        for file in files {
            assert!(!file.path.contains(".."), "{}", file.path);
            assert!(!file.path.starts_with('/'), "{}", file.path);
        }
    }
}
