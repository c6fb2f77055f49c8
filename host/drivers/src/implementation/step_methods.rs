//! Steps that a function of their own interface runs: from a step's arguments, which are JSON, to the function's.

use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_sandbox::{
    BiosChange, BiosValue, CallContext, CallError, Completed, DriverError, FirmwareUpdate, Outcome,
    RaidSelection,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Implementation;

/// The contract's bounds on what one step may change.
const MAX_SETTINGS: usize = 1024;
const MAX_UPDATES: usize = 64;
const MAX_URL: usize = 2048;

impl Implementation {
    /// Runs a step that is a method ([`is_method`](ironbark_package::is_method)).
    pub(super) async fn run_method(
        &self,
        context: CallContext,
        step: &str,
        args: &JsonObject,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        match (self.kind(), step) {
            (InterfaceKind::Deploy, _) => self.deploy(context, cursor).await,
            (InterfaceKind::Bios, "apply_configuration") => {
                self.bios_apply_configuration(context, bios_changes(args)?, cursor)
                    .await
            }
            (InterfaceKind::Bios, "factory_reset") => {
                self.bios_factory_reset(context, cursor).await
            }
            (InterfaceKind::Firmware, "update") => {
                self.firmware_update(context, firmware_updates(args)?, cursor)
                    .await
            }
            (InterfaceKind::Raid, "create_configuration") => {
                let selection = read::<Selection>(args)?.or(false);
                self.raid_create_configuration(context, selection, cursor)
                    .await
            }
            (InterfaceKind::Raid, "delete_configuration") => {
                self.raid_delete_configuration(context, cursor).await
            }
            (InterfaceKind::Raid, "apply_configuration") => {
                let selection = read::<Selection>(args)?.or(true);
                let config = raid_config(args)?;
                self.raid_apply_configuration(context, config, selection, cursor)
                    .await
            }
            (kind, step) => {
                Err(DriverError::Unsupported(format!("there is no step '{kind}.{step}'")).into())
            }
        }
    }
}

/// Which volumes a step makes, as far as its arguments say.
#[derive(Deserialize)]
struct Selection {
    create_root_volume: Option<bool>,
    create_nonroot_volumes: Option<bool>,
    delete_existing: Option<bool>,
}

impl Selection {
    fn or(&self, delete_existing: bool) -> RaidSelection {
        RaidSelection {
            create_root_volume: self.create_root_volume.unwrap_or(true),
            create_nonroot_volumes: self.create_nonroot_volumes.unwrap_or(true),
            delete_existing: self.delete_existing.unwrap_or(delete_existing),
        }
    }
}

#[derive(Deserialize)]
struct Settings<T> {
    settings: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    value: Scalar,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    component: String,
    url: String,
    checksum: Option<String>,
    wait: Option<u32>,
}

fn bios_changes(args: &JsonObject) -> Result<Vec<BiosChange>, DriverError> {
    let settings = read::<Settings<Change>>(args)?.settings;
    check_count("settings", settings.len(), MAX_SETTINGS)?;
    Ok(settings
        .into_iter()
        .map(|change| BiosChange {
            name: change.name,
            value: match change.value {
                Scalar::Boolean(yes) => BiosValue::Boolean(yes),
                Scalar::Integer(number) => BiosValue::Integer(number),
                Scalar::Text(text) => BiosValue::Text(text),
            },
        })
        .collect())
}

fn firmware_updates(args: &JsonObject) -> Result<Vec<FirmwareUpdate>, DriverError> {
    let settings = read::<Settings<Update>>(args)?.settings;
    check_count("settings", settings.len(), MAX_UPDATES)?;
    settings
        .into_iter()
        .map(|update| {
            let known = ["http://", "https://", "ftp://"]
                .iter()
                .any(|scheme| update.url.starts_with(scheme));
            if !known || update.url.len() > MAX_URL {
                return Err(DriverError::InvalidParameter(format!(
                    "the firmware of {:?} must come from an http, https or ftp URL of at most {MAX_URL} bytes",
                    update.component
                )));
            }
            Ok(FirmwareUpdate {
                component: update.component,
                url: update.url,
                checksum: update.checksum,
                wait: update.wait,
            })
        })
        .collect()
}

fn raid_config(args: &JsonObject) -> Result<Value, DriverError> {
    match args.get("raid_config") {
        Some(config @ Value::Object(_)) => Ok(config.clone()),
        Some(_) => Err(DriverError::InvalidParameter(
            "the argument 'raid_config' must be an object".to_owned(),
        )),
        None => Err(DriverError::MissingParameter(
            "the argument 'raid_config' is missing".to_owned(),
        )),
    }
}

fn read<T: DeserializeOwned>(args: &JsonObject) -> Result<T, DriverError> {
    T::deserialize(&Value::Object(args.clone())).map_err(|error| {
        DriverError::InvalidParameter(format!("the step's arguments are wrong: {error}"))
    })
}

fn check_count(what: &str, count: usize, most: usize) -> Result<(), DriverError> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(DriverError::InvalidParameter(format!(
            "the argument '{what}' has {count} entries; 1 to {most} are accepted"
        )))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn args(value: &Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn bios_settings_keep_their_types() {
        let settings = json!({"settings": [
            {"name": "a", "value": "1"}, {"name": "b", "value": 1}, {"name": "c", "value": true}
        ]});
        let values: Vec<BiosValue> = bios_changes(&args(&settings))
            .unwrap()
            .into_iter()
            .map(|change| change.value)
            .collect();
        assert_eq!(
            values,
            [
                BiosValue::Text("1".into()),
                BiosValue::Integer(1),
                BiosValue::Boolean(true)
            ]
        );
        for wrong in [
            json!({}),
            json!({"settings": []}),
            json!({"settings": 1}),
            json!({"settings": [{"name": "a"}]}),
            json!({"settings": [{"name": "a", "value": null}]}),
            json!({"settings": [{"name": "a", "value": 1.5}]}),
        ] {
            assert!(bios_changes(&args(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn firmware_comes_from_where_a_bmc_can_fetch_it() {
        let update = |url: &str| json!({"settings": [{"component": "bmc", "url": url, "wait": 5}]});
        assert!(firmware_updates(&args(&update("https://files/bmc.bin"))).is_ok());
        assert!(firmware_updates(&args(&update("file:///etc/shadow"))).is_err());
        assert!(firmware_updates(&args(&json!({"settings": [{"url": "http://a"}]}))).is_err());
    }

    #[test]
    fn raid_deletes_first_only_where_that_is_usual() {
        let nothing_said = read::<Selection>(&JsonObject::new()).unwrap();
        assert!(!nothing_said.or(false).delete_existing);
        assert!(nothing_said.or(true).delete_existing);
        let said = read::<Selection>(&args(
            &json!({"delete_existing": true, "create_root_volume": false}),
        ))
        .unwrap()
        .or(false);
        assert!(said.delete_existing && !said.create_root_volume && said.create_nonroot_volumes);
        assert!(raid_config(&JsonObject::new()).is_err());
    }
}
