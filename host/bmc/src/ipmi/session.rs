//! A session: sealing what goes out, checking what comes in. No I/O.

use md5::{Digest, Md5};

use super::{
    Bridge, Request, Response,
    codec::{
        bridge::{self, Reading},
        lan,
        packet::{self, AuthType, PAYLOAD_IPMI, Packet, PacketV1, PacketV2},
        suite::CipherSuite,
    },
    crypto::{Protection, same},
};

/// How far behind the newest packet one may be and still be taken (IPMI 2.0 §6.12.13 has 16 and more).
const WINDOW: u32 = 32;

/// A session: of RMCP+, or of IPMI 1.5.
pub(super) struct Session {
    wrapping: Wrapping,
    last_sent: u32,
    received: Window,
    /// How many packets of the BMC were taken.
    taken: u64,
    request_sequence: u8,
}

enum Wrapping {
    Plus {
        console_id: u32,
        bmc_id: u32,
        suite: CipherSuite,
        protection: Protection,
    },
    /// IPMI 1.5, where both sides have the same id. Until the session is open packets have the number 0.
    Old { id: u32, key: Key, is_open: bool },
}

/// What authenticates packets of IPMI 1.5 (IPMI 2.0 §22.17.1).
#[derive(Clone)]
pub(super) enum Key {
    None,
    Md5([u8; 16]),
}

/// A command on its way: its message stays the same however often it is sent.
pub(super) struct Outgoing {
    message: Vec<u8>,
    sequence: u8,
    bridge: Option<Bridge>,
}

/// What a command came to: an answer, or the completion code of the controller that could not pass it on.
pub(super) type Outcome = Result<Response, NotPassedOn>;

/// A controller's reason for not passing a command on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotPassedOn(pub(super) u8);

impl Session {
    /// An open session of RMCP+.
    pub(super) fn new(
        console_id: u32,
        bmc_id: u32,
        suite: CipherSuite,
        protection: Protection,
    ) -> Self {
        Self::begin(
            Wrapping::Plus {
                console_id,
                bmc_id,
                suite,
                protection,
            },
            0,
            Window::default(),
        )
    }

    /// A session of IPMI 1.5 that is being opened.
    pub(super) fn opening(id: u32, key: Key) -> Self {
        let is_open = false;
        Self::begin(Wrapping::Old { id, key, is_open }, 0, Window::default())
    }

    /// An open session of IPMI 1.5, with the numbers of the first packets to and from the BMC.
    pub(super) fn old(id: u32, key: Key, inbound: u32, outbound: u32) -> Self {
        let is_open = true;
        Self::begin(
            Wrapping::Old { id, key, is_open },
            inbound.wrapping_sub(1),
            Window::before(outbound),
        )
    }

    fn begin(wrapping: Wrapping, last_sent: u32, received: Window) -> Self {
        Self {
            wrapping,
            last_sent,
            received,
            taken: 0,
            request_sequence: 0,
        }
    }

    /// The BMC's id of this session, which Close Session names.
    pub(super) fn bmc_id(&self) -> u32 {
        match self.wrapping {
            Wrapping::Plus { bmc_id, .. } => bmc_id,
            Wrapping::Old { id, .. } => id,
        }
    }

    /// Its cipher suite; IPMI 1.5 has none.
    pub(super) fn suite(&self) -> Option<u8> {
        match &self.wrapping {
            Wrapping::Plus { suite, .. } => Some(suite.id),
            Wrapping::Old { .. } => None,
        }
    }

    /// Whether its packets are encrypted, and whether they are authenticated.
    pub(super) fn protects(&self) -> (bool, bool) {
        match &self.wrapping {
            Wrapping::Plus { protection, .. } => {
                (protection.encrypts(), protection.code_length().is_some())
            }
            Wrapping::Old { key, .. } => (false, !matches!(key, Key::None)),
        }
    }

    /// How many packets of the BMC were taken so far: it is alive if there are more.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Gives a request its sequence number within the session.
    pub(super) fn prepare(&mut self, request: &Request, bridge: Option<&Bridge>) -> Outgoing {
        self.request_sequence = (self.request_sequence + 1) % 64;
        Outgoing {
            message: bridge::encode_request(request, self.request_sequence, bridge),
            sequence: self.request_sequence,
            bridge: bridge.copied(),
        }
    }

    /// One transmission of a prepared request. Each has a packet number of its own, since a BMC drops
    /// a number that it has seen, while the request's number stays and lets the BMC know a repetition.
    pub(super) fn seal(&mut self, outgoing: &Outgoing) -> Vec<u8> {
        self.seal_payload(PAYLOAD_IPMI, &outgoing.message)
    }

    /// A packet with a payload of a type.
    pub(super) fn seal_payload(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        // 0 is for packets outside of a session (IPMI 2.0 §6.12.12).
        let number = self.last_sent.checked_add(1).unwrap_or(1);
        match &self.wrapping {
            Wrapping::Plus {
                bmc_id, protection, ..
            } => {
                self.last_sent = number;
                let payload = protection.encrypt(payload);
                let sign = protection
                    .code_length()
                    .map(|_| |covered: &[u8]| protection.sign(covered));
                let encrypts = protection.encrypts();
                packet::encode_v2(payload_type, encrypts, *bmc_id, number, &payload, sign)
            }
            Wrapping::Old { id, key, is_open } => {
                let number = if *is_open { number } else { 0 };
                self.last_sent = number;
                let code = key.sign(*id, number, payload);
                packet::encode_v1(*id, number, code, payload)
            }
        }
    }

