//! Boot device and mode, secure boot, indicators, interrupts, sensors, virtual media.

use ironbark_driver::{BootDevice, Management, Result};
use serde_json::Value;

use crate::{
    boot, ethernet, indicators,
    reset::{Reset, reset},
    resource::{text, text_at},
    secure_boot, sensors,
    service::{Host, Service},
    system::System,
    virtual_media,
};

pub(crate) struct RedfishManagement;

impl Management for RedfishManagement {
    fn get_supported_boot_devices(&self) -> Result<Vec<String>> {
        Ok(boot::devices(&System::read(&Host)?))
    }

    fn set_boot_device(&self, device: &str, persistent: bool) -> Result<()> {
        boot::set_device(&Host, device, persistent)
    }

    fn get_boot_device(&self) -> Result<BootDevice> {
        boot::device(&Host)
    }

    fn get_supported_boot_modes(&self) -> Result<Vec<String>> {
        Ok(boot::modes(&System::read(&Host)?))
    }

    fn set_boot_mode(&self, mode: &str) -> Result<()> {
        boot::set_mode(&Host, mode)
    }

    fn get_boot_mode(&self) -> Result<Option<String>> {
        Ok(boot::mode(&System::read(&Host)?))
    }

    fn get_secure_boot_state(&self) -> Result<Option<bool>> {
        secure_boot::state(&Host)
    }

    fn set_secure_boot_state(&self, enabled: bool) -> Result<()> {
        secure_boot::set(&Host, enabled)
    }

    fn get_node_health(&self) -> Result<Option<String>> {
        let system = System::read(&Host)?;
        Ok(text_at(&system.resource, "Status/Health").map(str::to_owned))
    }

    fn get_sensors_data(&self) -> Result<Value> {
        sensors::read_all(&Host)
    }

    fn inject_nmi(&self) -> Result<()> {
        reset(&Host, &System::read(&Host)?, Reset::Interrupt)
    }

    fn get_supported_indicators(&self, component: Option<&str>) -> Result<Value> {
        indicators::supported(&Host, component)
    }

    fn set_indicator_state(&self, component: &str, indicator: &str, state: &str) -> Result<()> {
        indicators::set(&Host, component, indicator, state)
    }

    fn get_indicator_state(&self, component: &str, indicator: &str) -> Result<String> {
        indicators::get(&Host, component, indicator)
    }

    fn detect_vendor(&self) -> Result<Option<String>> {
        detect_vendor(&Host)
    }

    fn get_mac_addresses(&self) -> Result<Vec<String>> {
        ethernet::mac_addresses(&Host)
    }

    fn get_virtual_media(&self) -> Result<Value> {
        virtual_media::list(&Host)
    }

    fn attach_virtual_media(&self, device_type: &str, image_url: &str) -> Result<()> {
        virtual_media::attach(&Host, device_type, image_url)
    }

    fn detach_virtual_media(&self, device_types: &[String]) -> Result<()> {
        virtual_media::detach(&Host, device_types)
    }
}

/// What the service root says, else who made the System.
fn detect_vendor(service: &impl Service) -> Result<Option<String>> {
    let root = service.find("/redfish/v1")?.unwrap_or_default();
    let vendor = match text(&root, "Vendor").map(str::trim) {
        Some(vendor) if !vendor.is_empty() => vendor.to_lowercase(),
        _ => System::read(service)?.manufacturer(),
    };
    Ok(Some(vendor).filter(|vendor| !vendor.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::tests::Scripted;

    #[test]
    fn the_root_names_the_vendor_or_the_system_does() {
        for (root, maker, expected) in [
            (json!({"Vendor": "Acme"}), "Other", Some("acme")),
            (json!({"Vendor": ""}), "Dell Inc.", Some("dell inc.")),
            (json!({}), " ", None),
        ] {
            let service = Scripted::with(
                json!({"/redfish/v1": root, "/redfish/v1/Systems/1": {"Manufacturer": maker}}),
            );
            assert_eq!(detect_vendor(&service).unwrap().as_deref(), expected);
        }
    }
}
