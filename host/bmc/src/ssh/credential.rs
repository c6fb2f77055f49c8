//! How a user proves who it is: a password, or a private key, perhaps encrypted.

use base64::{Engine, prelude::BASE64_STANDARD};
use ironbark_model::Secret;
use russh::keys::{
    Algorithm, Error as KeyError, PrivateKey, decode_secret_key,
    ssh_key::{Cipher, Kdf},
};
use serde_json::{Map, Value};

use super::SshError;
use crate::{
    TargetError,
    driver_info::{ensure, invalid, text},
};

/// How a user proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A password.
    Password(Secret),
    /// A private key, in text.
    Key {
        /// As `ssh-keygen` writes it.
        contents: Secret,
        /// What it is encrypted with, if it is.
        passphrase: Option<Secret>,
    },
}

const PASSWORD: &str = "a password of at most 1,024 bytes is expected";
const KEY: &str = "a private key is expected, Ed25519 or ECDSA, as ssh-keygen writes it; if it is encrypted, with AES and at most 256 rounds";
const CREDENTIAL: &str = "a private key is expected, or a password in ssh_password";
const ONE: &str = "a private key and ssh_password are set: remove one of them";
const PASSPHRASE: &str =
    "the passphrase is expected that ssh_key_contents is encrypted with, at most 1,024 bytes";
const NO_KEY: &str = "a passphrase is set without a private key in ssh_key_contents";
const NOT_ENCRYPTED: &str = "the private key in ssh_key_contents isn't encrypted: remove it";

const LONGEST_KEY: usize = 16 * 1024;
const LONGEST_SECRET: usize = 1024;
/// Rounds of bcrypt that a passphrase may cost (`ssh-keygen -a`): its default is 24, and each takes about 10 ms.
const MOST_ROUNDS: u32 = 256;

impl Credential {
    /// Reads the keys of a node. Whether a passphrase is right is found out when it is used: that takes its time.
    pub(super) fn from_driver_info(driver_info: &Map<String, Value>) -> Result<Self, TargetError> {
        let password = text(driver_info, "ssh_password", PASSWORD)?;
        let key = text(driver_info, "ssh_key_contents", KEY)?;
        let passphrase = text(driver_info, "ssh_key_passphrase", PASSPHRASE)?;
        match (password, key) {
            (Some(_), Some(_)) => Err(invalid("ssh_key_contents", ONE)),
            (None, None) => Err(TargetError::Missing {
                key: "ssh_key_contents",
                expected: CREDENTIAL,
            }),
            (Some(password), None) => {
                ensure(password.len() <= LONGEST_SECRET, "ssh_password", PASSWORD)?;
                ensure(passphrase.is_none(), "ssh_key_passphrase", NO_KEY)?;
                Ok(Self::Password(Secret::new(password)))
            }
            (None, Some(contents)) => {
                let contents = Secret::new(contents);
                let key = read(&contents).ok_or(invalid("ssh_key_contents", KEY))?;
                check_passphrase(&key, passphrase.as_deref())?;
                Ok(Self::Key {
                    contents,
                    passphrase: passphrase.map(Secret::new),
                })
            }
        }
    }
}

fn check_passphrase(key: &PrivateKey, passphrase: Option<&str>) -> Result<(), TargetError> {
    match (key.is_encrypted(), passphrase) {
        (true, None) => Err(TargetError::Missing {
            key: "ssh_key_passphrase",
            expected: PASSPHRASE,
        }),
        (true, Some(passphrase)) => ensure(
            passphrase.len() <= LONGEST_SECRET,
            "ssh_key_passphrase",
            PASSPHRASE,
        ),
        (false, None) => Ok(()),
        (false, Some(_)) => Err(invalid("ssh_key_passphrase", NOT_ENCRYPTED)),
    }
}

/// The private key itself. May take seconds of a processor's time: not for a runtime's own threads.
pub(super) fn unlock(
    contents: &Secret,
    passphrase: Option<&Secret>,
) -> Result<PrivateKey, SshError> {
    let key = read(contents).ok_or(SshError::AuthFailed {
        reason: "ssh_key_contents is no private key",
    })?;
    match passphrase {
        Some(passphrase) if key.is_encrypted() => {
            key.decrypt(passphrase.expose())
                .map_err(|_| SshError::AuthFailed {
                    reason: "ssh_key_passphrase doesn't open ssh_key_contents",
                })
        }
        _ => Ok(key),
    }
}

