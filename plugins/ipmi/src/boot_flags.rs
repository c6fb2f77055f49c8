//! The boot flags of a BMC: parameter 5 of the system boot options (IPMI 2.0 §28.12, §28.13, table 28-14).

use ironbark_driver::{Error, Node, Result};

const VALID: u8 = 0x80;
const PERSISTENT: u8 = 0x40;
const UEFI: u8 = 0x20;
/// Bits 5 to 2 of the second byte.
const DEVICE: u8 = 0x3c;

/// Devices by their selector, which stands in bits 5 to 2.
const DEVICES: &[(&str, u8)] = &[
    ("pxe", 0x04),
    ("disk", 0x08),
    ("cdrom", 0x14),
    ("bios", 0x18),
    ("safe", 0x0c),
];
/// What else a BMC may answer: remote CD, remote primary media, remote disk.
const OTHERS: &[(&str, u8)] = &[("cdrom", 0x20), ("disk", 0x24), ("disk", 0x2c)];
/// Supermicro's disk in UEFI mode: "primary remote media".
const SUPERMICRO_UEFI_DISK: u8 = 0x24;

/// How a machine starts its boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BootMode {
    Bios,
    Uefi,
}

/// Names of the devices that can be set.
pub(crate) fn devices() -> Vec<String> {
    DEVICES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// The five bytes of parameter 5.
///
/// # Errors
/// `invalid-parameter` if there is no such device.
pub(crate) fn encode(
    device: &str,
    persistent: bool,
    mode: BootMode,
    supermicro: bool,
) -> Result<[u8; 5]> {
    let found = DEVICES.iter().find(|(name, _)| *name == device);
    let Some((_, mut selector)) = found.copied() else {
        return Err(Error::invalid_parameter(format!(
            "there is no boot device '{device}': it must be one of {}",
            devices().join(", ")
        )));
    };
    if mode == BootMode::Uefi && device == "disk" && supermicro {
        selector = SUPERMICRO_UEFI_DISK;
    }
    let mut flags = VALID;
    if persistent {
        flags |= PERSISTENT;
    }
    if mode == BootMode::Uefi {
        flags |= UEFI;
    }
    Ok([flags, selector, 0, 0, 0])
}

/// The device and whether it holds for every boot, of the answer to Get System Boot Options for parameter 5: version, parameter,
/// and its bytes. `None` if nothing is set, or something that has no name.
///
/// # Errors
/// `protocol` if the answer is too short or about another parameter.
pub(crate) fn decode(answer: &[u8]) -> Result<(Option<&'static str>, Option<bool>)> {
    let [_version, parameter, flags, device, ..] = answer else {
        return Err(Error::protocol("the BMC's boot options are too short"));
    };
    if parameter & 0x7f != 5 {
        return Err(Error::protocol("the BMC answered with another boot option"));
    }
    // Bit 7 of the parameter says that all of it is invalid.
    if parameter & 0x80 != 0 || flags & VALID == 0 {
        return Ok((None, None));
    }
    let device = DEVICES
        .iter()
        .chain(OTHERS)
        .find(|(_, selector)| *selector == device & DEVICE)
        .map(|(name, _)| *name);
    Ok((device, Some(flags & PERSISTENT != 0)))
}

/// How this node starts: what its instance asks for, then what it can do, then UEFI.
pub(crate) fn boot_mode(node: &Node) -> BootMode {
    let instance = node.instance_info();
    let secure = |value: String| value.eq_ignore_ascii_case("true");
    if instance.capability("secure_boot").is_some_and(secure) {
        return BootMode::Uefi;
    }
    let deploy = || instance.read("deploy_boot_mode").ok().flatten();
    let asked = instance
        .capability("boot_mode")
        .or_else(|| node.properties().capability("boot_mode"))
        .or_else(deploy);
    match asked.as_deref() {
        Some(mode) if mode.eq_ignore_ascii_case("bios") => BootMode::Bios,
        _ => BootMode::Uefi,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_those_that_bmcs_know() {
        for (device, persistent, mode, supermicro, expected) in [
            ("pxe", false, BootMode::Uefi, false, [0xa0, 0x04]),
            ("pxe", true, BootMode::Uefi, false, [0xe0, 0x04]),
            ("pxe", false, BootMode::Bios, false, [0x80, 0x04]),
            ("disk", true, BootMode::Bios, false, [0xc0, 0x08]),
            ("disk", true, BootMode::Bios, true, [0xc0, 0x08]),
            ("disk", true, BootMode::Uefi, true, [0xe0, 0x24]),
            ("cdrom", false, BootMode::Uefi, true, [0xa0, 0x14]),
            ("bios", false, BootMode::Uefi, false, [0xa0, 0x18]),
            ("safe", false, BootMode::Uefi, false, [0xa0, 0x0c]),
        ] {
            let bytes = encode(device, persistent, mode, supermicro).unwrap();
            assert_eq!(bytes[..2], expected, "{device} {mode:?}");
            assert_eq!(bytes[2..], [0, 0, 0]);
        }
    }

    #[test]
    fn an_unknown_device_is_refused() {
        let error = encode("tape", false, BootMode::Uefi, false).unwrap_err();
        assert!(
            error.message().contains("pxe, disk, cdrom, bios, safe"),
            "{error:?}"
        );
    }

    #[test]
    fn flags_that_are_not_valid_set_nothing() {
        assert_eq!(decode(&[1, 5, 0x60, 0x04, 0, 0, 0]), Ok((None, None)));
        assert_eq!(decode(&[1, 0x85, 0xe0, 0x04, 0, 0, 0]), Ok((None, None)));
        assert_eq!(
            decode(&[1, 5, 0x80, 0x00, 0, 0, 0]),
            Ok((None, Some(false)))
        );
    }

    #[test]
    fn wrong_answers_are_told() {
        assert!(decode(&[]).is_err());
        assert!(decode(&[1, 5, 0x80]).is_err());
        assert!(decode(&[1, 4, 0x80, 0x04]).is_err());
    }

    #[test]
    fn the_instance_decides_about_the_mode_first() {
        for (node, expected) in [
            ("{}", BootMode::Uefi),
            (
                r#"{"properties": {"capabilities": "boot_mode:bios"}}"#,
                BootMode::Bios,
            ),
            (
                r#"{"properties": {"capabilities": "boot_mode:bios"}, "instance_info": {"capabilities": {"boot_mode": "uefi"}}}"#,
                BootMode::Uefi,
            ),
            (
                r#"{"properties": {"capabilities": "boot_mode:bios"}, "instance_info": {"capabilities": {"secure_boot": "true"}}}"#,
                BootMode::Uefi,
            ),
            (
                r#"{"instance_info": {"deploy_boot_mode": "bios"}}"#,
                BootMode::Bios,
            ),
        ] {
            assert_eq!(
                boot_mode(&Node::from_json(node).unwrap()),
                expected,
                "{node}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_set_is_what_is_read(
            device in prop::sample::select(devices()),
            persistent: bool,
            uefi: bool,
            supermicro: bool,
        ) {
            let mode = if uefi { BootMode::Uefi } else { BootMode::Bios };
            let bytes = encode(&device, persistent, mode, supermicro).unwrap();
            let mut answer = vec![1, 5];
            answer.extend(bytes);
            prop_assert_eq!(
                decode(&answer).unwrap(),
                (Some(device.as_str()), Some(persistent))
            );
        }

        #[test]
        fn no_answer_is_a_panic(answer: Vec<u8>) {
            let _ = decode(&answer);
        }
    }
}
