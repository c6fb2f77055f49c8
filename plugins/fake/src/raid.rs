//! Logical disks that are what was asked for last.

use ironbark_driver::{Error, Outcome, Raid, RaidSelection, Result, call, state};
use serde_json::{Value, json};

const NOTE: &str = "raid_config";

/// What may be said of a logical disk, and what it means.
const PROPERTIES: &[(&str, &str)] = &[
    (
        "raid_level",
        "RAID level: JBOD, 0, 1, 2, 5, 6, 1+0, 5+0 or 6+0. Required.",
    ),
    (
        "size_gb",
        "Size in GiB, or MAX for all the space that is left. Required.",
    ),
    ("volume_name", "Name of the volume."),
    (
        "is_root_volume",
        "Whether the instance's image goes there. At most one disk.",
    ),
    (
        "share_physical_disks",
        "Whether other logical disks may use the same physical disks.",
    ),
    ("disk_type", "Type of the physical disks: hdd or ssd."),
    (
        "interface_type",
        "Interface of the physical disks: sata, scsi or sas.",
    ),
    (
        "number_of_physical_disks",
        "How many physical disks it is made of.",
    ),
    ("controller", "Name of the controller."),
    (
        "physical_disks",
        "Which physical disks it is made of. Needs controller.",
    ),
];

pub(crate) struct FakeRaid;

impl Raid for FakeRaid {
    fn create_configuration(
        &self,
        selection: RaidSelection,
        _cursor: Option<&str>,
    ) -> Result<Outcome> {
        let node = call::node()?;
        make(
            node.get("target_raid_config").unwrap_or(&Value::Null),
            selection,
        )
    }

    fn delete_configuration(&self, _cursor: Option<&str>) -> Result<Outcome> {
        state::set(NOTE, &json!({"logical_disks": []}))?;
        Ok(Outcome::Done)
    }

    fn apply_configuration(
        &self,
        config: &str,
        selection: RaidSelection,
        _cursor: Option<&str>,
    ) -> Result<Outcome> {
        make(&serde_json::from_str(config)?, selection)
    }

    fn get_raid_config(&self) -> Result<Option<Value>> {
        state::get(NOTE)
    }

    fn get_logical_disk_properties(&self) -> Result<Value> {
        let described = PROPERTIES
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Value::from(*text)));
        Ok(Value::Object(described.collect()))
    }
}

fn make(wanted: &Value, selection: RaidSelection) -> Result<Outcome> {
    let wanted = selected(wanted, selection)?;
    let mut disks = match state::get::<Value>(NOTE)? {
        Some(known) if !selection.delete_existing => disks_of(&known),
        _ => Vec::new(),
    };
    disks.extend(wanted);
    state::set(NOTE, &json!({"logical_disks": disks}))?;
    Ok(Outcome::Done)
}

/// The disks of `config` that are selected.
fn selected(config: &Value, selection: RaidSelection) -> Result<Vec<Value>> {
    let disks = disks_of(config);
    if disks.is_empty() {
        return Err(Error::missing_parameter(
            "there are no logical disks to be made: set the node's target RAID configuration",
        ));
    }
    let is_wanted = |disk: &Value| {
        if disk.get("is_root_volume") == Some(&Value::Bool(true)) {
            selection.create_root_volume
        } else {
            selection.create_nonroot_volumes
        }
    };
    Ok(disks.into_iter().filter(is_wanted).collect())
}

fn disks_of(config: &Value) -> Vec<Value> {
    config
        .get("logical_disks")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_selected_volumes_are_made() {
        let config = json!({"logical_disks": [{"is_root_volume": true}, {"size_gb": 1}]});
        let only = |root, others| RaidSelection {
            create_root_volume: root,
            create_nonroot_volumes: others,
            delete_existing: false,
        };
        assert_eq!(
            selected(&config, only(true, false)),
            Ok(vec![json!({"is_root_volume": true})])
        );
        assert_eq!(
            selected(&config, only(false, true)),
            Ok(vec![json!({"size_gb": 1})])
        );
        assert!(matches!(
            selected(&json!({}), only(true, true)),
            Err(Error::MissingParameter(_))
        ));
    }
}
