//! Names of units (IPMI 2.0 §43.17, table 43-15).

const UNITS: &[&str] = &[
    "unspecified",
    "degrees C",
    "degrees F",
    "degrees K",
    "Volts",
    "Amps",
    "Watts",
    "Joules",
    "Coulombs",
    "VA",
    "Nits",
    "lumen",
    "lux",
    "Candela",
    "kPa",
    "PSI",
    "Newton",
    "CFM",
    "RPM",
    "Hz",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "mil",
    "inches",
    "feet",
    "cu in",
    "cu feet",
    "mm",
    "cm",
    "m",
    "cu cm",
    "cu m",
    "liters",
    "fluid ounce",
    "radians",
    "steradians",
    "revolutions",
    "cycles",
    "gravities",
    "ounce",
    "pound",
    "ft-lb",
    "oz-in",
    "gauss",
    "gilberts",
    "henry",
    "millihenry",
    "farad",
    "microfarad",
    "ohms",
    "siemens",
    "mole",
    "becquerel",
    "PPM",
    "reserved",
    "Decibels",
    "DbA",
    "DbC",
    "gray",
    "sievert",
    "color temp deg K",
    "bit",
    "kilobit",
    "megabit",
    "gigabit",
    "byte",
    "kilobyte",
    "megabyte",
    "gigabyte",
    "word",
    "dword",
    "qword",
    "line",
    "hit",
    "miss",
    "retry",
    "reset",
    "overflow",
    "underrun",
    "collision",
    "packets",
    "messages",
    "characters",
    "error",
    "correctable error",
    "uncorrectable error",
    "fatal error",
    "grams",
];

/// The unit that the three bytes of a sensor record mean: bits (percentage, modifier, rate), base unit, modifier unit.
pub(crate) fn name([bits, base, modifier]: [u8; 3]) -> String {
    if bits & 0x01 != 0 {
        return "percent".to_owned();
    }
    let mut name = unit(base).to_owned();
    match bits >> 1 & 0x03 {
        1 => name = format!("{name}/{}", unit(modifier)),
        2 => name = format!("{name} * {}", unit(modifier)),
        _ => {}
    }
    match rate(bits >> 3 & 0x07) {
        Some(rate) => format!("{name} {rate}"),
        None => name,
    }
}

fn unit(code: u8) -> &'static str {
    UNITS.get(usize::from(code)).copied().unwrap_or("unknown")
}

fn rate(code: u8) -> Option<&'static str> {
    match code {
        1 => Some("per microsecond"),
        2 => Some("per millisecond"),
        3 => Some("per second"),
        4 => Some("per minute"),
        5 => Some("per hour"),
        6 => Some("per day"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_table() {
        assert_eq!(UNITS.len(), 93);
        for (code, expected) in [
            (1, "degrees C"),
            (4, "Volts"),
            (18, "RPM"),
            (70, "byte"),
            (92, "grams"),
        ] {
            assert_eq!(name([0, code, 0]), expected);
        }
    }

    #[test]
    fn bits_change_the_unit() {
        assert_eq!(name([0x01, 0, 0]), "percent");
        assert_eq!(name([0x02, 70, 22]), "byte/second");
        assert_eq!(name([0x04, 6, 24]), "Watts * hour");
        assert_eq!(name([0x18, 70, 0]), "byte per second");
    }
}
