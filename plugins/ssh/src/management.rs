//! The boot device.

use ironbark_driver::{BootDevice, Management, Result};

use crate::{boot_device, hypervisor::Own};

/// The implementation `ssh`.
pub(crate) struct SshManagement;

impl Management for SshManagement {
    fn get_supported_boot_devices(&self) -> Result<Vec<String>> {
        Ok(boot_device::supported())
    }

    fn set_boot_device(&self, device: &str, _persistent: bool) -> Result<()> {
        boot_device::set(&Own, device)
    }

    fn get_boot_device(&self) -> Result<BootDevice> {
        boot_device::get(&Own)
    }
}
