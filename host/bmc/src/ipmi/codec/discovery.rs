//! What a BMC tells about itself before any session (IPMI 2.0 §22.13, §22.15), and about sessions of IPMI 1.5 (§22.16, §22.17).

use super::{DecodeError, reader::Reader};

/// Get Channel Authentication Capabilities: what we need of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthCapabilities {
    /// Whether the BMC speaks IPMI 2.0 over LAN.
    pub speaks_v2: bool,
    /// Whether IPMI 1.5 sessions may go without authentication.
    pub has_none: bool,
    /// Whether IPMI 1.5 sessions may be protected by MD5.
    pub has_md5: bool,
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
            has_none: kinds & 0x01 != 0,
            has_md5: kinds & 0x04 != 0,
            needs_kg: status & 0x20 != 0,
        })
    }
}

/// Get Session Challenge: what a BMC answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// The session's id until it is open.
    pub session_id: u32,
    /// What is to be sent back.
    pub bytes: [u8; 16],
}

impl Challenge {
    /// Reads the data that follow the completion code.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        Ok(Self {
            session_id: reader.u32()?,
            bytes: reader.array()?,
        })
    }
}

/// Activate Session: what a BMC answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldSession {
    /// How packets are authenticated from now on.
    pub auth_type: u8,
    /// The session's id.
    pub session_id: u32,
    /// The number of the first packet to the BMC.
    pub inbound_sequence: u32,
}

impl OldSession {
    /// Reads the data that follow the completion code.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        Ok(Self {
            auth_type: reader.u8()? & 0x0f,
            session_id: reader.u32()?,
            inbound_sequence: reader.u32()?,
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
