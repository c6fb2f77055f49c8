//! Which IPMI commands change nothing on the machine. All others may, OEM commands among them.
//!
//! Numbers: IPMI 2.0 revision 1.1, appendix G, table G-1. Not in the list, though named "Get" or "Read": what takes something
//! away for the next reader (Get Message, Read Event Message Buffer), reserves something (Reserve SEL, Reserve SDR Repository),
//! or is part of opening a session (Get Session Challenge, Get AuthCode).

const CHASSIS: u8 = 0x00;
const SENSOR: u8 = 0x04;
const APP: u8 = 0x06;
const STORAGE: u8 = 0x0A;
const TRANSPORT: u8 = 0x0C;
const GROUP: u8 = 0x2C;

/// The table, by network function.
const READS: &[(u8, &[u8])] = &[
    // Capabilities, Status; System Restart Cause, Boot Options, POH Counter.
    (CHASSIS, &[0x00, 0x01, 0x07, 0x09, 0x0F]),
    // Event Receiver; PEF Capabilities, PEF Configuration, Last Processed Event; Device SDR Info, Device SDR; Sensor
    // Reading Factors, Hysteresis, Thresholds, Event Enable, Event Status, Reading, Type.
    (
        SENSOR,
        &[
            0x01, 0x10, 0x13, 0x15, 0x20, 0x21, 0x23, 0x25, 0x27, 0x29, 0x2B, 0x2D, 0x2F,
        ],
    ),
    // Device ID, Self Test Results, ACPI Power State, Device GUID; Watchdog Timer; BMC Global Enables, Message Flags;
    // System GUID; Channel Authentication Capabilities, Session Info, Channel Access, Channel Info, User Access, User
    // Name; Payload Activation Status, Payload Instance Info, User Payload Access, Channel Payload Support and Version,
    // Channel Cipher Suites; System Info Parameters; System Interface Capabilities.
    (
        APP,
        &[
            0x01, 0x04, 0x07, 0x08, 0x25, 0x2F, 0x31, 0x37, 0x38, 0x3D, 0x41, 0x42, 0x44, 0x46,
            0x4A, 0x4B, 0x4D, 0x4E, 0x4F, 0x54, 0x57, 0x59,
        ],
    ),
    // FRU Inventory Area Info, FRU Data; SDR Repository Info, Allocation Info, SDR, Repository Time; SEL Info, Allocation
    // Info, SEL Entry, SEL Time, Auxiliary Log Status, SEL Time UTC Offset.
    (
        STORAGE,
        &[
            0x10, 0x11, 0x20, 0x21, 0x23, 0x28, 0x40, 0x41, 0x43, 0x48, 0x5A, 0x5C,
        ],
    ),
    // LAN Configuration, IP Statistics; Serial Configuration; SOL Configuration.
    (TRANSPORT, &[0x02, 0x04, 0x11, 0x22]),
    // DCMI: Capabilities, Power Reading, Power Limit, Asset Tag, Sensor Info, Management Controller Identifier, Thermal
    // Limit, Temperature Readings, Configuration.
    (
        GROUP,
        &[0x01, 0x02, 0x03, 0x06, 0x07, 0x09, 0x0D, 0x10, 0x13],
    ),
];

/// Whether the command changes nothing.
pub(crate) fn ipmi_is_read(netfn: u8, command: u8) -> bool {
    READS
        .iter()
        .any(|(function, commands)| *function == netfn && commands.contains(&command))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_drivers_read_is_known_as_reading() {
        // Get Device ID, Get Chassis Status, Get System Boot Options, Get Sensor Reading, Get SDR, Read FRU Data.
        for (netfn, command) in [
            (6, 1),
            (0, 1),
            (0, 9),
            (4, 0x2D),
            (0x0A, 0x23),
            (0x0A, 0x11),
        ] {
            assert!(ipmi_is_read(netfn, command), "{netfn:#04x} {command:#04x}");
        }
    }

    #[test]
    fn what_changes_something_is_not() {
        // Chassis Control, Set System Boot Options, Chassis Identify; Cold Reset, Set Watchdog Timer, Get Message, Send
        // Message, Get Session Challenge, Set User Password, Master Write-Read; Clear SEL, Write FRU Data; Set LAN
        // Configuration; Set Sensor Reading; Set DCMI Power Limit.
        for (netfn, command) in [
            (0, 2),
            (0, 8),
            (0, 4),
            (6, 2),
            (6, 0x24),
            (6, 0x33),
            (6, 0x34),
            (6, 0x39),
            (6, 0x47),
            (6, 0x52),
            (0x0A, 0x47),
            (0x0A, 0x12),
            (0x0C, 1),
            (4, 0x30),
            (0x2C, 4),
        ] {
            assert!(!ipmi_is_read(netfn, command), "{netfn:#04x} {command:#04x}");
        }
    }

    proptest! {
        #[test]
        fn what_only_a_vendor_knows_may_change_something(netfn in 0x2Eu8..=0x3F, command: u8) {
            prop_assert!(!ipmi_is_read(netfn, command));
        }
    }
}
