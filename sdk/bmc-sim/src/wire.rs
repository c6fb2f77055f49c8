//! Packets as bytes: RMCP, the two session wrappings, IPMI messages (IPMI 2.0 §13.1, §13.6, §13.8).

/// RMCP header of a message of class ASF, and of class IPMI, without acknowledgement.
const RMCP_ASF: [u8; 4] = [0x06, 0x00, 0xff, 0x06];
const RMCP_IPMI: [u8; 4] = [0x06, 0x00, 0xff, 0x07];
const ASF_ENTERPRISE: [u8; 4] = [0x00, 0x00, 0x11, 0xbe];
const ASF_PING: u8 = 0x80;
const ASF_PONG: u8 = 0x40;
const FORMAT_V2: u8 = 0x06;
const BIT_ENCRYPTED: u8 = 0x80;
const BIT_AUTHENTICATED: u8 = 0x40;

/// What a datagram is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Datagram<'a> {
    /// ASF presence ping with its tag.
    Ping { tag: u8 },
    /// An IPMI message outside of sessions, in IPMI 1.5 wrapping.
    Sessionless { message: &'a [u8] },
    /// A message in a session of IPMI 1.5.
    Old(Old<'a>),
    /// Anything in RMCP+ wrapping.
    Plus(Plus<'a>),
}

/// A packet in the wrapping of an IPMI 1.5 session (IPMI 2.0 §13.6).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Old<'a> {
    pub(crate) auth_type: u8,
    pub(crate) sequence: u32,
    pub(crate) session_id: u32,
    /// The authentication code; none for packets without authentication.
    pub(crate) code: Option<[u8; 16]>,
    pub(crate) message: &'a [u8],
}

/// A packet in RMCP+ wrapping.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plus<'a> {
    pub(crate) payload_type: u8,
    pub(crate) encrypted: bool,
    pub(crate) authenticated: bool,
    pub(crate) session_id: u32,
    pub(crate) sequence: u32,
    pub(crate) payload: &'a [u8],
    /// The whole from the session header on.
    pub(crate) session_part: &'a [u8],
}

/// A request to the BMC.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) netfn: u8,
    pub(crate) command: u8,
    pub(crate) data: &'a [u8],
    /// Requester's address, its sequence number and logical unit, and our logical unit: for the way back.
    requester: u8,
    sequence_and_unit: u8,
    our_unit: u8,
}

pub(crate) fn decode(datagram: &[u8]) -> Option<Datagram<'_>> {
    let (header, rest) = datagram.split_first_chunk::<4>()?;
    let [version, _, _, class] = *header;
    match (version, class & 0x1f) {
        (0x06, 0x06) => {
            let (asf, _) = rest.split_first_chunk::<8>()?;
            let [a, b, c, d, kind, tag, _, _] = *asf;
            ([a, b, c, d] == ASF_ENTERPRISE && kind == ASF_PING).then_some(Datagram::Ping { tag })
        }
        (0x06, 0x07) if rest.first() == Some(&FORMAT_V2) => decode_plus(rest).map(Datagram::Plus),
        (0x06, 0x07) => {
            let packet = decode_old(rest)?;
            let outside = (packet.auth_type, packet.sequence, packet.session_id) == (0, 0, 0);
            Some(if outside {
                Datagram::Sessionless {
                    message: packet.message,
                }
            } else {
                Datagram::Old(packet)
            })
        }
        _ => None,
    }
}

fn decode_old(session_part: &[u8]) -> Option<Old<'_>> {
    let (header, rest) = session_part.split_first_chunk::<9>()?;
    let [auth_type, s0, s1, s2, s3, i0, i1, i2, i3] = *header;
    let (code, rest) = if auth_type == 0 {
        (None, rest)
    } else {
        let (code, rest) = rest.split_first_chunk::<16>()?;
        (Some(*code), rest)
    };
    let (length, rest) = rest.split_first()?;
    Some(Old {
        auth_type,
        sequence: u32::from_le_bytes([s0, s1, s2, s3]),
        session_id: u32::from_le_bytes([i0, i1, i2, i3]),
        code,
        message: rest.get(..usize::from(*length))?,
    })
}

