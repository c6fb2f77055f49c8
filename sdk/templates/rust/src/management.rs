//! The boot device by the system boot options (IPMI 2.0 §28.12, §28.13, table 28-14).

use ironbark_driver::{
    BootDevice, Error, Management, Result,
    ipmi::{CHASSIS, Session},
};

const SET_SYSTEM_BOOT_OPTIONS: u8 = 0x08;
const GET_SYSTEM_BOOT_OPTIONS: u8 = 0x09;
/// The parameter with the boot flags.
const BOOT_FLAGS: u8 = 5;

const VALID: u8 = 0x80;
const PERSISTENT: u8 = 0x40;
/// Bits 5 to 2 of the second byte.
const DEVICE: u8 = 0x3c;

/// Devices by their selector.
const DEVICES: &[(&str, u8)] = &[
    ("pxe", 0x04),
    ("disk", 0x08),
    ("cdrom", 0x14),
    ("bios", 0x18),
];

pub struct BootOptions;

impl Management for BootOptions {
    fn get_supported_boot_devices(&self) -> Result<Vec<String>> {
        Ok(DEVICES.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    fn set_boot_device(&self, device: &str, persistent: bool) -> Result<()> {
        let option = boot_flags(device, persistent)?;
        Session::open()?.request(CHASSIS, SET_SYSTEM_BOOT_OPTIONS, &option)?;
        Ok(())
    }

    fn get_boot_device(&self) -> Result<BootDevice> {
        let question = [BOOT_FLAGS, 0, 0];
        let answer = Session::open()?.request(CHASSIS, GET_SYSTEM_BOOT_OPTIONS, &question)?;
        boot_device(&answer)
    }
}

/// The parameter with its number in front.
fn boot_flags(device: &str, persistent: bool) -> Result<[u8; 6]> {
    let Some((_, selector)) = DEVICES.iter().find(|(name, _)| *name == device) else {
        return Err(Error::invalid_parameter(format!(
            "there is no boot device '{device}'"
        )));
    };
    let flags = if persistent {
        VALID | PERSISTENT
    } else {
        VALID
    };
    Ok([BOOT_FLAGS, flags, *selector, 0, 0, 0])
}

/// What an answer says: version, parameter, and the parameter's bytes. Nothing, if nothing is set.
fn boot_device(answer: &[u8]) -> Result<BootDevice> {
    let [_version, BOOT_FLAGS, flags, selector, ..] = answer else {
        return Err(Error::protocol("these are no boot flags"));
    };
    if flags & VALID == 0 {
        return Ok(BootDevice {
            device: None,
            persistent: None,
        });
    }
    let device = DEVICES
        .iter()
        .find(|(_, known)| *known == selector & DEVICE);
    Ok(BootDevice {
        device: device.map(|(name, _)| (*name).to_owned()),
        persistent: Some(flags & PERSISTENT != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_read() {
        for (device, _) in DEVICES {
            for persistent in [false, true] {
                let mut answer = vec![1];
                answer.extend(boot_flags(device, persistent).unwrap());
                let read = boot_device(&answer).unwrap();
                assert_eq!(read.device.as_deref(), Some(*device));
                assert_eq!(read.persistent, Some(persistent));
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(
            boot_flags("teapot", false),
            Err(Error::InvalidParameter(_))
        ));
        assert!(matches!(boot_device(&[1, 5]), Err(Error::Protocol(_))));
    }
}
