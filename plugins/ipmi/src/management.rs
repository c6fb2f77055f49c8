//! Boot device, NMI, sensors and vendor.

use ironbark_driver::{BootDevice, Management, Result, call, ipmi::Session};
use serde_json::Value;

use crate::{
    boot_device, boot_flags,
    chassis::{self, Control},
    manufacturer, sensors,
};

pub(crate) struct IpmiManagement;

impl Management for IpmiManagement {
    fn validate(&self) -> Result<()> {
        boot_device::Switches::of(&call::node()?).map(drop)
    }

    fn get_supported_boot_devices(&self) -> Result<Vec<String>> {
        Ok(boot_flags::devices())
    }

    fn set_boot_device(&self, device: &str, persistent: bool) -> Result<()> {
        boot_device::set(device, persistent)
    }

    fn get_boot_device(&self) -> Result<BootDevice> {
        boot_device::get()
    }

    fn get_sensors_data(&self) -> Result<Value> {
        sensors::read_all(&Session::open()?)
    }

    fn inject_nmi(&self) -> Result<()> {
        chassis::control(&Session::open()?, Control::Diagnostic)
    }

    fn detect_vendor(&self) -> Result<Option<String>> {
        manufacturer::detect(&Session::open()?)
    }
}
