//! Setting and reading the boot device, and remembering it for BMCs that forget.

use ironbark_driver::{
    BootDevice, Error, Node, Result, call,
    ipmi::{CHASSIS, Session, completion_error},
    log, state,
};

use crate::{
    bmc::Bmc,
    boot_flags::{self, BootMode},
};

const SET_SYSTEM_BOOT_OPTIONS: u8 = 0x08;
const GET_SYSTEM_BOOT_OPTIONS: u8 = 0x09;
/// Parameter "BMC boot flag valid bit clearing" with bit 3: keep the flags when 60 seconds pass without a restart.
const KEEP_FLAGS: [u8; 2] = [0x03, 0x08];
const BOOT_FLAGS: u8 = 0x05;

/// Note: the device that holds for every boot.
const PERSISTENT_DEVICE: &str = "persistent_boot_device";
/// Note: the next boot is from another device than that.
const NEXT_BOOT_DIFFERS: &str = "next_boot_differs";

/// What `driver_info` says about boot devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Set the device again before each power on.
    force: bool,
    /// Tell the BMC to keep the flags beyond 60 seconds.
    keep_flags: bool,
}

impl Switches {
    /// Reads them.
    ///
    /// # Errors
    /// `invalid-parameter` if one is not a switch.
    pub(crate) fn of(node: &Node) -> Result<Self> {
        let info = node.driver_info();
        Ok(Self {
            force: info.switch("ipmi_force_boot_device")?.unwrap_or(false),
            keep_flags: info.switch("ipmi_disable_boot_timeout")?.unwrap_or(true),
        })
    }
}

/// Sets the device for the next boot or, if `persistent`, for all.
pub(crate) fn set(device: &str, persistent: bool) -> Result<()> {
    let node = call::node()?;
    let switches = Switches::of(&node)?;
    // With `force` the flag for one boot is enough, as it is sent before every power on: some BMCs have no other.
    let flags = flags(&node, device, persistent && !switches.force)?;
    if switches.force {
        if persistent {
            state::set(PERSISTENT_DEVICE, device)?;
            state::delete(NEXT_BOOT_DIFFERS)?;
        } else {
            state::set(NEXT_BOOT_DIFFERS, &true)?;
        }
    }
    send(&Session::open()?, switches, flags)
}

/// The device that is set.
pub(crate) fn get() -> Result<BootDevice> {
    if Switches::of(&call::node()?)?.force
        && let Some(device) = state::get::<String>(PERSISTENT_DEVICE)?
        && !state::get::<bool>(NEXT_BOOT_DIFFERS)?.unwrap_or(false)
    {
        return Ok(BootDevice {
            device: Some(device),
            persistent: Some(true),
        });
    }
    read(&Session::open()?)
}

/// With `ipmi_force_boot_device`, sets the persistent device once more, unless the next boot is meant to differ.
pub(crate) fn before_power_on(bmc: &Session) -> Result<()> {
    let node = call::node()?;
    let switches = Switches::of(&node)?;
    if !switches.force {
        return Ok(());
    }
    if state::get::<bool>(NEXT_BOOT_DIFFERS)?.unwrap_or(false) {
        return state::delete(NEXT_BOOT_DIFFERS);
    }
    match state::get::<String>(PERSISTENT_DEVICE)? {
        Some(device) => send(bmc, switches, flags(&node, &device, false)?),
        None => Ok(()),
    }
}

fn flags(node: &Node, device: &str, persistent: bool) -> Result<[u8; 5]> {
    let vendor = node.properties().read::<String>("vendor")?;
    let supermicro = vendor.is_some_and(|vendor| vendor.eq_ignore_ascii_case("supermicro"));
    let mode: BootMode = boot_flags::boot_mode(node);
    boot_flags::encode(device, persistent, mode, supermicro)
}

fn send(bmc: &impl Bmc, switches: Switches, flags: [u8; 5]) -> Result<()> {
    if switches.keep_flags {
        match set_option(bmc, &KEEP_FLAGS) {
            // Not every BMC has this; the device can be set all the same, only sooner forgotten.
            Err(Error::Unsupported(why) | Error::Failed(why)) => {
                log::warn(format_args!(
                    "the BMC's boot flags may expire after 60 seconds: {why}"
                ));
            }
            other => other?,
        }
    }
    let mut option = vec![BOOT_FLAGS];
    option.extend(flags);
    set_option(bmc, &option)
}

