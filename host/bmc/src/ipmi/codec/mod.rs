//! Bytes to values and back, with no I/O and no secrets: what a packet says, never whether to believe it.
//!
//! Everything here takes any bytes at all without panicking; the fuzz targets and property tests hold it to that.

pub mod bridge;
pub mod discovery;
pub mod lan;
pub mod packet;
mod reader;
pub mod setup;
pub mod sol;
pub mod suite;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The data ends too early.
    #[error("cut short")]
    Short,
    /// A checksum is wrong.
    #[error("wrong checksum")]
    Checksum,
    /// A field holds a value that it must not hold here.
    #[error("unexpected {0}")]
    Unexpected(&'static str),
}

/// Reads `bytes` with every decoder there is, for fuzzing.
pub fn decode_everything(bytes: &[u8]) {
    let _ = packet::route(bytes);
    if let Ok(packet) = packet::decode(bytes) {
        let payload = match &packet {
            packet::Packet::V1(packet) => packet.payload,
            packet::Packet::V2(packet) => {
                for length in [0, 12, 16] {
                    let _ = packet.split_auth_code(length);
                }
                packet.payload
            }
        };
        decode_payload(payload);
    }
    decode_payload(bytes);
}

fn decode_payload(bytes: &[u8]) {
    let _ = lan::decode_response(bytes);
    let _ = setup::OpenSessionResponse::decode(bytes);
    let _ = setup::Rakp2::decode(bytes);
    let _ = setup::Rakp4::decode(bytes);
    let _ = sol::SolPacket::decode(bytes);
    let _ = sol::Activated::decode(bytes);
    let _ = discovery::AuthCapabilities::decode(bytes);
    let _ = discovery::Challenge::decode(bytes);
    let _ = discovery::OldSession::decode(bytes);
    let _ = discovery::cipher_suites(bytes);
}
