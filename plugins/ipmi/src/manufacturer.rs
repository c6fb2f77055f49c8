//! Who made the machine: the manufacturer of Get Device ID (IPMI 2.0 §20.1), an IANA private enterprise number.

use ironbark_driver::{Error, Result, ipmi::APP};

use crate::bmc::Bmc;

const GET_DEVICE_ID: u8 = 0x01;

/// Enterprise numbers of makers of servers and BMCs, and the names that `properties.vendor` has for them.
const NAMES: &[(u32, &str)] = &[
    (2, "ibm"),
    (11, "hewlett-packard"),
    (42, "oracle"),
    (119, "nec"),
    (343, "intel"),
    (674, "dell"),
    (2011, "huawei"),
    (2623, "asus"),
    (5703, "nvidia"),
    (5771, "cisco"),
    (7244, "quanta"),
    (10368, "fujitsu"),
    (10876, "supermicro"),
    (15370, "gigabyte"),
    (19046, "lenovo"),
    (20974, "ami"),
    (37945, "inspur"),
    (47196, "hpe"),
    (47488, "supermicro"),
];

/// The vendor's name, if it is one of those that are known.
pub(crate) fn detect(bmc: &impl Bmc) -> Result<Option<String>> {
    let number = parse(&bmc.request(APP, GET_DEVICE_ID, &[])?)?;
    let found = NAMES.iter().find(|(known, _)| *known == number);
    Ok(found.map(|(_, name)| (*name).to_owned()))
}

/// Bytes 7 to 9 of the answer's data, least significant first; the upper four bits are reserved.
fn parse(device: &[u8]) -> Result<u32> {
    let [_, _, _, _, _, _, low, middle, high, ..] = device else {
        return Err(Error::protocol("the BMC's device ID is too short"));
    };
    Ok(u32::from_le_bytes([*low, *middle, high & 0x0f, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::tests::Scripted;

    fn vendor(manufacturer: [u8; 3]) -> Result<Option<String>> {
        let bmc = Scripted::new(move |_, _, _| {
            let [low, middle, high] = manufacturer;
            (0, vec![0x20, 1, 2, 3, 2, 0xbf, low, middle, high, 1, 0])
        });
        detect(&bmc)
    }

    #[test]
    fn known_numbers_have_names() {
        assert_eq!(vendor([0xa2, 0x02, 0x00]).unwrap().as_deref(), Some("dell"));
        assert_eq!(
            vendor([0x7c, 0x2a, 0x00]).unwrap().as_deref(),
            Some("supermicro")
        );
        // The reserved bits don't matter.
        assert_eq!(
            vendor([0x57, 0x01, 0xf0]).unwrap().as_deref(),
            Some("intel")
        );
        assert_eq!(vendor([0xff, 0xff, 0x0f]).unwrap(), None);
    }

    #[test]
    fn a_short_answer_is_told() {
        let bmc = Scripted::new(|_, _, _| (0, vec![0x20, 1, 2]));
        assert!(matches!(detect(&bmc), Err(Error::Protocol(_))));
    }
}
