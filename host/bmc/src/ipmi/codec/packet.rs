//! The wrapping of a UDP datagram: the RMCP header and the session header with its trailer
//! (IPMI 2.0 §13.1.3, §13.6, tables 13-6 and 13-8).

use super::{DecodeError, lan, reader::Reader, setup};

/// Payload type of an IPMI message (IPMI 2.0 table 13-16, as are the others).
pub const PAYLOAD_IPMI: u8 = 0x00;
/// RMCP+ Open Session Request.
pub const PAYLOAD_OPEN_SESSION_REQUEST: u8 = 0x10;
/// RMCP+ Open Session Response.
pub const PAYLOAD_OPEN_SESSION_RESPONSE: u8 = 0x11;
/// RAKP message 1.
pub const PAYLOAD_RAKP_1: u8 = 0x12;
/// RAKP message 2.
pub const PAYLOAD_RAKP_2: u8 = 0x13;
/// RAKP message 3.
pub const PAYLOAD_RAKP_3: u8 = 0x14;
/// RAKP message 4.
pub const PAYLOAD_RAKP_4: u8 = 0x15;

const RMCP_VERSION: u8 = 0x06;
/// "No acknowledgement wanted": IPMI uses no other RMCP sequence number (IPMI 2.0 §13.1.3).
const RMCP_NO_ACK: u8 = 0xff;
const RMCP_CLASS_IPMI: u8 = 0x07;
const RMCP_HEADER_LENGTH: usize = 4;
const AUTH_TYPE_RMCP_PLUS: u8 = 0x06;
const PAYLOAD_OEM_EXPLICIT: u8 = 0x02;
const FLAG_ENCRYPTED: u8 = 0x80;
const FLAG_AUTHENTICATED: u8 = 0x40;
const PAYLOAD_TYPE_MASK: u8 = 0x3f;
const NEXT_HEADER: u8 = 0x07;
const INTEGRITY_PAD: u8 = 0xff;

/// One datagram of RMCP class IPMI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// IPMI 1.5 wrapping.
    V1(PacketV1<'a>),
    /// RMCP+ wrapping.
    V2(PacketV2<'a>),
}

/// A packet in IPMI 1.5 wrapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketV1<'a> {
    /// 0 outside of a session.
    pub session_id: u32,
    /// 0 outside of a session.
    pub sequence: u32,
    /// What protects it: MD5 over it and the password, or nothing.
    pub auth_code: Option<[u8; 16]>,
    /// An IPMI message.
    pub payload: &'a [u8],
}

/// How packets in IPMI 1.5 wrapping are authenticated (IPMI 2.0 table 13-8). There are more kinds, which are not spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// Not at all.
    None,
    /// By MD5.
    Md5,
}

impl AuthType {
    /// The kind of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            2 => Some(Self::Md5),
            _ => None,
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Md5 => 2,
        }
    }
}

/// A packet in RMCP+ wrapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketV2<'a> {
    /// One of the `PAYLOAD_…` constants, or something we don't know.
    pub payload_type: u8,
    /// Whether the payload is encrypted.
    pub encrypted: bool,
    /// Whether an authentication code follows the payload.
    pub authenticated: bool,
    /// The session at the receiver's side; 0 while it is set up.
    pub session_id: u32,
    /// Counts packets of the session; 0 while it is set up.
    pub sequence: u32,
    /// The payload, encrypted if `encrypted`.
    pub payload: &'a [u8],
    /// From the session header to the end of the datagram.
    session_part: &'a [u8],
    /// What follows the payload.
    trailer: &'a [u8],
}

impl<'a> PacketV2<'a> {
    /// The bytes that an authentication code of `length` bytes covers, and the code.
    pub fn split_auth_code(&self, length: usize) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
        let covered = self
            .session_part
            .len()
            .checked_sub(length)
            .ok_or(DecodeError::Short)?;
        let pad_and_header = self
            .trailer
            .len()
            .checked_sub(length)
            .and_then(|count| self.trailer.get(..count))
            .ok_or(DecodeError::Short)?;
        let [pad @ .., pad_length, next_header] = pad_and_header else {
            return Err(DecodeError::Short);
        };
        if *next_header != NEXT_HEADER {
            return Err(DecodeError::Unexpected("next header"));
        }
        if pad.len() != usize::from(*pad_length) {
            return Err(DecodeError::Unexpected("integrity pad"));
        }
        self.session_part
            .split_at_checked(covered)
            .ok_or(DecodeError::Short)
    }
}

/// Whom a reply is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteKey {
    /// The session, open or being set up, that our side gave this id.
    Session(u32),
    /// The session of IPMI 1.5 to which the BMC gave this id.
    OldSession(u32),
    /// The command sent outside of sessions with this sequence number (0 to 63).
    Sequence(u8),
    /// The set-up message with this tag: refusals may name no session.
    Tag(u8),
}

