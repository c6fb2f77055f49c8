//! Names of sensors and of their types.

/// Types by their code (IPMI 2.0 §42.2, table 42-3), from 1.
const SENSOR_TYPES: &[&str] = &[
    "Temperature",
    "Voltage",
    "Current",
    "Fan",
    "Physical Security",
    "Platform Security",
    "Processor",
    "Power Supply",
    "Power Unit",
    "Cooling Device",
    "Other",
    "Memory",
    "Drive Slot",
    "POST Memory Resize",
    "System Firmware",
    "Event Logging Disabled",
    "Watchdog",
    "System Event",
    "Critical Interrupt",
    "Button",
    "Module",
    "Microcontroller",
    "Add-in Card",
    "Chassis",
    "Chip Set",
    "Other FRU",
    "Cable",
    "Terminator",
    "System Boot",
    "Boot Error",
    "OS Boot",
    "OS Stop",
    "Slot",
    "ACPI Power State",
    "Watchdog 2",
    "Platform Alert",
    "Entity Presence",
    "Monitor ASIC",
    "LAN",
    "Management Subsystem Health",
    "Battery",
    "Session Audit",
    "Version Change",
    "FRU State",
];

/// A sensor type's name.
pub(crate) fn sensor_type(code: u8) -> String {
    let index = usize::from(code).checked_sub(1);
    match index.and_then(|index| SENSOR_TYPES.get(index)) {
        Some(name) => (*name).to_owned(),
        None if code >= 0xc0 => format!("OEM {code:#04x}"),
        None => format!("Reserved {code:#04x}"),
    }
}

/// The text of an ID string: a byte with encoding and length (IPMI 2.0 §43.15), and its bytes.
pub(crate) fn id_string(type_and_length: u8, bytes: &[u8]) -> String {
    let length = usize::from(type_and_length & 0x1f);
    text(type_and_length >> 6, bytes.get(..length).unwrap_or(bytes))
}

/// A text in one of the encodings 0 to 3: of another language, BCD plus, packed, one byte each.
pub(crate) fn text(encoding: u8, bytes: &[u8]) -> String {
    let text: String = match encoding {
        1 => bytes
            .iter()
            .flat_map(|byte| [bcd(byte >> 4), bcd(byte & 0x0f)])
            .collect(),
        2 => packed(bytes).collect(),
        _ => bytes.iter().copied().map(char::from).collect(),
    };
    text.trim_matches(|character: char| character.is_whitespace() || character.is_control())
        .to_owned()
}

/// BCD plus: digits, and a few signs.
fn bcd(digit: u8) -> char {
    match digit {
        0..=9 => char::from(b'0' + digit),
        10 => ' ',
        11 => '-',
        12 => '.',
        _ => '?',
    }
}

/// Packed 6-bit ASCII: four characters in three bytes, the lowest bits first, from the space on.
fn packed(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.chunks(3).flat_map(|chunk| {
        let bits = chunk
            .iter()
            .rev()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        (0..chunk.len() * 8 / 6).map(move |index| {
            let code = bits >> (6 * index) & 0x3f;
            char::from(u8::try_from(code + 0x20).unwrap_or(b'?'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_table() {
        assert_eq!(sensor_type(0x01), "Temperature");
        assert_eq!(sensor_type(0x04), "Fan");
        assert_eq!(sensor_type(0x29), "Battery");
        assert_eq!(sensor_type(0x2c), "FRU State");
        assert_eq!(sensor_type(0x00), "Reserved 0x00");
        assert_eq!(sensor_type(0xc1), "OEM 0xc1");
    }

    #[test]
    fn strings_are_read_in_all_encodings() {
        assert_eq!(id_string(0xc8, b"CPU Temp"), "CPU Temp");
        assert_eq!(id_string(0xc4, b"FAN1 and more"), "FAN1");
        assert_eq!(id_string(0x42, &[0x12, 0xc3]), "12.3");
        // The specification's own example (IPMI 2.0 §43.15): "IPMI" is 29h DCh A6h.
        assert_eq!(id_string(0x83, &[0x29, 0xdc, 0xa6]), "IPMI");
        assert_eq!(id_string(0xdf, b"short"), "short");
        assert_eq!(id_string(0xc0, b""), "");
    }
}
