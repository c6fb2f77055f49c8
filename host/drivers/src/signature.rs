//! Signatures of packages: minisign's, checked against the publishers that the operator trusts.
//!
//! A signature says who made a package, not what it may do: that is what grants are for.

use ironbark_model::lifecycle::Publisher;
use ironbark_model::{Error, ErrorKind, Timestamp};
use minisign_verify::{Error as MinisignError, PublicKey, Signature};

/// Why a signature doesn't count. Messages say what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error(
        "package '{0}' is not signed: send its .minisig with it (beside the file in drivers.d), or set [drivers] signatures = \"warn\""
    )]
    Missing(String),
    /// It can't be read.
    #[error("the signature can't be read ({0}): send the .minisig file as minisign wrote it")]
    Malformed(String),
    /// It was made in minisign's old form.
    #[error(
        "the signature has minisign's old form, without pre-hashing: sign the package anew with a current minisign"
    )]
    Legacy,
    /// Nobody who is trusted has this key.
    #[error(
        "the signature is by a key of none of the trusted publishers ({trusted}): if you trust its publisher, add the key with `ironbark publisher trust`"
    )]
    Untrusted {
        /// Their names.
        trusted: String,
    },
    /// The bytes are others than those that were signed, or the signature was changed.
    #[error(
        "the package is not what publisher '{0}' signed: it was changed, or the signature is another version's. Get both anew from the publisher"
    )]
    Changed(String),
    /// The publisher isn't trusted any more by now.
    #[error(
        "the trust in publisher '{0}' has expired: if its key is still good, remove the publisher and trust it anew"
    )]
    Expired(String),
    /// The publisher isn't trusted with packages of this name.
    #[error(
        "publisher '{publisher}' may sign packages named {allowed}, not '{package}': if it should, remove the publisher and trust it anew with --packages"
    )]
    WrongName {
        /// The publisher.
        publisher: String,
        /// The names that it may sign.
        allowed: String,
        /// The package's name.
        package: String,
    },
}

impl From<SignatureError> for Error {
    fn from(error: SignatureError) -> Self {
        Self::new(ErrorKind::Forbidden, error.to_string()).caused_by(error)
    }
}

/// Reads a public key: the whole `.pub` file that minisign wrote, or its line in base64. Answers with that line.
///
/// # Errors
/// `InvalidParameter` for anything else.
pub fn read_public_key(text: &str) -> Result<String, Error> {
    let line = text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    match PublicKey::from_base64(line) {
        Ok(_) => Ok(line.to_owned()),
        Err(error) => Err(Error::invalid(format!(
            "This is no public key of minisign ({error}): give the .pub file, or its second line.",
        ))),
    }
}

