//! Who signed a package: what the `.minisig` beside the file says, and whether a key agrees.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ironbark_drivers::{SignatureError, read_public_key, verify_signature};
use ironbark_model::Timestamp;
use ironbark_model::lifecycle::Publisher;
use minisign::{PublicKey, SignatureBox};
use serde_json::{Value, json};

/// What was found beside a package.
#[derive(Debug)]
pub(crate) struct PackageSignature {
    /// Where it is, or would be.
    file: PathBuf,
    found: Found,
}

#[derive(Debug)]
enum Found {
    /// There is none.
    Nothing,
    /// There is something else.
    Malformed(String),
    /// It says whose it is.
    Signed {
        /// As minisign writes it.
        key_id: String,
        /// What was signed with the package; anybody's words until the signature is verified.
        comment: String,
        verdict: Verdict,
    },
}

#[derive(Debug)]
enum Verdict {
    /// No key was given to verify it with.
    NotVerified,
    /// The key in this file agrees.
    Verified(PathBuf),
    /// The key doesn't agree, and why.
    Refused(String),
}

impl PackageSignature {
    /// Looks beside `package`, whose content is `bytes`; verifies what is there with the public key in a file, if one is given.
    ///
    /// # Errors
    /// If a file can't be read, or the key is none.
    pub(crate) fn beside(package: &Path, bytes: &[u8], key: Option<&Path>) -> Result<Self> {
        let mut file = package.as_os_str().to_owned();
        file.push(".minisig");
        let file = PathBuf::from(file);
        let key = key.map(read_key).transpose()?;
        let found = if file.exists() {
            let text = std::fs::read(&file)
                .with_context(|| format!("the signature {} can't be read", file.display()))?;
            read(&String::from_utf8_lossy(&text), bytes, key.as_ref())
        } else {
            Found::Nothing
        };
        Ok(Self { file, found })
    }

    /// Why this isn't a good signature of the key that was asked about.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &self.found {
            Found::Nothing => Some(format!("there is no {}", self.file.display())),
            Found::Malformed(reason) => {
                Some(format!("{} can't be read ({reason})", self.file.display()))
            }
            Found::Signed {
                verdict: Verdict::Refused(reason),
                ..
            } => Some(reason.clone()),
            Found::Signed { .. } => None,
        }
    }

    /// For programs: nothing if it isn't signed. `verified` is null if no key was given.
    pub(crate) fn to_json(&self) -> Value {
        match &self.found {
            Found::Nothing => Value::Null,
            Found::Malformed(_) => json!({
                "file": self.file, "key_id": null, "trusted_comment": null,
                "verified": false, "problem": self.refusal(),
            }),
            Found::Signed {
                key_id,
                comment,
                verdict,
            } => json!({
                "file": self.file, "key_id": key_id, "trusted_comment": comment,
                "verified": match verdict {
                    Verdict::NotVerified => None,
                    Verdict::Verified(_) => Some(true),
                    Verdict::Refused(_) => Some(false),
                },
                "problem": self.refusal(),
            }),
        }
    }
}

/// For people, in lines that are indented by two.
impl fmt::Display for PackageSignature {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.found {
            Found::Nothing => writeln!(to, "  not signed: there is no {file}"),
            Found::Malformed(reason) => writeln!(
                to,
                "  {file} is no signature ({reason}): get it anew from the publisher"
            ),
            Found::Signed {
                key_id,
                comment,
                verdict,
            } => {
                match verdict {
                    Verdict::NotVerified => writeln!(
                        to,
                        "  signed by key {key_id}, not verified: give the publisher's public key with --key FILE"
                    )?,
                    Verdict::Verified(key) => writeln!(
                        to,
                        "  signed by key {key_id}, verified with {}",
                        key.display()
                    )?,
                    Verdict::Refused(reason) => {
                        writeln!(to, "  signed by key {key_id}, REFUSED: {reason}")?;
                    }
                }
                writeln!(to, "    trusted comment: {comment}")
            }
        }
    }
}

/// A public key and where it is from.
struct Key {
    file: PathBuf,
    /// In base64.
    line: String,
    id: String,
}

fn read_key(file: &Path) -> Result<Key> {
    let unusable = || format!("{} is no public key of minisign", file.display());
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the key {} can't be read", file.display()))?;
    let line = read_public_key(&text).with_context(unusable)?;
    let key = PublicKey::from_base64(&line).with_context(unusable)?;
    Ok(Key {
        file: file.to_owned(),
        id: key_id(key.keynum()),
        line,
    })
}

fn read(text: &str, bytes: &[u8], key: Option<&Key>) -> Found {
    // As a conductor does it, which trusts nobody but this key, with any package.
    let publishers = key.map(|key| Publisher {
        name: key.file.display().to_string(),
        public_key: key.line.clone(),
        packages: vec!["*".to_owned()],
        expires_at: None,
        created_at: Timestamp(0),
    });
    let verified = verify_signature(
        bytes,
        Some(text),
        "",
        publishers.as_slice(),
        Timestamp::now(),
    );
    if let Err(SignatureError::Malformed(reason)) = verified {
        return Found::Malformed(reason);
    }
    let (signed, comment) = match SignatureBox::from_string(text)
        .and_then(|signed| signed.trusted_comment().map(|comment| (signed, comment)))
    {
        Ok(read) => read,
        Err(error) => return Found::Malformed(error.to_string()),
    };
    let id = key_id(signed.keynum());
    let verdict = match (key, verified) {
        (None, _) => Verdict::NotVerified,
        (Some(key), Ok(_)) => Verdict::Verified(key.file.clone()),
        (Some(key), Err(error)) => Verdict::Refused(refusal(key, &id, &error)),
    };
    Found::Signed {
        key_id: id,
        comment: printable(&comment),
        verdict,
    }
}

