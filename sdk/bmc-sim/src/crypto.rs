//! The cipher suites and what they compute (IPMI 2.0 §13.28 to §13.32, table 22-20).

use aes::{
    Aes128,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding},
};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Which keyed hash a suite is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    None,
    Sha1,
    Sha256,
}

/// A cipher suite by its algorithm numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) id: u8,
    pub(crate) hash: Hash,
    pub(crate) signs: bool,
    pub(crate) encrypts: bool,
}

const SUITES: [Suite; 7] = [
    Suite {
        id: 0,
        hash: Hash::None,
        signs: false,
        encrypts: false,
    },
    Suite {
        id: 1,
        hash: Hash::Sha1,
        signs: false,
        encrypts: false,
    },
    Suite {
        id: 2,
        hash: Hash::Sha1,
        signs: true,
        encrypts: false,
    },
    Suite {
        id: 3,
        hash: Hash::Sha1,
        signs: true,
        encrypts: true,
    },
    Suite {
        id: 15,
        hash: Hash::Sha256,
        signs: false,
        encrypts: false,
    },
    Suite {
        id: 16,
        hash: Hash::Sha256,
        signs: true,
        encrypts: false,
    },
    Suite {
        id: 17,
        hash: Hash::Sha256,
        signs: true,
        encrypts: true,
    },
];

impl Suite {
    /// The one that protects nothing.
    pub(crate) const NONE: Self = Self {
        id: 0,
        hash: Hash::None,
        signs: false,
        encrypts: false,
    };

    pub(crate) fn by_id(id: u8) -> Option<Self> {
        SUITES.into_iter().find(|suite| suite.id == id)
    }

    /// The suite with these authentication, integrity and confidentiality algorithms.
    pub(crate) fn by_algorithms(algorithms: [u8; 3]) -> Option<Self> {
        SUITES
            .into_iter()
            .find(|suite| suite.algorithms() == algorithms)
    }

    pub(crate) fn algorithms(self) -> [u8; 3] {
        let (authentication, integrity) = match self.hash {
            Hash::None => (0, 0),
            Hash::Sha1 => (1, 1),
            Hash::Sha256 => (3, 4),
        };
        [
            authentication,
            if self.signs { integrity } else { 0 },
            u8::from(self.encrypts),
        ]
    }

    /// Length of an authentication code in a packet, and of the check value in RAKP message 4.
    pub(crate) fn short_length(self) -> usize {
        match self.hash {
            Hash::None => 0,
            Hash::Sha1 => 12,
            Hash::Sha256 => 16,
        }
    }
}

pub(crate) fn keyed_hash(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    match hash {
        Hash::None => Vec::new(),
        Hash::Sha1 => feed(Hmac::<Sha1>::new_from_slice(key).ok(), parts),
        Hash::Sha256 => feed(Hmac::<Sha256>::new_from_slice(key).ok(), parts),
    }
}

fn feed<M: Mac>(mac: Option<M>, parts: &[&[u8]]) -> Vec<u8> {
    let Some(mut mac) = mac else {
        return Vec::new();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The additional keys of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    integrity: Vec<u8>,
    encryption: [u8; 16],
}

impl Keys {
    pub(crate) fn derive(suite: Suite, session_key: &[u8]) -> Self {
        let additional = |constant| keyed_hash(suite.hash, session_key, &[&[constant; 20]]);
        Self {
            integrity: additional(1),
            encryption: additional(2).first_chunk().copied().unwrap_or_default(),
        }
    }

    pub(crate) fn sign(&self, suite: Suite, covered: &[u8]) -> Vec<u8> {
        let mut code = keyed_hash(suite.hash, &self.integrity, &[covered]);
        code.truncate(suite.short_length());
        code
    }

    pub(crate) fn encrypt(&self, message: &[u8]) -> Vec<u8> {
        let iv: [u8; 16] = rand::random();
        let mut body = message.to_vec();
        let pad = 15 - body.len() % 16;
        body.extend((1_u8..).take(pad));
        body.push(u8::try_from(pad).unwrap_or(0));
        let length = body.len();
        let cipher = cbc::Encryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        let _ = cipher.encrypt_padded::<NoPadding>(&mut body, length);
        [iv.as_slice(), &body].concat()
    }

    pub(crate) fn decrypt(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let (iv, body) = payload.split_first_chunk::<16>()?;
        let mut body = body.to_vec();
        let cipher = cbc::Decryptor::<Aes128>::new(&self.encryption.into(), iv.into());
        cipher.decrypt_padded::<NoPadding>(&mut body).ok()?;
        let pad = usize::from(body.pop()?);
        let message = body.len().checked_sub(pad)?;
        // The pad must count 1, 2, 3 … (IPMI 2.0 §13.29.1): we are strict, so that clients have to be right.
        let counts = body
            .get(message..)?
            .iter()
            .zip(1_u8..)
            .all(|(byte, count)| *byte == count);
        body.truncate(message);
        counts.then_some(body)
    }
}
