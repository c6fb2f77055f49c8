//! Power of the chassis (IPMI 2.0 §28).

use ironbark_driver::{Error, PowerState, Result, ipmi::CHASSIS};

use crate::bmc::Bmc;

const GET_CHASSIS_STATUS: u8 = 0x01;
const CHASSIS_CONTROL: u8 = 0x02;

/// What Chassis Control can be told (IPMI 2.0 §28.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// Switch off at once.
    Off = 0x00,
    /// Switch on.
    On = 0x01,
    /// Diagnostic interrupt: a non-maskable one, mostly.
    Diagnostic = 0x04,
    /// Ask the operating system to shut down, by ACPI.
    SoftOff = 0x05,
}

/// The power now.
pub(crate) fn power(bmc: &impl Bmc) -> Result<PowerState> {
    parse_power(&bmc.request(CHASSIS, GET_CHASSIS_STATUS, &[])?)
}

/// Does something to the power.
pub(crate) fn control(bmc: &impl Bmc, control: Control) -> Result<()> {
    bmc.request(CHASSIS, CHASSIS_CONTROL, &[control as u8])
        .map(drop)
}

/// The power of a chassis status: bit 0 of its first byte (IPMI 2.0 §28.2).
fn parse_power(status: &[u8]) -> Result<PowerState> {
    match status.first() {
        Some(state) if state & 1 == 1 => Ok(PowerState::On),
        Some(_) => Ok(PowerState::Off),
        None => Err(Error::protocol("the BMC's chassis status is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::tests::Scripted;

    #[test]
    fn power_is_the_lowest_bit() {
        for (status, expected) in [
            ([0x00, 0, 0], PowerState::Off),
            ([0x01, 0, 0], PowerState::On),
            // Restore policy and other bits beside it.
            ([0x60, 0x10, 0x40], PowerState::Off),
            ([0x61, 0x10, 0x40], PowerState::On),
        ] {
            let bmc = Scripted::new(move |_, _, _| (0, status.to_vec()));
            assert_eq!(power(&bmc), Ok(expected));
            assert_eq!(*bmc.asked.borrow(), [[0x00, 0x01]]);
        }
    }

    #[test]
    fn an_empty_status_is_never_off() {
        let bmc = Scripted::new(|_, _, _| (0, Vec::new()));
        assert!(matches!(power(&bmc), Err(Error::Protocol(_))));
    }

    #[test]
    fn a_refusal_is_typed() {
        let bmc = Scripted::new(|_, _, _| (0xd4, Vec::new()));
        assert!(matches!(
            control(&bmc, Control::On),
            Err(Error::AuthFailed(_))
        ));
        assert_eq!(*bmc.asked.borrow(), [[0x00, 0x02, 0x01]]);
    }
}
