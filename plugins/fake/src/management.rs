//! Management that remembers what was set.

use ironbark_driver::{BootDevice, Error, Management, Result, call, state};
use serde_json::{Value, json};

use crate::{media, sensors};

const BOOT_DEVICES: &[&str] = &["pxe"];
const BOOT_MODES: &[&str] = &["bios", "uefi"];

/// A small light on the machine.
struct Indicator {
    component: &'static str,
    id: &'static str,
    readonly: bool,
    states: &'static [&'static str],
}

const INDICATORS: &[Indicator] = &[
    Indicator {
        component: "chassis",
        id: "led-0",
        readonly: true,
        states: &["off", "on"],
    },
    Indicator {
        component: "system",
        id: "led",
        readonly: false,
        states: &["blinking", "off", "on"],
    },
];

pub(crate) struct FakeManagement;

impl Management for FakeManagement {
    fn get_supported_boot_devices(&self) -> Result<Vec<String>> {
        Ok(owned(BOOT_DEVICES))
    }

    fn set_boot_device(&self, device: &str, persistent: bool) -> Result<()> {
        one_of("boot device", device, BOOT_DEVICES)?;
        state::set("boot_device", &(device, persistent))
    }

    fn get_boot_device(&self) -> Result<BootDevice> {
        let (device, persistent) =
            state::get("boot_device")?.unwrap_or_else(|| ("pxe".to_owned(), false));
        Ok(BootDevice {
            device: Some(device),
            persistent: Some(persistent),
        })
    }

    fn get_supported_boot_modes(&self) -> Result<Vec<String>> {
        Ok(owned(BOOT_MODES))
    }

    fn set_boot_mode(&self, mode: &str) -> Result<()> {
        one_of("boot mode", mode, BOOT_MODES)?;
        state::set("boot_mode", mode)
    }

    fn get_boot_mode(&self) -> Result<Option<String>> {
        state::get("boot_mode")
    }

    fn get_secure_boot_state(&self) -> Result<Option<bool>> {
        state::get("secure_boot")
    }

    fn set_secure_boot_state(&self, enabled: bool) -> Result<()> {
        state::set("secure_boot", &enabled)
    }

    fn get_node_health(&self) -> Result<Option<String>> {
        Ok(Some("OK".to_owned()))
    }

    fn get_sensors_data(&self) -> Result<Value> {
        let node = call::node()?;
        Ok(sensors::read(node.power_state() == Some("power on")))
    }

    fn inject_nmi(&self) -> Result<()> {
        Ok(())
    }

    fn get_supported_indicators(&self, component: Option<&str>) -> Result<Value> {
        Ok(describe(component))
    }

    fn set_indicator_state(&self, component: &str, indicator: &str, state: &str) -> Result<()> {
        let found = find(component, indicator)?;
        if found.readonly {
            return Err(Error::unsupported(format!(
                "the indicator '{indicator}' of '{component}' can only be read"
            )));
        }
        one_of("indicator state", state, found.states)?;
        state::set(&note(found), state)
    }

    fn get_indicator_state(&self, component: &str, indicator: &str) -> Result<String> {
        let found = find(component, indicator)?;
        Ok(state::get(&note(found))?.unwrap_or_else(|| "on".to_owned()))
    }

    fn detect_vendor(&self) -> Result<Option<String>> {
        Ok(None)
    }

    fn get_virtual_media(&self) -> Result<Value> {
        media::list()
    }

    fn attach_virtual_media(&self, device_type: &str, image_url: &str) -> Result<()> {
        media::attach(device_type, image_url)
    }

    fn detach_virtual_media(&self, device_types: &[String]) -> Result<()> {
        media::detach(device_types)
    }
}

fn describe(component: Option<&str>) -> Value {
    let mut components = json!({});
    for indicator in INDICATORS {
        if component.is_none_or(|wanted| wanted == indicator.component) {
            let described = json!({"readonly": indicator.readonly, "states": indicator.states});
            if let Some(all) = components.as_object_mut() {
                all.insert(
                    indicator.component.to_owned(),
                    json!({indicator.id: described}),
                );
            }
        }
    }
    components
}

fn find(component: &str, id: &str) -> Result<&'static Indicator> {
    INDICATORS
        .iter()
        .find(|indicator| indicator.component == component && indicator.id == id)
        .ok_or_else(|| Error::invalid_parameter(format!("'{component}' has no indicator '{id}'")))
}

fn note(indicator: &Indicator) -> String {
    format!("indicator {}@{}", indicator.id, indicator.component)
}

fn one_of(what: &str, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Error::invalid_parameter(format!(
        "there is no {what} '{value}': it must be one of {}",
        allowed.join(", ")
    )))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indicators_are_grouped_by_component() {
        assert_eq!(
            describe(None),
            json!({
                "chassis": {"led-0": {"readonly": true, "states": ["off", "on"]}},
                "system": {"led": {"readonly": false, "states": ["blinking", "off", "on"]}},
            })
        );
        assert_eq!(
            describe(Some("system")),
            json!({"system": {"led": {"readonly": false, "states": ["blinking", "off", "on"]}}})
        );
        assert_eq!(describe(Some("disk")), json!({}));
    }

    #[test]
    fn what_is_not_there_is_an_invalid_parameter() {
        assert!(matches!(
            find("chassis", "led").err(),
            Some(Error::InvalidParameter(_))
        ));
        assert!(one_of("boot device", "disk", BOOT_DEVICES).is_err());
        assert!(one_of("boot device", "pxe", BOOT_DEVICES).is_ok());
    }
}