fn decode_plus(session_part: &[u8]) -> Option<Plus<'_>> {
    let (header, rest) = session_part.split_first_chunk::<12>()?;
    let [_, flags, i0, i1, i2, i3, s0, s1, s2, s3, l0, l1] = *header;
    let length = u16::from_le_bytes([l0, l1]);
    Some(Plus {
        payload_type: flags & 0x3f,
        encrypted: flags & BIT_ENCRYPTED != 0,
        authenticated: flags & BIT_AUTHENTICATED != 0,
        session_id: u32::from_le_bytes([i0, i1, i2, i3]),
        sequence: u32::from_le_bytes([s0, s1, s2, s3]),
        payload: rest.get(..usize::from(length))?,
        session_part,
    })
}

pub(crate) fn decode_request(message: &[u8]) -> Option<Request<'_>> {
    let (head, body) = message.split_first_chunk::<3>()?;
    let [_, netfn_and_unit, _] = *head;
    if sum(head) != 0 || sum(body) != 0 {
        return None;
    }
    let (fixed, rest) = body.split_first_chunk::<3>()?;
    let [requester, sequence_and_unit, command] = *fixed;
    let (_, data) = rest.split_last()?;
    Some(Request {
        netfn: netfn_and_unit >> 2,
        command,
        data,
        requester,
        sequence_and_unit,
        our_unit: netfn_and_unit & 3,
    })
}

impl Request<'_> {
    /// The answer to this request, as an IPMI message.
    pub(crate) fn reply(&self, completion_code: u8, data: &[u8]) -> Vec<u8> {
        let requester_unit = self.sequence_and_unit & 3;
        let mut message = vec![self.requester, ((self.netfn | 1) << 2) | requester_unit];
        message.push(0_u8.wrapping_sub(sum(&message)));
        let mut body = vec![
            0x20,
            (self.sequence_and_unit & 0xfc) | self.our_unit,
            self.command,
            completion_code,
        ];
        body.extend_from_slice(data);
        body.push(0_u8.wrapping_sub(sum(&body)));
        message.extend(body);
        message
    }
}

/// The answer to a presence ping: IPMI is spoken here (ASF 2.0 §3.2.4.3, IPMI 2.0 §13.2.4).
pub(crate) fn encode_pong(tag: u8) -> Vec<u8> {
    let mut packet = RMCP_ASF.to_vec();
    packet.extend(ASF_ENTERPRISE);
    packet.extend([ASF_PONG, tag, 0, 16]);
    packet.extend(ASF_ENTERPRISE);
    packet.extend([0; 4]);
    packet.extend([0x81, 0, 0, 0, 0, 0, 0, 0]);
    packet
}

/// An IPMI message outside of sessions.
pub(crate) fn encode_sessionless(message: &[u8]) -> Vec<u8> {
    let mut packet = RMCP_IPMI.to_vec();
    packet.extend([0; 9]);
    packet.push(u8::try_from(message.len()).unwrap_or(u8::MAX));
    packet.extend_from_slice(message);
    packet
}

/// A message in a session of IPMI 1.5.
pub(crate) fn encode_old(
    auth_type: u8,
    sequence: u32,
    session_id: u32,
    code: Option<[u8; 16]>,
    message: &[u8],
) -> Vec<u8> {
    let mut packet = RMCP_IPMI.to_vec();
    packet.push(auth_type);
    packet.extend(sequence.to_le_bytes());
    packet.extend(session_id.to_le_bytes());
    packet.extend(code.into_iter().flatten());
    packet.push(u8::try_from(message.len()).unwrap_or(u8::MAX));
    packet.extend_from_slice(message);
    packet
}

