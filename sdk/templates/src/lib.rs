//! What `ironbark driver new` writes: a driver that builds, passes its tests and explains itself, and the SDK that it is built with.
//!
//! A vendor has no copy of this repository, so everything is embedded: the templates of `rust/` and `javascript/`, and below the new
//! folder's `ironbark/` the SDK crate, the contract and the description of the metadata, with the same paths as here, so that all
//! that they say of each other holds there too. This crate may not know the host, nor touch the disk.

#![forbid(unsafe_code)]

mod manifest;
mod name;

use std::borrow::Cow;

pub use manifest::ManifestError;
pub use name::{NameError, check_name};

/// Made by the build script: `SDK`, and a template for each language: path and content of each file.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Where the SDK lies in a driver's folder.
const SDK_FOLDER: &str = "ironbark";
const SDK_CRATE: &str = "sdk/rust/";
const SDK_MANIFEST: &str = "sdk/rust/Cargo.toml";
/// Where the contract lies in a folder that has no SDK.
const CONTRACT_FOLDER: &str = "wit/deps/ironbark-driver";
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

/// What a driver can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate, with the SDK crate as a path dependency.
    Rust,
    /// A module that jco makes a component of; it has the contract alone, and no SDK.
    JavaScript,
}

/// The files of a new driver.
pub fn new_driver(language: Language, name: &str) -> Result<Vec<File>, TemplateError> {
    check_name(name)?;
    let template = match language {
        Language::Rust => embedded::RUST,
        Language::JavaScript => embedded::JAVASCRIPT,
    };
    let mut files: Vec<File> = template
        .iter()
        .map(|(path, contents)| File {
            path: (*path).to_owned(),
            contents: contents.replace(TEMPLATE_NAME, name).into(),
        })
        .collect();
    for (path, contents) in embedded::SDK {
        files.extend(match language {
            Language::Rust => Some(rust_file(path, contents)?),
            Language::JavaScript => javascript_file(path, contents),
        });
    }
    Ok(files)
}

fn rust_file(path: &str, contents: &'static str) -> Result<File, ManifestError> {
    Ok(File {
        path: format!("{SDK_FOLDER}/{path}"),
        contents: if path == SDK_MANIFEST {
            manifest::stand_alone(contents, WORKSPACE)?.into()
        } else {
            Cow::Borrowed(contents)
        },
    })
}

/// The contract where tools look for it, and what isn't Rust.
fn javascript_file(path: &str, contents: &'static str) -> Option<File> {
    let path = match path.strip_prefix("wit/") {
        Some(file) => format!("{CONTRACT_FOLDER}/{file}"),
        None if path.starts_with(SDK_CRATE) => return None,
        None => format!("{SDK_FOLDER}/{path}"),
    };
    Some(File {
        path,
        contents: Cow::Borrowed(contents),
    })
}

#[cfg(test)]
mod tests {
    use ironbark_package::Metadata;

    use super::*;

    fn file<'a>(files: &'a [File], path: &str) -> &'a str {
        &files
            .iter()
            .find(|file| file.path == path)
            .unwrap()
            .contents
    }

    const LANGUAGES: [(Language, &str); 2] = [
        (Language::Rust, "Cargo.toml"),
        (Language::JavaScript, "package.json"),
    ];

    #[test]
    fn a_driver_bears_its_name_and_no_other() {
        for (language, manifest) in LANGUAGES {
            let files = new_driver(language, "bolt-9").unwrap();
            let metadata = Metadata::parse(file(&files, "driver.json").as_bytes()).unwrap();
            assert_eq!(metadata.name, "bolt-9");
            assert!(file(&files, manifest).contains("\"bolt-9\""));
            let embedded = |file: &&File| file.path.contains("ironbark");
            for file in files.iter().filter(|file| !embedded(file)) {
                assert!(!file.contents.contains("acme"), "{}", file.path);
            }
        }
    }

    #[test]
    fn versions_of_manifest_and_metadata_agree() {
        for (language, manifest) in LANGUAGES {
            let files = new_driver(language, "acme").unwrap();
            let metadata = Metadata::parse(file(&files, "driver.json").as_bytes()).unwrap();
            let version = format!("\"{}\"", metadata.version);
            let line = file(&files, manifest).lines().find(|line| {
                let key = line.trim_start().trim_start_matches('"');
                key.starts_with("version")
            });
            assert!(line.unwrap().contains(&version), "{manifest}");
        }
    }

    #[test]
    fn a_module_has_the_contract_and_no_crate() {
        let files = new_driver(Language::JavaScript, "acme").unwrap();
        assert!(!file(&files, "wit/deps/ironbark-driver/power.wit").is_empty());
        assert!(files.iter().all(|file| !file.path.ends_with(".rs")));
    }

    #[test]
    fn the_sdk_is_whole_and_stands_alone() {
        let files = new_driver(Language::Rust, "acme").unwrap();
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
