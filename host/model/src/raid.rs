//! The form of a RAID configuration: what a `target_raid_config` may be.

use serde_json::Value;

use crate::{Error, JsonObject, Result};

const LEVELS: &[&str] = &["JBOD", "0", "1", "2", "5", "6", "1+0", "5+0", "6+0"];
const DISK_TYPES: &[&str] = &["hdd", "ssd"];
const INTERFACE_TYPES: &[&str] = &["sata", "scsi", "sas"];

/// Most logical disks of one configuration: our own bound.
const MAX_DISKS: usize = 1024;

/// Checks `{"logical_disks": […]}`.
///
/// # Errors
/// `InvalidParameter` with what is wrong, and at which disk.
pub fn check_config(config: &JsonObject) -> Result<()> {
    if let Some(unknown) = config.keys().find(|key| *key != "logical_disks") {
        return Err(invalid(&format!(
            "'{unknown}' is unknown; there is only 'logical_disks'"
        )));
    }
    let disks = config
        .get("logical_disks")
        .and_then(Value::as_array)
        .filter(|disks| (1..=MAX_DISKS).contains(&disks.len()))
        .ok_or_else(|| {
            invalid(&format!(
                "'logical_disks' must be a list of 1 to {MAX_DISKS} disks"
            ))
        })?;
    for (index, disk) in disks.iter().enumerate() {
        check_disk(disk).map_err(|reason| invalid(&format!("logical disk {index}: {reason}")))?;
    }
    let is_root = |disk: &&Value| disk.get("is_root_volume") == Some(&Value::Bool(true));
    if disks.iter().filter(is_root).count() > 1 {
        return Err(invalid("only one logical disk can be the 'is_root_volume'"));
    }
    Ok(())
}

fn check_disk(disk: &Value) -> Result<(), String> {
    let disk = disk.as_object().ok_or("it must be an object")?;
    for needed in ["raid_level", "size_gb"] {
        if !disk.contains_key(needed) {
            return Err(format!("'{needed}' is missing"));
        }
    }
    if disk.contains_key("physical_disks") && !disk.contains_key("controller") {
        return Err("'physical_disks' needs 'controller'".to_owned());
    }
    for (key, value) in disk {
        let expected = expected(key, value)
            .map_err(|()| format!("'{key}' is no property of a logical disk"))?;
        if let Some(expected) = expected {
            return Err(format!("'{key}' must be {expected}"));
        }
    }
    Ok(())
}

/// What the value of `key` must be and is not; an error if there is no such key.
fn expected(key: &str, value: &Value) -> Result<Option<String>, ()> {
    let one_of = |words: &[&str]| {
        let known = value.as_str().is_some_and(|word| words.contains(&word));
        (!known).then(|| format!("one of {}", words.join(", ")))
    };
    let unless = |fits: bool, what: &str| (!fits).then(|| what.to_owned());
    Ok(match key {
        "raid_level" => one_of(LEVELS),
        "disk_type" => one_of(DISK_TYPES),
        "interface_type" => one_of(INTERFACE_TYPES),
        "size_gb" => unless(
            value.is_u64() || value.as_str() == Some("MAX"),
            "a whole number from 0, or \"MAX\"",
        ),
        "number_of_physical_disks" => unless(
            value.as_u64().is_some_and(|number| number > 0),
            "a whole number from 1",
        ),
        "is_root_volume" | "share_physical_disks" => unless(value.is_boolean(), "true or false"),
        "volume_name" | "controller" => unless(value.is_string(), "text"),
        "physical_disks" => unless(value.is_array(), "a list"),
        _ => return Err(()),
    })
}

fn invalid(reason: &str) -> Error {
    Error::invalid(format!("The RAID configuration is wrong: {reason}."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(config: &Value) -> Result<()> {
        check_config(config.as_object().unwrap())
    }

    #[test]
    fn what_ironic_accepts_is_accepted() {
        let full = json!({"logical_disks": [
            {"raid_level": "5+0", "size_gb": 100, "is_root_volume": true, "volume_name": "v", "share_physical_disks": false,
             "disk_type": "ssd", "interface_type": "sas", "number_of_physical_disks": 6, "controller": "c",
             "physical_disks": ["a", "b"]},
            {"raid_level": "JBOD", "size_gb": "MAX"},
        ]});
        check(&full).unwrap();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let disk = |more: Value| {
            let mut disk = json!({"raid_level": "1", "size_gb": 1});
            for (key, value) in more.as_object().unwrap() {
                disk.as_object_mut()
                    .unwrap()
                    .insert(key.clone(), value.clone());
            }
            json!({"logical_disks": [disk]})
        };
        for (config, word) in [
            (json!({}), "logical_disks"),
            (json!({"logical_disks": []}), "logical_disks"),
            (json!({"logical_disks": [1]}), "object"),
            (json!({"logical_disks": [{"size_gb": 1}]}), "raid_level"),
            (json!({"logical_disks": [{"raid_level": "1"}]}), "size_gb"),
            (json!({"logical_disks": [], "x": 1}), "'x'"),
            (disk(json!({"raid_level": "7"})), "one of"),
            (disk(json!({"size_gb": -1})), "size_gb"),
            (disk(json!({"size_gb": "max"})), "size_gb"),
            (disk(json!({"number_of_physical_disks": 0})), "from 1"),
            (disk(json!({"is_root_volume": "yes"})), "true or false"),
            (disk(json!({"physical_disks": ["a"]})), "controller"),
            (disk(json!({"colour": "red"})), "colour"),
            (
                json!({"logical_disks": [
                    {"raid_level": "1", "size_gb": 1, "is_root_volume": true},
                    {"raid_level": "1", "size_gb": 1, "is_root_volume": true},
                ]}),
                "only one",
            ),
        ] {
            let error = check(&config).unwrap_err();
            assert!(error.message().contains(word), "{config}: {error}");
        }
    }
}
