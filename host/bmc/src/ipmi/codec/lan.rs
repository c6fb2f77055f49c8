//! IPMI messages as they travel over LAN (IPMI 2.0 §13.8, table 13-8): addresses, checksums, sequence number.

use super::{DecodeError, reader::Reader};
use crate::ipmi::{Request, Response};

/// The BMC's address on its own bus.
const BMC_ADDRESS: u8 = 0x20;
/// A remote console's software id.
const CONSOLE_ADDRESS: u8 = 0x81;

/// A reply, with what tells which request it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Network function of the reply: odd.
    pub netfn: u8,
    /// The request's sequence number, 0 to 63.
    pub sequence: u8,
    /// The request's command.
    pub command: u8,
    /// What the BMC answered.
    pub response: Response,
}

impl Reply {
    /// Whether this answers `request`, sent with `sequence`.
    pub fn answers(&self, request: &Request, sequence: u8) -> bool {
        self.netfn == (request.netfn | 1)
            && self.command == request.command
            && self.sequence == sequence
    }
}

/// A request to the BMC as an IPMI message; `sequence` is taken modulo 64.
pub fn encode_request(request: &Request, sequence: u8) -> Vec<u8> {
    encode_message(BMC_ADDRESS, CONSOLE_ADDRESS, request, sequence)
}

/// The same to any controller, from any address.
pub(super) fn encode_message(to: u8, from: u8, request: &Request, sequence: u8) -> Vec<u8> {
    let header = [to, (request.netfn << 2) | (request.lun & 3)];
    let mut message = Vec::with_capacity(request.data.len() + 7);
    message.extend(header);
    message.push(checksum(&header));
    message.extend([from, sequence << 2, request.command]);
    message.extend_from_slice(&request.data);
    let body = message.get(header.len() + 1..).unwrap_or_default();
    let body = checksum(body);
    message.push(body);
    message
}

/// Reads a reply, checksums and all.
pub fn decode_response(message: &[u8]) -> Result<Reply, DecodeError> {
    let (head, body) = message.split_first_chunk::<3>().ok_or(DecodeError::Short)?;
    if checksum(head) != 0 || checksum(body) != 0 {
        return Err(DecodeError::Checksum);
    }
    let [_console, netfn, _] = *head;
    let mut reader = Reader::new(body);
    let _bmc = reader.u8()?;
    let sequence = reader.u8()? >> 2;
    let command = reader.u8()?;
    let completion_code = reader.u8()?;
    let (_checksum, data) = reader.rest().split_last().ok_or(DecodeError::Short)?;
    let netfn = netfn >> 2;
    if netfn & 1 == 0 {
        return Err(DecodeError::Unexpected("request"));
    }
    Ok(Reply {
        netfn,
        sequence,
        command,
        response: Response {
            completion_code,
            data: data.to_vec(),
        },
    })
}

/// Only the sequence number of a reply.
pub(super) fn response_sequence(message: &[u8]) -> Result<u8, DecodeError> {
    let mut reader = Reader::new(message);
    reader.take(4)?;
    Ok(reader.u8()? >> 2)
}

/// The byte that makes the sum 0 modulo 256.
pub fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte))
}
