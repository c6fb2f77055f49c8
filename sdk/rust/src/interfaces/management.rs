//! `management`.

use serde_json::Value;

use crate::{
    Error, Result,
    bindings::management::exports::ironbark::driver::management,
    register::{Registered, Registry, called, not_supported},
};

pub use management::BootDevice;

/// Boot device and mode, sensors, indicators, health, virtual media. What isn't overridden is `unsupported`.
pub trait Management: Sync {
    /// Whether `driver_info` has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// The boot devices that this machine can be set to: `pxe`, `disk`, `cdrom`, `bios`, `safe`, …
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_supported_boot_devices(&self) -> Result<Vec<String>>;

    /// Sets the boot device for the next boot, or for all.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn set_boot_device(&self, device: &str, persistent: bool) -> Result<()> {
        let _ = (device, persistent);
        not_supported("set_boot_device")
    }

    /// The boot device that is set.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_boot_device(&self) -> Result<BootDevice> {
        not_supported("get_boot_device")
    }

    /// The boot modes that this machine can be set to: `bios`, `uefi`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_supported_boot_modes(&self) -> Result<Vec<String>> {
        not_supported("get_supported_boot_modes")
    }

    /// Sets the boot mode.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn set_boot_mode(&self, mode: &str) -> Result<()> {
        let _ = mode;
        not_supported("set_boot_mode")
    }

    /// The boot mode; `None` if it isn't known.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_boot_mode(&self) -> Result<Option<String>> {
        not_supported("get_boot_mode")
    }

    /// Whether secure boot is on; `None` if it isn't known.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_secure_boot_state(&self) -> Result<Option<bool>> {
        not_supported("get_secure_boot_state")
    }

    /// Switches secure boot.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn set_secure_boot_state(&self, enabled: bool) -> Result<()> {
        let _ = enabled;
        not_supported("set_secure_boot_state")
    }

    /// `OK`, `Warning` or `Critical`; `None` if it isn't known.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_node_health(&self) -> Result<Option<String>> {
        not_supported("get_node_health")
    }

    /// Sensor readings: `{"<type>": {"<id>": {"Sensor Reading": "…", …}}}`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_sensors_data(&self) -> Result<Value> {
        not_supported("get_sensors_data")
    }

    /// Raises a non-maskable interrupt.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn inject_nmi(&self) -> Result<()> {
        not_supported("inject_nmi")
    }

    /// Indicators of one component, or of all: `{"<component>": {"<id>": {"readonly": bool, "states": […]}}}`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_supported_indicators(&self, component: Option<&str>) -> Result<Value> {
        let _ = component;
        not_supported("get_supported_indicators")
    }

    /// Sets an indicator to `on`, `off` or `blinking`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn set_indicator_state(&self, component: &str, indicator: &str, state: &str) -> Result<()> {
        let _ = (component, indicator, state);
        not_supported("set_indicator_state")
    }

    /// An indicator's state: `on`, `off`, `blinking` or `unknown`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_indicator_state(&self, component: &str, indicator: &str) -> Result<String> {
        let _ = (component, indicator);
        not_supported("get_indicator_state")
    }

    /// The machine's vendor, in lower case; `None` if it isn't known.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn detect_vendor(&self) -> Result<Option<String>> {
        not_supported("detect_vendor")
    }

    /// MAC addresses of the machine's enabled network interfaces.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_mac_addresses(&self) -> Result<Vec<String>> {
        not_supported("get_mac_addresses")
    }

    /// Virtual media devices: `[{"media_types": […], "inserted": bool, "image": "…"}]`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_virtual_media(&self) -> Result<Value> {
        not_supported("get_virtual_media")
    }

    /// Attaches an image to a device of type `cdrom`, `disk` or `floppy`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn attach_virtual_media(&self, device_type: &str, image_url: &str) -> Result<()> {
        let _ = (device_type, image_url);
        not_supported("attach_virtual_media")
    }

    /// Detaches what is attached to devices of these types; an empty list means all.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn detach_virtual_media(&self, device_types: &[String]) -> Result<()> {
        let _ = device_types;
        not_supported("detach_virtual_media")
    }
}

impl<Package: Registry<dyn Management>> management::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Management>("management")?.validate()
    }

    fn get_supported_boot_devices() -> Result<Vec<String>, Error> {
        called::<Package, dyn Management>("management")?.get_supported_boot_devices()
    }

    fn set_boot_device(device: String, persistent: bool) -> Result<(), Error> {
        called::<Package, dyn Management>("management")?.set_boot_device(&device, persistent)
    }

    fn get_boot_device() -> Result<BootDevice, Error> {
        called::<Package, dyn Management>("management")?.get_boot_device()
    }

    fn get_supported_boot_modes() -> Result<Vec<String>, Error> {
        called::<Package, dyn Management>("management")?.get_supported_boot_modes()
    }

    fn set_boot_mode(mode: String) -> Result<(), Error> {
        called::<Package, dyn Management>("management")?.set_boot_mode(&mode)
    }

    fn get_boot_mode() -> Result<Option<String>, Error> {
        called::<Package, dyn Management>("management")?.get_boot_mode()
    }

    fn get_secure_boot_state() -> Result<Option<bool>, Error> {
        called::<Package, dyn Management>("management")?.get_secure_boot_state()
    }

    fn set_secure_boot_state(enabled: bool) -> Result<(), Error> {
        called::<Package, dyn Management>("management")?.set_secure_boot_state(enabled)
    }

    fn get_node_health() -> Result<Option<String>, Error> {
        called::<Package, dyn Management>("management")?.get_node_health()
    }

    fn get_sensors_data() -> Result<String, Error> {
        Ok(called::<Package, dyn Management>("management")?
            .get_sensors_data()?
            .to_string())
    }

    fn inject_nmi() -> Result<(), Error> {
        called::<Package, dyn Management>("management")?.inject_nmi()
    }

    fn get_supported_indicators(component: Option<String>) -> Result<String, Error> {
        Ok(called::<Package, dyn Management>("management")?
            .get_supported_indicators(component.as_deref())?
            .to_string())
    }

    fn set_indicator_state(
        component: String,
        indicator: String,
        state: String,
    ) -> Result<(), Error> {
        called::<Package, dyn Management>("management")?
            .set_indicator_state(&component, &indicator, &state)
    }

    fn get_indicator_state(component: String, indicator: String) -> Result<String, Error> {
        called::<Package, dyn Management>("management")?.get_indicator_state(&component, &indicator)
    }

    fn detect_vendor() -> Result<Option<String>, Error> {
        called::<Package, dyn Management>("management")?.detect_vendor()
    }

    fn get_mac_addresses() -> Result<Vec<String>, Error> {
        called::<Package, dyn Management>("management")?.get_mac_addresses()
    }

    fn get_virtual_media() -> Result<String, Error> {
        Ok(called::<Package, dyn Management>("management")?
            .get_virtual_media()?
            .to_string())
    }

    fn attach_virtual_media(device_type: String, image_url: String) -> Result<(), Error> {
        called::<Package, dyn Management>("management")?
            .attach_virtual_media(&device_type, &image_url)
    }

    fn detach_virtual_media(device_types: Vec<String>) -> Result<(), Error> {
        called::<Package, dyn Management>("management")?.detach_virtual_media(&device_types)
    }
}
