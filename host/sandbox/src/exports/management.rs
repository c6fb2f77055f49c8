//! `management`.

use serde_json::Value;

use super::convert::{json, maybe_name, name, names};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::management as wit;
use crate::{BootDevice, CallContext, CallError, Completed, Driver};

impl Driver {
    /// Whether the node has what its management implementation needs.
    pub async fn management_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, management.call_validate())
    }

    /// The boot devices that this machine can be set to.
    pub async fn get_supported_boot_devices(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_supported_boot_devices()
        );
        checked!(self, completed, |found| names(
            "get-supported-boot-devices",
            found
        ))
    }

    /// Sets the boot device for the next boot, or for all.
    pub async fn set_boot_device(
        &self,
        implementation: &str,
        context: CallContext,
        device: String,
        persistent: bool,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_set_boot_device(&device, persistent)
        )
    }

    /// The boot device that is set.
    pub async fn get_boot_device(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<BootDevice>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_boot_device()
        );
        checked!(self, completed, |found: wit::BootDevice| {
            maybe_name("get-boot-device", found.device).map(|device| BootDevice {
                device,
                persistent: found.persistent,
            })
        })
    }

    /// The boot modes that this machine can be set to.
    pub async fn get_supported_boot_modes(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_supported_boot_modes()
        );
        checked!(self, completed, |found| names(
            "get-supported-boot-modes",
            found
        ))
    }

    /// Sets the boot mode.
    pub async fn set_boot_mode(
        &self,
        implementation: &str,
        context: CallContext,
        mode: String,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_set_boot_mode(&mode)
        )
    }

    /// The boot mode; `None` if it isn't known.
    pub async fn get_boot_mode(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Option<String>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_boot_mode()
        );
        checked!(self, completed, |found| maybe_name("get-boot-mode", found))
    }

    /// Whether secure boot is on; `None` if it isn't known.
    pub async fn get_secure_boot_state(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Option<bool>>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_get_secure_boot_state()
        )
    }

    /// Switches secure boot.
    pub async fn set_secure_boot_state(
        &self,
        implementation: &str,
        context: CallContext,
        enabled: bool,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_set_secure_boot_state(enabled)
        )
    }

    /// `OK`, `Warning` or `Critical`; `None` if it isn't known.
    pub async fn get_node_health(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Option<String>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_node_health()
        );
        checked!(self, completed, |found| maybe_name(
            "get-node-health",
            found
        ))
    }

    /// Sensor readings, by type and identifier.
    pub async fn get_sensors_data(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Value>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_sensors_data()
        );
        checked!(self, completed, |text: String| json(
            "get-sensors-data",
            &text
        ))
    }

    /// Raises a non-maskable interrupt.
    pub async fn inject_nmi(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, management.call_inject_nmi())
    }

    /// Indicators of one component, or of all.
    pub async fn get_supported_indicators(
        &self,
        implementation: &str,
        context: CallContext,
        component: Option<String>,
    ) -> Result<Completed<Value>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_supported_indicators(component.as_deref())
        );
        checked!(self, completed, |text: String| json(
            "get-supported-indicators",
            &text
        ))
    }

    /// Sets an indicator to `on`, `off` or `blinking`.
    pub async fn set_indicator_state(
        &self,
        implementation: &str,
        context: CallContext,
        component: String,
        indicator: String,
        state: String,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_set_indicator_state(&component, &indicator, &state)
        )
    }

    /// An indicator's state: `on`, `off`, `blinking` or `unknown`.
    pub async fn get_indicator_state(
        &self,
        implementation: &str,
        context: CallContext,
        component: String,
        indicator: String,
    ) -> Result<Completed<String>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_indicator_state(&component, &indicator)
        );
        checked!(self, completed, |found| name("get-indicator-state", found))
    }

    /// The machine's vendor, in lower case; `None` if it isn't known.
    pub async fn detect_vendor(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Option<String>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_detect_vendor()
        );
        checked!(self, completed, |found| maybe_name("detect-vendor", found))
    }

    /// MAC addresses of the machine's enabled network interfaces.
    pub async fn get_mac_addresses(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_mac_addresses()
        );
        checked!(self, completed, |found| names("get-mac-addresses", found))
    }

    /// Virtual media devices.
    pub async fn get_virtual_media(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Value>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            management.call_get_virtual_media()
        );
        checked!(self, completed, |text: String| json(
            "get-virtual-media",
            &text
        ))
    }

    /// Attaches an image to a device of type `cdrom`, `disk` or `floppy`.
    pub async fn attach_virtual_media(
        &self,
        implementation: &str,
        context: CallContext,
        device_type: String,
        image_url: String,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_attach_virtual_media(&device_type, &image_url)
        )
    }

    /// Detaches what is attached to devices of these types; none given means all.
    pub async fn detach_virtual_media(
        &self,
        implementation: &str,
        context: CallContext,
        device_types: Vec<String>,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            management.call_detach_virtual_media(&device_types)
        )
    }
}