/// The trusted publisher that signed a package. Takes as long as hashing the package: not for the threads that
/// serve others.
///
/// # Errors
/// Why the signature doesn't count.
pub fn verify_signature<'p>(
    bytes: &[u8],
    signature: Option<&str>,
    package: &str,
    publishers: &'p [Publisher],
    now: Timestamp,
) -> Result<&'p Publisher, SignatureError> {
    let signature = signature.ok_or_else(|| SignatureError::Missing(package.to_owned()))?;
    let signature = Signature::decode(signature)
        .map_err(|error| SignatureError::Malformed(error.to_string()))?;
    // One key may be trusted under several names, with other packages or for another time: the first that allows it counts.
    let mut refused = None;
    for publisher in publishers {
        let Ok(key) = PublicKey::from_base64(&publisher.public_key) else {
            continue;
        };
        match key.verify(bytes, &signature, false) {
            Ok(()) if publisher.is_expired_at(now) => {
                refused = Some(SignatureError::Expired(publisher.name.clone()));
            }
            Ok(()) if !publisher.may_sign(package) => {
                refused = Some(SignatureError::WrongName {
                    publisher: publisher.name.clone(),
                    allowed: publisher.packages.join(", "),
                    package: package.to_owned(),
                });
            }
            Ok(()) => return Ok(publisher),
            Err(MinisignError::UnexpectedKeyId) => {}
            Err(MinisignError::UnexpectedAlgorithm) => return Err(SignatureError::Legacy),
            Err(_) => refused = Some(SignatureError::Changed(publisher.name.clone())),
        }
    }
    Err(refused.unwrap_or_else(|| SignatureError::Untrusted {
        trusted: match publishers {
            [] => "there are none".to_owned(),
            some => {
                let names: Vec<&str> = some.iter().map(|one| one.name.as_str()).collect();
                names.join(", ")
            }
        },
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use minisign::KeyPair;

    use super::*;

    fn publisher(name: &str, key: &KeyPair, packages: &[&str]) -> Publisher {
        Publisher {
            name: name.into(),
            public_key: key.pk.to_base64(),
            packages: packages.iter().map(|&text| text.into()).collect(),
            expires_at: None,
            created_at: Timestamp(0),
        }
    }

    fn sign(key: &KeyPair, bytes: &[u8]) -> String {
        minisign::sign(None, &key.sk, Cursor::new(bytes), Some("acme.wasm"), None)
            .unwrap()
            .into_string()
    }

    fn check(
        bytes: &[u8],
        signature: &str,
        publishers: &[Publisher],
    ) -> Result<String, SignatureError> {
        verify_signature(bytes, Some(signature), "acme", publishers, Timestamp(100))
            .map(|publisher| publisher.name.clone())
    }

    #[test]
    fn only_what_a_trusted_publisher_signed_counts() {
        let acme = KeyPair::generate_unencrypted_keypair().unwrap();
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        let trusted = [
            publisher("other-inc", &other, &["*"]),
            publisher("acme-inc", &acme, &["acme*"]),
        ];
        let bytes = b"a component".as_slice();
        let signature = sign(&acme, bytes);
        assert_eq!(check(bytes, &signature, &trusted).unwrap(), "acme-inc");

        for place in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            *changed.get_mut(place).unwrap() ^= 1;
            let error = check(&changed, &signature, &trusted).unwrap_err();
            assert!(matches!(error, SignatureError::Changed(_)), "{error}");
        }
        // The trusted comment is signed too.
        let forged = signature.replace("acme.wasm", "evil.wasm");
        assert_ne!(forged, signature);
        assert!(matches!(
            check(bytes, &forged, &trusted).unwrap_err(),
            SignatureError::Changed(_)
        ));

        let error = check(bytes, &signature, trusted.get(..1).unwrap()).unwrap_err();
        assert!(error.to_string().contains("other-inc"), "{error}");
        let error = check(bytes, &signature, &[]).unwrap_err();
        assert!(error.to_string().contains("there are none"), "{error}");
        for text in [
            "",
            "x",
            "untrusted comment: x\nRWQ=\ntrusted comment: y\nRWQ=",
        ] {
            let error = check(bytes, text, &trusted).unwrap_err();
            assert!(matches!(error, SignatureError::Malformed(_)), "{error}");
        }
        // A second signature of another length than it has.
        let mut lines: Vec<&str> = signature.lines().collect();
        for short in ["", "RWQ=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            *lines.last_mut().unwrap() = short;
            let error = check(bytes, &lines.join("\n"), &trusted).unwrap_err();
            assert!(matches!(error, SignatureError::Malformed(_)), "{error}");
        }
        let none = verify_signature(bytes, None, "acme", &trusted, Timestamp(100)).unwrap_err();
        assert!(matches!(none, SignatureError::Missing(_)), "{none}");
    }

    #[test]
    fn names_and_times_bind_a_publisher() {
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        let signature = sign(&key, b"bytes");
        let elsewhere = publisher("acme-inc", &key, &["acme-x", "other*"]);
        let error = check(b"bytes", &signature, std::slice::from_ref(&elsewhere)).unwrap_err();
        assert!(matches!(error, SignatureError::WrongName { .. }), "{error}");
        let mut expired = publisher("acme-inc", &key, &["acme"]);
        expired.expires_at = Some(Timestamp(100));
        let error = check(b"bytes", &signature, std::slice::from_ref(&expired)).unwrap_err();
        assert!(matches!(error, SignatureError::Expired(_)), "{error}");
        // The same key, trusted again with another name.
        let renewed = publisher("acme-2", &key, &["*"]);
        let all = [elsewhere, expired, renewed];
        assert_eq!(check(b"bytes", &signature, &all).unwrap(), "acme-2");
    }

    #[test]
    fn a_public_key_is_a_file_or_its_line() {
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        let line = key.pk.to_base64();
        assert_eq!(read_public_key(&line).unwrap(), line);
        let file = key.pk.to_box().unwrap().to_string();
        assert_eq!(read_public_key(&file).unwrap(), line);
        for wrong in ["", "RWQ", "untrusted comment: minisign public key"] {
            assert!(read_public_key(wrong).is_err(), "{wrong}");
        }
    }
}
