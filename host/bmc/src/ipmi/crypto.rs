//! The keys of a session and what is computed with them (IPMI 2.0 §13.28 to §13.32).

use aes::Aes128;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::codec::suite::{Authentication, CipherSuite, Confidentiality, Integrity};

const HASH_BLOCK: usize = 64;
const AES_BLOCK: usize = 16;
/// Length of the constants that K1 and K2 are made of (IPMI 2.0 §13.32; 20 bytes also with SHA-256, as all BMCs have it).
const CONSTANT_LENGTH: usize = 20;

/// A keyed hash, ready to be used many times.
#[derive(Clone)]
pub(super) enum KeyedHash {
    None,
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl KeyedHash {
    pub(super) fn new(algorithm: Authentication, key: &[u8]) -> Self {
        // Keys here are never longer than a block, and HMAC fills them up with zeros anyway.
        let mut block = [0; HASH_BLOCK];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        match algorithm {
            Authentication::None => Self::None,
            Authentication::HmacSha1 => Self::Sha1(Hmac::new(&block.into())),
            Authentication::HmacSha256 => Self::Sha256(Hmac::new(&block.into())),
        }
    }

    /// The hash of the parts, one after another; empty without an algorithm.
    pub(super) fn of(&self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Sha1(hash) => digest(hash, parts),
            Self::Sha256(hash) => digest(hash, parts),
        }
    }
}

fn digest<M: Mac + Clone>(keyed: &M, parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = keyed.clone();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into_bytes().to_vec()
}

/// The algorithms and keys that protect the packets of an open session.
pub(super) struct Protection {
    integrity: Option<(KeyedHash, usize)>,
    cipher_key: Option<[u8; AES_BLOCK]>,
}

impl Protection {
    /// Derives K1 and K2 from the session integrity key.
    pub(super) fn new(suite: CipherSuite, session_key: &[u8]) -> Self {
        let session_hash = KeyedHash::new(suite.authentication, session_key);
        let key = |constant: u8| session_hash.of(&[&[constant; CONSTANT_LENGTH]]);
        let integrity = match suite.integrity {
            Integrity::None => None,
            Integrity::HmacSha1 => Some((KeyedHash::new(Authentication::HmacSha1, &key(1)), 12)),
            Integrity::HmacSha256 => {
                Some((KeyedHash::new(Authentication::HmacSha256, &key(1)), 16))
            }
        };
        let cipher_key = match suite.confidentiality {
            Confidentiality::None => None,
            Confidentiality::AesCbc128 => key(2).first_chunk().copied(),
        };
        Self {
            integrity,
            cipher_key,
        }
    }

    /// Length of the code that ends each packet; none if packets aren't protected.
    pub(super) fn code_length(&self) -> Option<usize> {
        self.integrity.as_ref().map(|(_, length)| *length)
    }

    /// The code for these bytes.
    pub(super) fn sign(&self, covered: &[u8]) -> Vec<u8> {
        let Some((hash, length)) = &self.integrity else {
            return Vec::new();
        };
        let mut code = hash.of(&[covered]);
        code.truncate(*length);
        code
    }

    /// Whether `code` is the right one for these bytes.
    pub(super) fn verify(&self, covered: &[u8], code: &[u8]) -> bool {
        same(&self.sign(covered), code)
    }

    /// Whether payloads are encrypted.
    pub(super) fn encrypts(&self) -> bool {
        self.cipher_key.is_some()
    }

    /// The payload as it goes into a packet: random IV, then the payload and its pad, encrypted (IPMI 2.0 §13.29).
    pub(super) fn encrypt(&self, payload: &[u8]) -> Vec<u8> {
        let Some(key) = &self.cipher_key else {
            return payload.to_vec();
        };
        let iv: [u8; AES_BLOCK] = rand::random();
        let mut sealed = Vec::with_capacity(payload.len() + 2 * AES_BLOCK);
        sealed.extend_from_slice(&iv);
        sealed.extend_from_slice(payload);
        let mut pad = 0_u8;
        while !(sealed.len() + 1).is_multiple_of(AES_BLOCK) {
            pad += 1;
            sealed.push(pad);
        }
        sealed.push(pad);
        if let Some(body) = sealed.get_mut(AES_BLOCK..) {
            let length = body.len();
            let cipher = cbc::Encryptor::<Aes128>::new(key.into(), &iv.into());
            // Can't fail: the body is a whole number of blocks.
            let _ = cipher.encrypt_padded::<NoPadding>(body, length);
        }
        sealed
    }

    /// The payload of a packet whose code was verified; `None` if it can't be one.
    pub(super) fn decrypt(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let key = self.cipher_key.as_ref()?;
        let (iv, body) = sealed.split_first_chunk::<AES_BLOCK>()?;
        let mut body = body.to_vec();
        let cipher = cbc::Decryptor::<Aes128>::new(key.into(), iv.into());
        cipher.decrypt_padded::<NoPadding>(&mut body).ok()?;
        let pad = usize::from(body.pop()?);
        let length = body.len().checked_sub(pad).filter(|_| pad < AES_BLOCK)?;
        body.truncate(length);
        Some(body)
    }
}

/// Compares without telling by its duration where the two differ.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// How many bytes of the hash RAKP message 4 carries (IPMI 2.0 §13.28.1, §13.28.1b).
pub(super) fn check_length(algorithm: Authentication) -> usize {
    match algorithm {
        Authentication::None => 0,
        Authentication::HmacSha1 => 12,
        Authentication::HmacSha256 => 16,
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

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encrypted_can_be_read_again(payload in prop::collection::vec(any::<u8>(), 0..300), key in any::<[u8; 20]>()) {
            for id in [3, 17] {
                let protection = Protection::new(CipherSuite::from_id(id).unwrap(), &key);
                let sealed = protection.encrypt(&payload);
                prop_assert!(sealed.len().is_multiple_of(16));
                prop_assert_eq!(protection.decrypt(&sealed), Some(payload.clone()));
            }
        }

        #[test]
        fn decrypting_anything_never_panics(sealed in prop::collection::vec(any::<u8>(), 0..200)) {
            let protection = Protection::new(CipherSuite::from_id(3).unwrap(), b"key");
            let _ = protection.decrypt(&sealed);
        }
    }

    #[test]
    fn hashes_are_those_of_rfc_2202_and_4231() {
        let hex = |bytes: Vec<u8>| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let text: &[u8] = b"what do ya want for nothing?";
        let sha1 = KeyedHash::new(Authentication::HmacSha1, b"Jefe").of(&[text]);
        assert_eq!(hex(sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let sha256 =
            KeyedHash::new(Authentication::HmacSha256, b"Jefe").of(&[&text[..5], &text[5..]]);
        assert_eq!(
            hex(sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