fn refusal(key: &Key, id: &str, error: &SignatureError) -> String {
    let file = key.file.display();
    match error {
        SignatureError::Untrusted { .. } => {
            format!("it is by key {id}, and {file} is key {}", key.id)
        }
        SignatureError::Changed(_) => format!(
            "package and signature don't belong together: one of them was changed after {file} signed, or is another version's"
        ),
        other => other.to_string(),
    }
}

/// As minisign prints it: the eight bytes are a number whose lowest byte comes first.
fn key_id(bytes: &[u8]) -> String {
    bytes
        .iter()
        .rev()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

/// Somebody's words, harmless on a terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use minisign::KeyPair;

    use super::*;

    struct Shipped {
        folder: tempfile::TempDir,
        keys: KeyPair,
    }

    impl Shipped {
        /// A package `p.wasm` that `vendor.pub` signed.
        fn new(comment: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let keys = KeyPair::generate_unencrypted_keypair().unwrap();
            let signature =
                minisign::sign(None, &keys.sk, Cursor::new(b"bytes"), Some(comment), None).unwrap();
            let shipped = Self { folder, keys };
            std::fs::write(shipped.path("p.wasm.minisig"), signature.to_string()).unwrap();
            let public = shipped.keys.pk.to_box().unwrap().to_string();
            std::fs::write(shipped.path("vendor.pub"), public).unwrap();
            shipped
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn look(&self, bytes: &[u8], key: Option<&str>) -> Result<PackageSignature> {
            let key = key.map(|name| self.path(name));
            PackageSignature::beside(&self.path("p.wasm"), bytes, key.as_deref())
        }

        /// What minisign calls the key.
        fn id(&self) -> String {
            let public = std::fs::read_to_string(self.path("vendor.pub")).unwrap();
            let comment = public.lines().next().unwrap().to_owned();
            comment.rsplit(' ').next().unwrap().to_owned()
        }
    }

    #[test]
    fn a_signature_says_whose_it_is_and_a_key_whether_that_is_so() {
        let shipped = Shipped::new("acme 1.0.0 sha256:00");
        let id = shipped.id();
        let unverified = shipped.look(b"bytes", None).unwrap();
        let text = unverified.to_string();
        assert!(
            text.contains(&format!("signed by key {id}, not verified")),
            "{text}"
        );
        assert!(text.contains("--key FILE") && text.contains("acme 1.0.0 sha256:00"));
        assert_eq!(unverified.refusal(), None);
        let json = unverified.to_json();
        assert_eq!(json["key_id"], id.as_str());
        assert_eq!(json["verified"], Value::Null);

        let verified = shipped.look(b"bytes", Some("vendor.pub")).unwrap();
        assert_eq!(verified.refusal(), None);
        assert_eq!(verified.to_json()["verified"], true);
        assert!(verified.to_string().contains("verified with"), "{verified}");

        let changed = shipped.look(b"bytez", Some("vendor.pub")).unwrap();
        assert!(changed.refusal().unwrap().contains("don't belong together"));
        assert_eq!(changed.to_json()["verified"], false);
        assert!(changed.to_string().contains("REFUSED"), "{changed}");
    }

    #[test]
    fn another_key_is_named_and_no_key_is_said() {
        let shipped = Shipped::new("acme");
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        let public = other.pk.to_box().unwrap().to_string();
        std::fs::write(shipped.path("other.pub"), &public).unwrap();
        let refused = shipped.look(b"bytes", Some("other.pub")).unwrap();
        let reason = refused.refusal().unwrap();
        let theirs = public.lines().next().unwrap().rsplit(' ').next().unwrap();
        assert!(
            reason.contains(&shipped.id()) && reason.contains(theirs),
            "{reason}"
        );
        std::fs::write(shipped.path("none.pub"), "no key").unwrap();
        assert!(shipped.look(b"bytes", Some("none.pub")).is_err());
        assert!(shipped.look(b"bytes", Some("missing.pub")).is_err());
    }

    #[test]
    fn nothing_and_nonsense_are_told_apart() {
        let shipped = Shipped::new("acme");
        std::fs::write(shipped.path("p.wasm.minisig"), b"\xff\x00 nonsense").unwrap();
        let nonsense = shipped.look(b"bytes", None).unwrap();
        assert!(
            nonsense.to_string().contains("is no signature"),
            "{nonsense}"
        );
        assert_eq!(nonsense.to_json()["verified"], false);
        std::fs::remove_file(shipped.path("p.wasm.minisig")).unwrap();
        let nothing = shipped.look(b"bytes", Some("vendor.pub")).unwrap();
        assert!(nothing.to_string().contains("not signed"), "{nothing}");
        assert_eq!(nothing.to_json(), Value::Null);
        assert!(nothing.refusal().is_some());
    }

    #[test]
    fn a_comment_does_not_reach_the_terminal_as_commands() {
        let shipped = Shipped::new("acme\u{1b}[2J");
        let text = shipped.look(b"bytes", None).unwrap().to_string();
        assert!(text.contains("acme\u{fffd}[2J"), "{text:?}");
    }
}
