//! What a BMC tells about itself before any session (IPMI 2.0 §22.13, §22.15).

use super::{DecodeError, reader::Reader};

/// Get Channel Authentication Capabilities: what we need of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthCapabilities {
    /// Whether the BMC speaks IPMI 2.0 over LAN.
    pub speaks_v2: bool,
    /// Whether a Kg key is set.
    pub needs_kg: bool,
}

impl AuthCapabilities {
    /// Reads the data that follow the completion code.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let [_channel, kinds, status, extended] = reader.array()?;
        Ok(Self {
            speaks_v2: kinds & 0x80 != 0 && extended & 0x02 != 0,
            needs_kg: status & 0x20 != 0,
        })
    }
}

/// The ids in cipher suite records: standard (tag C0h) and OEM (C1h) ones, algorithms (tags below) skipped.
///
/// `records` is the concatenation of what Get Channel Cipher Suites answered, without channel numbers.
pub fn cipher_suites(records: &[u8]) -> Vec<u8> {
    let mut ids = Vec::new();
    let mut reader = Reader::new(records);
    while let Ok(byte) = reader.u8() {
        match byte {
            0xc0 => {
                let Ok(id) = reader.u8() else { break };
                ids.push(id);
            }
            // An OEM suite: its number means something only with the IANA number that follows.
            0xc1 if reader.take(4).is_err() => break,
            _ => {}
        }
    }
    ids
}
