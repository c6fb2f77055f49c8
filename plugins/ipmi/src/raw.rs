//! Commands that operators write as numbers: `0x00 0x01`.

use ironbark_driver::{Error, Result};

/// Most bytes of data that fit into one command over LAN.
const MAX_DATA: usize = 240;

/// A command as an operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawCommand {
    pub(crate) netfn: u8,
    pub(crate) command: u8,
    pub(crate) data: Vec<u8>,
}

impl RawCommand {
    /// Reads network function, command and data: numbers from 0 to 255, in hexadecimal with `0x`, or decimal.
    ///
    /// # Errors
    /// `missing-parameter` if there is no command, `invalid-parameter` if a number or the network function is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut numbers = text
            .split(|separator: char| separator.is_whitespace() || separator == ',')
            .filter(|number| !number.is_empty())
            .map(number);
        let (Some(netfn), Some(command)) = (numbers.next(), numbers.next()) else {
            return Err(Error::missing_parameter(
                "'raw_bytes' needs a network function and a command, such as '0x00 0x01'",
            ));
        };
        let (netfn, command) = (netfn?, command?);
        let data = numbers.collect::<Result<Vec<u8>>>()?;
        // Odd ones are answers (IPMI 2.0 §5.1).
        if netfn > 62 || !netfn.is_multiple_of(2) {
            return Err(Error::invalid_parameter(format!(
                "'raw_bytes' begins with the network function of a request, an even number up to 0x3e, and not with {netfn:#04x}"
            )));
        }
        if data.len() > MAX_DATA {
            return Err(Error::invalid_parameter(format!(
                "'raw_bytes' has {} bytes of data, at most {MAX_DATA} fit into one command",
                data.len()
            )));
        }
        Ok(Self {
            netfn,
            command,
            data,
        })
    }
}

/// Bytes as operators read them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

fn number(text: &str) -> Result<u8> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let parsed = match digits {
        // `from_str_radix` would take a sign.
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u8::from_str_radix(digits, 16).ok()
        }
        None if text.bytes().all(|digit| digit.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| {
        Error::invalid_parameter(format!(
            "'raw_bytes' has '{text}', which is no number from 0 to 255"
        ))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_operators_write_them() {
        let expected = RawCommand {
            netfn: 0,
            command: 8,
            data: vec![3, 8, 255],
        };
        for text in [
            "0x00 0x08 0x03 0x08 0xff",
            " 0 8\t3 8 255 ",
            "0x0,0X8,0x3,8,0xFF",
        ] {
            assert_eq!(RawCommand::parse(text), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        assert!(matches!(
            RawCommand::parse(""),
            Err(Error::MissingParameter(_))
        ));
        assert!(matches!(
            RawCommand::parse("0x06"),
            Err(Error::MissingParameter(_))
        ));
        for text in [
            "0x100 1", "6 256", "six 1", "0x 1", "0x+1 1", "-1 1", "+6 1", "0x07 1", "64 1",
        ] {
            let result = RawCommand::parse(text);
            assert!(
                matches!(result, Err(Error::InvalidParameter(_))),
                "{text}: {result:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(netfn in 0_u8..32, command: u8, data in prop::collection::vec(any::<u8>(), 0..=MAX_DATA)) {
            let mut bytes = vec![netfn * 2, command];
            bytes.extend(&data);
            let text: Vec<String> = bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
            let read = RawCommand::parse(&text.join(" ")).unwrap();
            prop_assert_eq!(read, RawCommand { netfn: netfn * 2, command, data });
        }

        #[test]
        fn no_text_is_a_panic(text: String) {
            let _ = RawCommand::parse(&text);
        }
    }
}