/// Reads a datagram's wrapping.
pub fn decode(datagram: &[u8]) -> Result<Packet<'_>, DecodeError> {
    let mut reader = Reader::new(datagram);
    let [version, _reserved, _sequence, class] = reader.array()?;
    if version != RMCP_VERSION || class != RMCP_CLASS_IPMI {
        return Err(DecodeError::Unexpected("RMCP header"));
    }
    let session_part = reader.rest();
    match reader.u8()? {
        kind if let Some(kind) = AuthType::from_number(kind) => {
            let sequence = reader.u32()?;
            let session_id = reader.u32()?;
            let auth_code = match kind {
                AuthType::None => None,
                AuthType::Md5 => Some(reader.array()?),
            };
            let length = reader.u8()?;
            // Some BMCs add a legacy pad byte; the length decides.
            let payload = reader.take(usize::from(length))?;
            Ok(Packet::V1(PacketV1 {
                session_id,
                sequence,
                auth_code,
                payload,
            }))
        }
        AUTH_TYPE_RMCP_PLUS => {
            let flags = reader.u8()?;
            let payload_type = flags & PAYLOAD_TYPE_MASK;
            if payload_type == PAYLOAD_OEM_EXPLICIT {
                return Err(DecodeError::Unexpected("OEM payload"));
            }
            let session_id = reader.u32()?;
            let sequence = reader.u32()?;
            let length = reader.u16()?;
            let payload = reader.take(usize::from(length))?;
            Ok(Packet::V2(PacketV2 {
                payload_type,
                encrypted: flags & FLAG_ENCRYPTED != 0,
                authenticated: flags & FLAG_AUTHENTICATED != 0,
                session_id,
                sequence,
                payload,
                session_part,
                trailer: reader.rest(),
            }))
        }
        _ => Err(DecodeError::Unexpected("authentication type")),
    }
}

/// Whom a datagram is for, without looking further into it than that takes.
pub fn route(datagram: &[u8]) -> Result<RouteKey, DecodeError> {
    match decode(datagram)? {
        Packet::V1(packet) if packet.session_id != 0 => Ok(RouteKey::OldSession(packet.session_id)),
        Packet::V1(packet) => lan::response_sequence(packet.payload).map(RouteKey::Sequence),
        Packet::V2(packet) if packet.session_id != 0 => Ok(RouteKey::Session(packet.session_id)),
        Packet::V2(packet) if packet.payload_type == PAYLOAD_IPMI => {
            lan::response_sequence(packet.payload).map(RouteKey::Sequence)
        }
        Packet::V2(packet) => {
            let head = setup::Head::decode(packet.payload)?;
            Ok(head
                .console_id
                .map_or(RouteKey::Tag(head.tag), RouteKey::Session))
        }
    }
}

/// Wraps an IPMI message that belongs to no session, as IPMI 1.5 does.
pub fn encode_sessionless(message: &[u8]) -> Vec<u8> {
    encode_v1(0, 0, None, message)
}

/// Wraps an IPMI message as IPMI 1.5 does; with a code it is authenticated by MD5.
pub fn encode_v1(
    session_id: u32,
    sequence: u32,
    auth_code: Option<[u8; 16]>,
    message: &[u8],
) -> Vec<u8> {
    let kind = match auth_code {
        None => AuthType::None,
        Some(_) => AuthType::Md5,
    };
    let mut packet = vec![RMCP_VERSION, 0, RMCP_NO_ACK, RMCP_CLASS_IPMI, kind.number()];
    packet.extend(sequence.to_le_bytes());
    packet.extend(session_id.to_le_bytes());
    packet.extend(auth_code.iter().flatten());
    packet.push(u8::try_from(message.len()).unwrap_or(u8::MAX));
    packet.extend_from_slice(message);
    packet
}

/// Wraps a payload as RMCP+ outside of any session: set-up messages, and IPMI messages where IPMI 1.5 wrapping is not understood.
pub fn encode_setup(payload_type: u8, payload: &[u8]) -> Vec<u8> {
    encode_v2(
        payload_type,
        false,
        0,
        0,
        payload,
        None::<fn(&[u8]) -> Vec<u8>>,
    )
}

/// Wraps a payload as RMCP+; with `session_id` and `sequence` 0 it is a set-up message.
///
/// `encrypted` says that the payload is so already. `sign` computes the authentication code over the bytes that it
/// is given; without it the packet has no trailer.
pub fn encode_v2(
    payload_type: u8,
    encrypted: bool,
    session_id: u32,
    sequence: u32,
    payload: &[u8],
    sign: Option<impl FnOnce(&[u8]) -> Vec<u8>>,
) -> Vec<u8> {
    let mut flags = payload_type & PAYLOAD_TYPE_MASK;
    if encrypted {
        flags |= FLAG_ENCRYPTED;
    }
    if sign.is_some() {
        flags |= FLAG_AUTHENTICATED;
    }
    let mut packet = Vec::with_capacity(payload.len() + 40);
    packet.extend([
        RMCP_VERSION,
        0,
        RMCP_NO_ACK,
        RMCP_CLASS_IPMI,
        AUTH_TYPE_RMCP_PLUS,
        flags,
    ]);
    packet.extend(session_id.to_le_bytes());
    packet.extend(sequence.to_le_bytes());
    packet.extend(
        u16::try_from(payload.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    packet.extend_from_slice(payload);
    if let Some(sign) = sign {
        let mut pad_length = 0_u8;
        while !(packet.len() - RMCP_HEADER_LENGTH + 2).is_multiple_of(4) {
            packet.push(INTEGRITY_PAD);
            pad_length += 1;
        }
        packet.extend([pad_length, NEXT_HEADER]);
        let code = packet
            .get(RMCP_HEADER_LENGTH..)
            .map(sign)
            .unwrap_or_default();
        packet.extend(code);
    }
    packet
}
