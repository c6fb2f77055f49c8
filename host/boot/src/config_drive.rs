//! The config drive: what an instance reads when it first boots, as OpenStack's metadata on a small ISO 9660 image.
//!
//! A client gives one as an object. It becomes the form in which Ironic keeps it and agents write it: an image labelled
//! `config-2`, compressed with gzip, in base64.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use ironbark_model::JsonObject;
use serde_json::Value;

use crate::iso9660::{Image, IsoError};

/// The image's label, by which an instance finds it.
pub const LABEL: &str = "config-2";

/// The largest image, in bytes: what the partition for it has room for.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// The metadata versions that are written. All have the same content.
const VERSIONS: [&str; 2] = ["2012-08-10", "latest"];

/// Why there is no config drive.
#[derive(Debug, thiserror::Error)]
pub enum ConfigDriveError {
    /// The object doesn't describe one.
    #[error("{0} in a config drive has the wrong type")]
    Malformed(&'static str),
    /// Something in it isn't known.
    #[error("a config drive has no {0:?}")]
    Unknown(String),
    /// It is larger than [`LARGEST`].
    #[error("the config drive is larger than {} MiB", LARGEST / 1024 / 1024)]
    TooLarge,
    /// Our own failure.
    #[error("the config drive could not be written")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The image of the config drive that `drive` describes: `meta_data`, `network_data`, `user_data`, `vendor_data`.
///
/// Metadata that has no `uuid` or `name` gets those of the node.
///
/// # Errors
/// [`ConfigDriveError`]; its text never repeats what the object holds.
pub fn image(
    drive: &JsonObject,
    node_uuid: &str,
    node_name: Option<&str>,
) -> Result<Vec<u8>, ConfigDriveError> {
    let known = ["meta_data", "network_data", "user_data", "vendor_data"];
    if let Some(key) = drive.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(ConfigDriveError::Unknown(key.chars().take(64).collect()));
    }
    let mut meta_data = object(drive, "meta_data")?.cloned().unwrap_or_default();
    meta_data
        .entry("uuid")
        .or_insert_with(|| Value::from(node_uuid));
    if let Some(name) = node_name {
        meta_data.entry("name").or_insert_with(|| Value::from(name));
    }
    let mut files = vec![("meta_data.json", json(&meta_data)?)];
    for (key, file) in [
        ("network_data", "network_data.json"),
        ("vendor_data", "vendor_data2.json"),
    ] {
        if let Some(data) = object(drive, key)? {
            files.push((file, json(data)?));
        }
    }
    match drive.get("user_data") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => files.push(("user_data", text.clone().into_bytes())),
        Some(data @ (Value::Object(_) | Value::Array(_))) => files.push(("user_data", json(data)?)),
        Some(_) => return Err(ConfigDriveError::Malformed("user_data")),
    }
    let paths: Vec<(String, &[u8])> = VERSIONS
        .iter()
        .flat_map(|version| {
            files
                .iter()
                .map(move |(name, content)| (format!("openstack/{version}/{name}"), &content[..]))
        })
        .collect();
    let mut image = Image::new();
    for (path, content) in &paths {
        image.file(path, content).map_err(writing)?;
    }
    image.write(LABEL, LARGEST).map_err(|error| match error {
        IsoError::TooLarge(_) => ConfigDriveError::TooLarge,
        error => writing(error),
    })
}

/// The image as it is kept: gzip in base64.
///
/// # Errors
/// As [`image`].
pub fn encoded(
    drive: &JsonObject,
    node_uuid: &str,
    node_name: Option<&str>,
) -> Result<String, ConfigDriveError> {
    let image = image(drive, node_uuid, node_name)?;
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(&image).map_err(writing)?;
    Ok(STANDARD.encode(compressed.finish().map_err(writing)?))
}

fn object<'a>(
    drive: &'a JsonObject,
    key: &'static str,
) -> Result<Option<&'a JsonObject>, ConfigDriveError> {
    match drive.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(ConfigDriveError::Malformed(key)),
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, ConfigDriveError> {
    serde_json::to_vec(value).map_err(writing)
}

fn writing(error: impl std::error::Error + Send + Sync + 'static) -> ConfigDriveError {
    ConfigDriveError::Write(Box::new(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn drive(value: Value) -> Result<Vec<u8>, ConfigDriveError> {
        image(value.as_object().unwrap(), "u", None)
    }

    #[test]
    fn what_is_no_config_drive_is_refused_without_repeating_it() {
        for (wrong, word) in [
            (json!({"meta_data": "hush"}), "meta_data"),
            (json!({"network_data": ["hush"]}), "network_data"),
            (json!({"user_data": 7}), "user_data"),
            (json!({"bogus": "hush"}), "bogus"),
        ] {
            let refused = drive(wrong).unwrap_err().to_string();
            assert!(
                refused.contains(word) && !refused.contains("hush"),
                "{refused}"
            );
        }
        let large = "x".repeat(LARGEST / 2);
        let refused = drive(json!({"user_data": large})).unwrap_err();
        assert!(matches!(refused, ConfigDriveError::TooLarge));
    }

    #[test]
    fn the_same_description_gives_the_same_bytes() {
        let description =
            json!({"meta_data": {"a": 1}, "user_data": {"b": [2]}, "vendor_data": null});
        assert_eq!(
            drive(description.clone()).unwrap(),
            drive(description).unwrap()
        );
        assert!(drive(json!({})).is_ok());
    }

    proptest! {
        #[test]
        fn every_description_becomes_whole_sectors(text in "\\PC{0,4000}") {
            let made = drive(json!({"user_data": text})).unwrap();
            prop_assert_eq!(made.len() % crate::iso9660::SECTOR, 0);
        }
    }
}
