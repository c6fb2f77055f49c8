//! Driver packages as they are stored: one WebAssembly component each.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Largest accepted package: 64 MiB.
pub const MAX_PACKAGE_BYTES: usize = 64 * 1024 * 1024;

/// Where a package came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageSource {
    /// Uploaded through the API.
    Api,
    /// Found in the `drivers.d` folder.
    Folder,
    /// Ships with Ironbark.
    Bundled,
}

impl PackageSource {
    /// The string in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Folder => "folder",
            Self::Bundled => "bundled",
        }
    }
}

impl std::str::FromStr for PackageSource {
    type Err = crate::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "api" => Ok(Self::Api),
            "folder" => Ok(Self::Folder),
            "bundled" => Ok(Self::Bundled),
            other => Err(crate::Error::internal(format!(
                "unknown package source {other:?}"
            ))),
        }
    }
}

/// An installed, active package. Its bytes are in a table of their own, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverPackage {
    /// The package's name, from its metadata: unique among active packages.
    pub name: String,
    /// Its version, from its metadata.
    pub version: String,
    /// SHA-256 of the bytes, in lower-case hex.
    pub digest: String,
    /// Size in bytes.
    pub size: i64,
    /// Vendor, from its metadata.
    pub vendor: String,
    /// Capabilities that were granted.
    pub granted: Vec<String>,
    /// Hardware types that it brings.
    pub hardware_types: Vec<String>,
    /// Where it came from.
    pub source: PackageSource,
    /// File name in `drivers.d`, if it came from there.
    pub file: Option<String>,
    /// When it was installed.
    pub created_at: Timestamp,
}