fn set_option(bmc: &impl Bmc, option: &[u8]) -> Result<()> {
    let response = bmc.raw(CHASSIS, 0, SET_SYSTEM_BOOT_OPTIONS, option)?;
    match response.completion_code {
        0 => Ok(()),
        code => Err(refusal(SET_SYSTEM_BOOT_OPTIONS, code)),
    }
}

fn read(bmc: &impl Bmc) -> Result<BootDevice> {
    let response = bmc.raw(CHASSIS, 0, GET_SYSTEM_BOOT_OPTIONS, &[BOOT_FLAGS, 0, 0])?;
    if response.completion_code != 0 {
        return Err(refusal(GET_SYSTEM_BOOT_OPTIONS, response.completion_code));
    }
    let (device, persistent) = boot_flags::decode(&response.data)?;
    Ok(BootDevice {
        device: device.map(str::to_owned),
        persistent,
    })
}

/// Completion codes that only the boot options have (IPMI 2.0 §28.12, §28.13), and the general ones.
fn refusal(command: u8, code: u8) -> Error {
    match code {
        0x80 => Error::unsupported("the BMC does not have this boot option (completion code 80h)"),
        0x81 => Error::busy(
            "another program is setting the BMC's boot options (completion code 81h)",
            Some(5),
        ),
        0x82 => Error::unsupported("the BMC's boot option can only be read (completion code 82h)"),
        code => completion_error(CHASSIS, command, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::tests::Scripted;

    const FLAGS: [u8; 5] = [0xa0, 0x04, 0, 0, 0];

    fn switches(node: &str) -> Result<Switches> {
        Switches::of(&Node::from_json(node).unwrap())
    }

    #[test]
    fn flags_are_kept_unless_that_is_switched_off() {
        let (keep, flags) = (vec![0, 8, 3, 8], vec![0, 8, 5, 0xa0, 4, 0, 0, 0]);
        let bmc = Scripted::new(|_, _, _| (0, Vec::new()));
        send(&bmc, switches("{}").unwrap(), FLAGS).unwrap();
        assert_eq!(*bmc.asked.borrow(), [keep, flags.clone()]);

        let bmc = Scripted::new(|_, _, _| (0, Vec::new()));
        let off = switches(r#"{"driver_info": {"ipmi_disable_boot_timeout": "false"}}"#).unwrap();
        send(&bmc, off, FLAGS).unwrap();
        assert_eq!(*bmc.asked.borrow(), [flags]);
    }

    #[test]
    fn a_bmc_that_is_busy_with_options_is_busy() {
        let bmc = Scripted::new(|_, _, _| (0x81, Vec::new()));
        let error = send(&bmc, switches("{}").unwrap(), FLAGS).unwrap_err();
        assert!(matches!(error, Error::Busy(_)), "{error:?}");
    }

    #[test]
    fn the_device_is_read_from_the_flags() {
        let bmc = Scripted::new(|_, _, _| (0, vec![1, 5, 0xe0, 0x08, 0, 0, 0]));
        let device = read(&bmc).unwrap();
        assert_eq!(device.device.as_deref(), Some("disk"));
        assert_eq!(device.persistent, Some(true));
        assert_eq!(*bmc.asked.borrow(), [[0, 9, 5, 0, 0]]);
    }

    #[test]
    fn a_bmc_without_boot_options_is_told_from_one_that_failed() {
        let bmc = Scripted::new(|_, _, _| (0x80, Vec::new()));
        assert!(matches!(read(&bmc), Err(Error::Unsupported(_))));
        let bmc = Scripted::new(|_, _, _| (0xff, Vec::new()));
        assert!(matches!(read(&bmc), Err(Error::Failed(_))));
    }

    #[test]
    fn a_wrong_switch_is_refused() {
        assert!(switches(r#"{"driver_info": {"ipmi_force_boot_device": "sometimes"}}"#).is_err());
    }
}
