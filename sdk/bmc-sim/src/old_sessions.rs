//! Sessions of IPMI 1.5: their challenge, their opening, and what protects their packets (IPMI 2.0 §13.6, §22.16, §22.17).

use std::time::Instant;

use md5::{Digest, Md5};

use crate::{
    PrivilegeLevel,
    bmc::{BmcConfig, User},
    wire,
};

/// Authentication types in packets and commands (IPMI 2.0 table 13-8).
pub(crate) const NONE: u8 = 0x00;
pub(crate) const MD5: u8 = 0x02;

/// How a BMC authenticates packets of IPMI 1.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldAuthentication {
    /// By MD5 over the password and each packet.
    Md5,
    /// Not at all: users are known by their names.
    None,
}

/// A session that was promised to whoever answers the challenge.
pub(crate) struct Promised {
    challenge: [u8; 16],
    key: Key,
    limit: u8,
    /// What it was opened as, and what was answered: the same answer goes to the same request.
    pub(crate) opened: Option<(u32, Vec<u8>)>,
}

/// What makes authentication codes.
#[derive(Clone)]
pub(crate) struct Key {
    kind: OldAuthentication,
    password: [u8; 16],
}

/// How packets of an open session go out.
pub(crate) struct OldWrapping {
    pub(crate) key: Key,
    /// Number of the next packet to the console.
    pub(crate) next: u32,
}

impl OldAuthentication {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Md5 => MD5,
            Self::None => NONE,
        }
    }

    /// Its bit in Get Channel Authentication Capabilities (IPMI 2.0 §22.13).
    pub(crate) fn bit(self) -> u8 {
        1 << self.number()
    }
}

impl Promised {
    /// For the user of this name, as Get Session Challenge gives it; none if there is no such user.
    pub(crate) fn new(config: &BmcConfig, kind: OldAuthentication, name: &[u8]) -> Option<Self> {
        let end = name.iter().position(|byte| *byte == 0);
        let name = name.get(..end.unwrap_or(name.len()))?;
        let user: &User = config
            .users
            .iter()
            .find(|user| user.name.as_bytes() == name)?;
        let mut password = [0; 16];
        for (to, from) in password.iter_mut().zip(user.password.bytes()) {
            *to = from;
        }
        Some(Self {
            challenge: rand::random(),
            key: Key { kind, password },
            limit: PrivilegeLevel::number(user.privilege),
            opened: None,
        })
    }

    pub(crate) fn challenge(&self) -> [u8; 16] {
        self.challenge
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn limit(&self) -> u8 {
        self.limit
    }
}

impl Key {
    pub(crate) fn kind(&self) -> OldAuthentication {
        self.kind
    }

    /// The code of a packet; none where packets have none.
    fn sign(&self, id: u32, sequence: u32, message: &[u8]) -> Option<[u8; 16]> {
        match self.kind {
            OldAuthentication::None => None,
            OldAuthentication::Md5 => {
                let mut hash = Md5::new();
                hash.update(self.password);
                hash.update(id.to_le_bytes());
                hash.update(message);
                hash.update(sequence.to_le_bytes());
                hash.update(self.password);
                Some(hash.finalize().into())
            }
        }
    }

    /// Whether a packet is what it says.
    pub(crate) fn admits(&self, packet: &wire::Old<'_>) -> bool {
        let expected = self.sign(packet.session_id, packet.sequence, packet.message);
        packet.auth_type == self.kind.number() && packet.code == expected
    }

    /// A packet with this message.
    pub(crate) fn seal(&self, id: u32, sequence: u32, message: &[u8]) -> Vec<u8> {
        let code = self.sign(id, sequence, message);
        wire::encode_old(self.kind.number(), sequence, id, code, message)
    }
}

impl OldWrapping {
    /// The next packet of the session.
    pub(crate) fn seal(&mut self, id: u32, message: &[u8]) -> Vec<u8> {
        let sequence = self.next;
        // 0 is for packets outside of sessions.
        self.next = self.next.checked_add(1).unwrap_or(1);
        self.key.seal(id, sequence, message)
    }
}

/// When a promise was made, and what it is.
pub(crate) type Dated = (Instant, Promised);
