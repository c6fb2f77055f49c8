//! Which host keys a hypervisor may show.

use std::fmt;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// Most keys that can be pinned for one hypervisor.
const MOST: usize = 8;

/// The kinds of host key that are spoken, in order of preference. RSA is left out: no pure implementation of it is free of timing leaks,
/// and every `sshd` of the last ten years has an Ed25519 key.
const SPOKEN: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
];

/// The host keys that are accepted. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostKeys(Vec<HostKey>);

/// One host key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostKey {
    /// Its kind, if it is known.
    algorithm: Option<Algorithm>,
    /// SHA-256 of the public key, as `ssh-keygen -l` shows it: `SHA256:` and base64.
    fingerprint: String,
}

impl HostKeys {
    /// What is expected, for messages.
    pub(crate) const EXPECTED: &'static str = "the hypervisor's host key is expected, Ed25519 or ECDSA: its SHA-256 fingerprint as ssh-keygen -l shows it (SHA256:…), or the line that ssh-keyscan shows; several are separated by line breaks or commas";

    /// Reads one key or several, one a line or separated by commas. Each is a fingerprint, a public key, or a line as `ssh-keyscan`
    /// writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let keys = text
            .split(['\n', ','])
            .map(str::trim)
            .filter(|entry| !entry.is_empty() && !entry.starts_with('#'))
            .map(HostKey::parse)
            .collect::<Option<Vec<_>>>()?;
        (1..=MOST).contains(&keys.len()).then_some(Self(keys))
    }

    /// Several keys; `None` without any.
    pub(super) fn of(keys: Vec<HostKey>) -> Option<Self> {
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Whether a hypervisor may show this key.
    pub(super) fn accept(&self, shown: &HostKey) -> bool {
        self.0
            .iter()
            .any(|key| key.fingerprint == shown.fingerprint)
    }

    /// The kinds of key that are worth asking for.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let known: Option<Vec<_>> = self.0.iter().map(|key| key.algorithm.clone()).collect();
        SPOKEN
            .into_iter()
            .filter(|spoken| known.as_ref().is_none_or(|known| known.contains(spoken)))
            .collect()
    }
}

impl HostKey {
    fn parse(entry: &str) -> Option<Self> {
        if let Some(digest) = entry.strip_prefix("SHA256:") {
            let good = digest.len() == 43
                && digest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
            return good.then(|| Self {
                algorithm: None,
                fingerprint: entry.to_owned(),
            });
        }
        // In front of the key a line has the host's name, which is known better from ssh_address.
        let mut words = entry
            .split_ascii_whitespace()
            .skip_while(|word| !is_kind(word));
        let line = format!("{} {}", words.next()?, words.next()?);
        let key = PublicKey::from_openssh(&line).ok()?;
        let key = Self::of(&key);
        key.algorithm
            .as_ref()
            .is_some_and(|algorithm| SPOKEN.contains(algorithm))
            .then_some(key)
    }

    pub(super) fn of(key: &PublicKey) -> Self {
        Self {
            algorithm: Some(key.algorithm()),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        }
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint)?;
        match &self.algorithm {
            Some(algorithm) => write!(formatter, " ({algorithm})"),
            None => Ok(()),
        }
    }
}

/// Whether a word in front of a key says what kind of key it is.
pub(super) fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|begin| word.starts_with(begin))
}

/// Whether keys of this kind can be checked.
pub(super) fn is_spoken(kind: &str) -> bool {
    SPOKEN.iter().any(|spoken| spoken.as_str() == kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn shown() -> HostKey {
        HostKey::of(&PublicKey::from_openssh(KEY).unwrap())
    }

    #[test]
    fn a_key_is_pinned_by_itself_its_fingerprint_or_a_scanned_line() {
        let fingerprint = shown().fingerprint;
        for text in [
            KEY.to_owned(),
            format!("{KEY} root@hypervisor"),
            format!("# scanned\n[10.0.0.1]:2222 {KEY}\n"),
            fingerprint.clone(),
            format!("SHA256:{}, {fingerprint}", "A".repeat(43)),
        ] {
            assert!(HostKeys::parse(&text).unwrap().accept(&shown()), "{text}");
        }
        let other = HostKeys::parse(&format!("SHA256:{}", "A".repeat(43))).unwrap();
        assert!(!other.accept(&shown()));
    }

    #[test]
    fn only_the_kinds_that_are_pinned_are_asked_for() {
        assert_eq!(
            HostKeys::parse(KEY).unwrap().algorithms(),
            [Algorithm::Ed25519]
        );
        let fingerprint = HostKeys::parse(&shown().fingerprint).unwrap();
        assert_eq!(fingerprint.algorithms(), SPOKEN);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "",
            "\n#\n",
            "yes",
            "SHA256:short",
            "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
            "ssh-ed25519 AAAA",
            "ssh-ed25519",
        ] {
            assert!(HostKeys::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_shows_its_kind() {
        let text = shown().to_string();
        assert!(
            text.starts_with("SHA256:") && text.ends_with(" (ssh-ed25519)"),
            "{text}"
        );
    }
}