    /// The answer to a prepared request, if that is what the datagram is: of this session, unaltered,
    /// not seen before, and with the request's number. Everything else is nothing.
    pub(super) fn open(
        &mut self,
        request: &Request,
        outgoing: &Outgoing,
        datagram: &[u8],
    ) -> Option<Outcome> {
        let (payload_type, payload) = self.receive(datagram)?;
        if payload_type != PAYLOAD_IPMI {
            return None;
        }
        let reply = lan::decode_response(&payload).ok()?;
        match bridge::read(reply, request, outgoing.sequence, outgoing.bridge.as_ref()) {
            Reading::Answer(response) => Some(Ok(response)),
            Reading::NotPassedOn(code) => Some(Err(NotPassedOn(code))),
            Reading::Nothing => None,
        }
    }

    /// What a datagram of this session carries, and its payload type. Everything else is nothing.
    pub(super) fn receive(&mut self, datagram: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (kind, payload) = match (&self.wrapping, packet::decode(datagram).ok()?) {
            (
                Wrapping::Plus {
                    console_id,
                    protection,
                    ..
                },
                Packet::V2(packet),
            ) => unseal_plus(*console_id, protection, &mut self.received, &packet)?,
            (Wrapping::Old { id, key, is_open }, Packet::V1(packet)) => {
                let received = is_open.then_some(&mut self.received);
                (PAYLOAD_IPMI, unseal_old(*id, key, received, &packet)?)
            }
            _ => return None,
        };
        self.taken += 1;
        Some((kind, payload))
    }
}

fn unseal_plus(
    console_id: u32,
    protection: &Protection,
    received: &mut Window,
    packet: &PacketV2<'_>,
) -> Option<(u8, Vec<u8>)> {
    if packet.session_id != console_id {
        return None;
    }
    if let Some(length) = protection.code_length() {
        if !packet.authenticated {
            return None;
        }
        let (covered, code) = packet.split_auth_code(length).ok()?;
        if !protection.verify(covered, code) {
            return None;
        }
    }
    if !received.take(packet.sequence) {
        return None;
    }
    let payload = if packet.encrypted {
        protection.decrypt(packet.payload)?
    } else {
        packet.payload.to_vec()
    };
    Some((packet.payload_type, payload))
}

fn unseal_old(
    id: u32,
    key: &Key,
    received: Option<&mut Window>,
    packet: &PacketV1<'_>,
) -> Option<Vec<u8>> {
    if packet.session_id != id {
        return None;
    }
    if let Some(expected) = key.sign(id, packet.sequence, packet.payload) {
        let code = packet.auth_code?;
        if !same(&expected, &code) {
            return None;
        }
        // Whoever doesn't authenticate packets doesn't have to count them either.
        if received.is_some_and(|received| !received.take(packet.sequence)) {
            return None;
        }
    }
    Some(packet.payload.to_vec())
}

impl Key {
    /// The key of a password: 16 bytes, filled up with zeros.
    pub(super) fn new(auth: AuthType, password: &[u8]) -> Self {
        match auth {
            AuthType::None => Self::None,
            AuthType::Md5 => {
                let mut key = [0; 16];
                for (to, from) in key.iter_mut().zip(password) {
                    *to = *from;
                }
                Self::Md5(key)
            }
        }
    }

    /// The same, for a session that goes on with this kind of authentication.
    pub(super) fn used_for(self, auth: AuthType) -> Self {
        match auth {
            AuthType::None => Self::None,
            AuthType::Md5 => self,
        }
    }

    fn sign(&self, id: u32, sequence: u32, message: &[u8]) -> Option<[u8; 16]> {
        let Self::Md5(key) = self else {
            return None;
        };
        let hash = Md5::new()
            .chain_update(key)
            .chain_update(id.to_le_bytes())
            .chain_update(message)
            .chain_update(sequence.to_le_bytes())
            .chain_update(key);
        Some(hash.finalize().into())
    }
}

/// Which packet numbers were seen.
#[derive(Debug, Default)]
struct Window {
    newest: u32,
    /// Bit n: `newest - n` was seen.
    seen: u32,
}

impl Window {
    /// In which `first` will be the first.
    fn before(first: u32) -> Self {
        Self {
            newest: first.wrapping_sub(1),
            seen: u32::MAX,
        }
    }

    /// Notes a packet number; false if it was seen before or is too old to know.
    fn take(&mut self, number: u32) -> bool {
        if number > self.newest {
            let ahead = number - self.newest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.newest = number;
            return true;
        }
        let behind = self.newest - number;
        if behind >= WINDOW || self.seen & (1 << behind) != 0 {
            return false;
        }
        self.seen |= 1 << behind;
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]

    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_taken_once_and_new_ones_always(numbers in prop::collection::vec(1_u32..200, 0..200)) {
            let mut window = Window::default();
            let mut taken = HashSet::new();
            let mut newest = 0;
            for number in numbers {
                let fresh = window.take(number);
                if number > newest {
                    prop_assert!(fresh);
                } else if newest - number < WINDOW {
                    prop_assert_eq!(fresh, !taken.contains(&number));
                } else {
                    prop_assert!(!fresh);
                }
                if fresh {
                    prop_assert!(taken.insert(number));
                }
                newest = newest.max(number);
            }
        }
    }
}