/// A set-up message: RMCP+ wrapping with neither session nor protection.
pub(crate) fn encode_setup(payload_type: u8, payload: &[u8]) -> Vec<u8> {
    encode_plus(payload_type, 0, 0, payload)
}

/// RMCP+ wrapping without a trailer; `flags` is the payload type and its two bits.
pub(crate) fn encode_plus(flags: u8, session_id: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = RMCP_IPMI.to_vec();
    packet.extend([FORMAT_V2, flags]);
    packet.extend(session_id.to_le_bytes());
    packet.extend(sequence.to_le_bytes());
    packet.extend(
        u16::try_from(payload.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    packet.extend_from_slice(payload);
    packet
}

/// Adds pad, pad length and next header, after which the authentication code goes.
pub(crate) fn add_trailer(packet: &mut Vec<u8>) {
    // The session part and the trailer's two bytes fill whole words; the RMCP header is one word itself.
    let pad = (4 - (packet.len() + 2) % 4) % 4;
    packet.extend(std::iter::repeat_n(0xff, pad));
    packet.extend([u8::try_from(pad).unwrap_or(0), 0x07]);
}

/// The part of a packet that its authentication code covers.
pub(crate) fn covered(packet: &[u8]) -> &[u8] {
    packet.get(RMCP_IPMI.len()..).unwrap_or_default()
}

pub(crate) fn flags(payload_type: u8, encrypted: bool, authenticated: bool) -> u8 {
    payload_type
        | if encrypted { BIT_ENCRYPTED } else { 0 }
        | if authenticated { BIT_AUTHENTICATED } else { 0 }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]

    use proptest::prelude::*;

    use super::*;

    fn decode_everything(bytes: &[u8]) {
        if let Some(Datagram::Sessionless { message }) = decode(bytes) {
            let _ = decode_request(message);
        }
        let _ = decode_request(bytes);
        crate::receive_everything(&[bytes]);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            decode_everything(&bytes);
            for class in [6, 7] {
                let mut datagram = vec![6, 0, 0xff, class];
                datagram.extend(&bytes);
                decode_everything(&datagram);
            }
        }

        #[test]
        fn plus_packets_come_back(payload in prop::collection::vec(any::<u8>(), 0..300), id: u32, sequence: u32) {
            let mut packet = encode_plus(flags(0, false, true), id, sequence, &payload);
            add_trailer(&mut packet);
            prop_assert_eq!(covered(&packet).len() % 4, 0);
            let Some(Datagram::Plus(plus)) = decode(&packet) else { panic!("not RMCP+") };
            prop_assert_eq!((plus.session_id, plus.sequence, plus.payload), (id, sequence, payload.as_slice()));
            prop_assert!(plus.authenticated && !plus.encrypted);
        }
    }

    #[test]
    fn packets_of_old_sessions_come_back() {
        for code in [None, Some([7; 16])] {
            let kind = if code.is_some() { 2 } else { 0 };
            let packet = encode_old(kind, 5, 9, code, b"message");
            let Some(Datagram::Old(old)) = decode(&packet) else {
                panic!("not of a session")
            };
            assert_eq!((old.auth_type, old.sequence, old.session_id), (kind, 5, 9));
            assert_eq!((old.code, old.message), (code, &b"message"[..]));
        }
    }

    #[test]
    fn a_request_from_the_specification_is_read_and_answered() {
        // Get Device ID from 81h with sequence 1.
        let message = [0x20, 0x18, 0xc8, 0x81, 0x04, 0x01, 0x7a];
        let request = decode_request(&message).unwrap();
        assert_eq!(
            (request.netfn, request.command, request.data),
            (6, 1, &[][..])
        );
        assert_eq!(
            request.reply(0, &[]),
            [0x81, 0x1c, 0x63, 0x20, 0x04, 0x01, 0x00, 0xdb]
        );
    }
}
