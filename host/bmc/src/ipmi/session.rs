//! An open session: sealing what goes out, checking what comes in. No I/O.

use super::{
    Request, Response,
    codec::{
        lan,
        packet::{self, PAYLOAD_IPMI, Packet},
        suite::CipherSuite,
    },
    crypto::Protection,
};

/// How far behind the newest packet one may be and still be taken (IPMI 2.0 §6.12.13 has 16 and more).
const WINDOW: u32 = 32;

/// An open RMCP+ session.
pub(super) struct Session {
    console_id: u32,
    bmc_id: u32,
    pub(super) suite: CipherSuite,
    protection: Protection,
    last_sent: u32,
    received: Window,
    request_sequence: u8,
}

/// A command on its way: its message stays the same however often it is sent.
pub(super) struct Outgoing {
    message: Vec<u8>,
    sequence: u8,
}

impl Session {
    pub(super) fn new(
        console_id: u32,
        bmc_id: u32,
        suite: CipherSuite,
        protection: Protection,
    ) -> Self {
        Self {
            console_id,
            bmc_id,
            suite,
            protection,
            last_sent: 0,
            received: Window::default(),
            request_sequence: 0,
        }
    }

    /// The BMC's id of this session, which Close Session names.
    pub(super) fn bmc_id(&self) -> u32 {
        self.bmc_id
    }

    /// Gives a request its sequence number within the session.
    pub(super) fn prepare(&mut self, request: &Request) -> Outgoing {
        self.request_sequence = (self.request_sequence + 1) % 64;
        Outgoing {
            message: lan::encode_request(request, self.request_sequence),
            sequence: self.request_sequence,
        }
    }

    /// One transmission of a prepared request. Each has a packet number of its own, since a BMC drops
    /// a number that it has seen, while the request's number stays and lets the BMC know a repetition.
    pub(super) fn seal(&mut self, outgoing: &Outgoing) -> Vec<u8> {
        // 0 is for packets outside of a session (IPMI 2.0 §6.12.12).
        self.last_sent = self.last_sent.checked_add(1).unwrap_or(1);
        let payload = self.protection.encrypt(&outgoing.message);
        let sign = self
            .protection
            .code_length()
            .map(|_| |covered: &[u8]| self.protection.sign(covered));
        packet::encode_v2(
            PAYLOAD_IPMI,
            self.protection.encrypts(),
            self.bmc_id,
            self.last_sent,
            &payload,
            sign,
        )
    }

    /// The answer to a prepared request, if that is what the datagram is: of this session, unaltered,
    /// not seen before, and with the request's number. Everything else is nothing.
    pub(super) fn open(
        &mut self,
        request: &Request,
        outgoing: &Outgoing,
        datagram: &[u8],
    ) -> Option<Response> {
        let Ok(Packet::V2(packet)) = packet::decode(datagram) else {
            return None;
        };
        if packet.session_id != self.console_id || packet.payload_type != PAYLOAD_IPMI {
            return None;
        }
        if let Some(length) = self.protection.code_length() {
            if !packet.authenticated {
                return None;
            }
            let (covered, code) = packet.split_auth_code(length).ok()?;
            if !self.protection.verify(covered, code) {
                return None;
            }
        }
        if !self.received.take(packet.sequence) {
            return None;
        }
        let reply = if packet.encrypted {
            lan::decode_response(&self.protection.decrypt(packet.payload)?)
        } else {
            lan::decode_response(packet.payload)
        };
        reply
            .ok()
            .filter(|reply| reply.answers(request, outgoing.sequence))
            .map(|reply| reply.response)
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