/// The private key that a text holds, still encrypted if it is.
fn read(contents: &Secret) -> Option<PrivateKey> {
    // Pasted keys come with line ends of all kinds, and with spaces around them.
    let text = contents.expose().trim();
    if text.len() > LONGEST_KEY {
        return None;
    }
    let key = match decode_secret_key(text, None) {
        Ok(key) => key,
        Err(KeyError::KeyIsEncrypted) => read_encrypted(text)?,
        Err(_) => return None,
    };
    matches!(
        key.algorithm(),
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. }
    )
    .then_some(key)
}

/// Only OpenSSH's own format: the others let whoever made the key say how much memory and time it takes to open it.
fn read_encrypted(text: &str) -> Option<PrivateKey> {
    let body = text
        .strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")?
        .strip_suffix("-----END OPENSSH PRIVATE KEY-----")?;
    let digits: String = body.split_ascii_whitespace().collect();
    let key = PrivateKey::from_bytes(&BASE64_STANDARD.decode(digits).ok()?).ok()?;
    let spoken = matches!(
        key.cipher(),
        Cipher::Aes256Ctr | Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305
    );
    let bounded = matches!(key.kdf(), Kdf::Bcrypt { rounds, .. } if *rounds <= MOST_ROUNDS);
    (spoken && bounded).then_some(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use russh::keys::ssh_key::LineEnding;
    use serde_json::json;

    use super::*;

    fn key() -> PrivateKey {
        PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap()
    }

    fn text_of(key: &PrivateKey) -> String {
        key.to_openssh(LineEnding::LF).unwrap().to_string()
    }

    fn encrypted(key: &PrivateKey, rounds: u32) -> String {
        let kdf = Kdf::Bcrypt {
            salt: vec![7; 16],
            rounds,
        };
        let locked = key
            .encrypt_with(Cipher::Aes256Ctr, kdf, 1, "open sesame")
            .unwrap();
        text_of(&locked)
    }

    fn parse(keys: Value) -> Result<Credential, TargetError> {
        Credential::from_driver_info(keys.as_object().unwrap())
    }

    #[test]
    fn an_encrypted_key_is_opened_by_its_passphrase() {
        let key = key();
        for text in [encrypted(&key, 1), encrypted(&key, 1).replace('\n', "\r\n")] {
            let credential =
                parse(json!({"ssh_key_contents": text, "ssh_key_passphrase": "open sesame"}));
            let Credential::Key {
                contents,
                passphrase,
            } = credential.unwrap()
            else {
                panic!("a key is no password");
            };
            let opened = unlock(&contents, passphrase.as_ref()).unwrap();
            assert_eq!(opened.public_key(), key.public_key());
            let error = unlock(&contents, Some(&Secret::new("wrong"))).unwrap_err();
            assert!(error.to_string().contains("ssh_key_passphrase"), "{error}");
        }
    }

    #[test]
    fn a_passphrase_and_its_key_belong_together() {
        let (plain, locked) = (text_of(&key()), encrypted(&key(), 1));
        for (keys, at) in [
            (json!({"ssh_key_contents": locked}), "ssh_key_passphrase"),
            (
                json!({"ssh_key_contents": locked, "ssh_key_passphrase": "x".repeat(2000)}),
                "ssh_key_passphrase",
            ),
            (
                json!({"ssh_key_contents": plain, "ssh_key_passphrase": "x"}),
                "ssh_key_passphrase",
            ),
            (
                json!({"ssh_password": "x", "ssh_key_passphrase": "x"}),
                "ssh_key_passphrase",
            ),
        ] {
            let error = parse(keys).unwrap_err();
            assert_eq!(error.key(), at, "{error}");
            assert!(!error.to_string().contains("xx"), "{error}");
        }
    }

    #[test]
    fn what_would_take_too_long_to_open_is_refused() {
        // Written by hand: making such a key takes as long as opening it.
        let key = key();
        let few = encrypted(&key, 1);
        let body: String = few.lines().filter(|line| !line.starts_with('-')).collect();
        let mut bytes = BASE64_STANDARD.decode(body).unwrap();
        let salt = bytes.windows(16).position(|part| part == [7; 16]).unwrap();
        bytes[salt + 16..salt + 20].copy_from_slice(&u32::MAX.to_be_bytes());
        let many = format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(bytes)
        );
        let error = parse(json!({"ssh_key_contents": many, "ssh_key_passphrase": "open sesame"}));
        assert_eq!(error.unwrap_err().key(), "ssh_key_contents");
    }
}
