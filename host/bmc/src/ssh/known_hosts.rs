//! The operator's file of host keys, as OpenSSH has it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use sha1::Sha1;

use super::{HostKey, HostKeys, SshError, host_key};

/// Most bytes of a file.
const LARGEST: u64 = 1024 * 1024;

/// A file of host keys. It is read whenever a connection is opened, so changes need no restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts {
    file: PathBuf,
}

/// A file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownHostsError {
    /// It can't be read.
    #[error("{}: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line makes no sense. The whole file is refused: the line may be one that revokes a key.
    #[error("{}: line {line}: a host, and a public key as ssh-keyscan shows it, are expected", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Its number, from 1.
        line: usize,
    },
}

impl KnownHosts {
    /// Takes a file, after a look whether all of it makes sense.
    pub fn open(file: impl Into<PathBuf>) -> Result<Self, KnownHostsError> {
        let known = Self { file: file.into() };
        known.entries()?;
        Ok(known)
    }

    /// The keys that a host may show. Reads the file.
    pub(super) fn look_up(&self, host: &str, port: u16) -> Result<HostKeys, SshError> {
        let entries = self.entries().map_err(|error| SshError::KnownHosts {
            source: error.into(),
        })?;
        let name = name_of(host, port);
        let (mut accepted, mut revoked) = (Vec::new(), Vec::new());
        for entry in entries.iter().filter(|entry| is_for(entry, &name)) {
            let key = HostKey::of(entry.public_key());
            match entry.marker() {
                None => accepted.push(key),
                Some(Marker::Revoked) => revoked.push(key),
                // Certificates are not asked for.
                Some(Marker::CertAuthority) => {}
            }
        }
        accepted.retain(|key| !revoked.contains(key));
        HostKeys::of(accepted).ok_or(SshError::NotInKnownHosts)
    }

    fn entries(&self) -> Result<Vec<Entry>, KnownHostsError> {
        let text = read(&self.file).map_err(|source| KnownHostsError::Unreadable {
            file: self.file.clone(),
            source,
        })?;
        parse(&text).map_err(|line| KnownHostsError::Line {
            file: self.file.clone(),
            line,
        })
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?
        .take(LARGEST + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= LARGEST) {
        Ok(text)
    } else {
        Err(io::Error::other("it has more than 1 MiB"))
    }
}

/// The lines with keys of the kinds that are spoken, or the number of one that makes no sense.
fn parse(text: &str) -> Result<Vec<Entry>, usize> {
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // Files are written by hand, too: with tabs, and several spaces.
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let fields = match words.as_slice() {
            [] => continue,
            [first, ..] if first.starts_with('#') => continue,
            [marker, rest @ ..] if marker.starts_with('@') => rest,
            all => all,
        };
        let [_hosts, kind, _key, ..] = fields else {
            return Err(number);
        };
        if host_key::is_spoken(kind) {
            entries.push(words.join(" ").parse().map_err(|_| number)?);
        } else if !host_key::is_kind(kind) {
            return Err(number);
        }
    }
    Ok(entries)
}

/// What a host is called in such a file.
fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    match port {
        22 => host,
        port => format!("[{host}]:{port}"),
    }
}

fn is_for(entry: &Entry, name: &str) -> bool {
    match entry.host_patterns() {
        HostPatterns::Patterns(patterns) => {
            let mut found = false;
            for pattern in patterns {
                match pattern.strip_prefix('!') {
                    Some(excluded) if matches(excluded, name) => return false,
                    Some(_) => {}
                    None => found |= matches(pattern, name),
                }
            }
            found
        }
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|hmac| hmac.chain_update(name).verify_slice(hash).is_ok()),
    }
}

/// Whether a pattern with `*` and `?` fits a whole name.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.as_bytes());
    // Which beginnings of the name the pattern so far fits, by their length.
    let mut fits = vec![false; name.len() + 1];
    if let Some(nothing) = fits.first_mut() {
        *nothing = true;
    }
    for sign in pattern.bytes() {
        let mut next = vec![false; fits.len()];
        let mut before = false;
        for (at, fit) in next.iter_mut().enumerate() {
            let (same, shorter) = (
                fits.get(at) == Some(&true),
                at > 0 && fits.get(at - 1) == Some(&true),
            );
            *fit = match sign {
                b'*' => same || before,
                b'?' => shorter,
                sign => shorter && name.get(at - 1) == Some(&sign),
            };
            before = *fit;
        }
        fits = next;
    }
    fits.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use proptest::prelude::*;
    use russh::keys::PublicKey;

    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn accepts(text: &str, host: &str, port: u16, key: &str) -> bool {
        let file = file(text);
        let known = KnownHosts::open(file.path()).unwrap();
        let shown = HostKey::of(&PublicKey::from_openssh(key).unwrap());
        known
            .look_up(host, port)
            .is_ok_and(|keys| keys.accept(&shown))
    }

    #[test]
    fn a_host_is_found_by_name_port_pattern_and_hash() {
        for line in [
            format!("hv.example.org,10.0.0.1 {ONE} a comment"),
            format!("# comment\n\n  HV.example.org\t{ONE}"),
            format!("*.example.org {ONE}"),
            format!("h?.example.*,!other.example.org {ONE}"),
            format!("hv.example.org ssh-rsa AAAA\nhv.example.org {ONE}"),
            // By `ssh-keygen -H`.
            format!("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|{HASH} {ONE}"),
        ] {
            assert!(accepts(&line, "hv.example.org", 22, ONE), "{line}");
            assert!(accepts(&line, "HV.Example.Org", 22, ONE), "{line}");
            assert!(!accepts(&line, "hv.example.org", 22, TWO), "{line}");
            assert!(!accepts(&line, "hv.example.org", 2222, ONE), "{line}");
            assert!(!accepts(&line, "10.0.0.9", 22, ONE), "{line}");
        }
        let with_port = format!("[hv.example.org]:2222 {ONE}");
        assert!(accepts(&with_port, "hv.example.org", 2222, ONE));
        assert!(!accepts(&with_port, "hv.example.org", 22, ONE));
        let all_but_one = format!("*,!hv.example.org {ONE}");
        assert!(accepts(&all_but_one, "10.0.0.1", 22, ONE));
        assert!(!accepts(&all_but_one, "hv.example.org", 22, ONE));
    }

    /// HMAC-SHA1 of `hv.example.org` with the bytes 0 to 19.
    const HASH: &str = "R+JNjKenpGfVmiT5bvsohY0hnTQ=";

    #[test]
    fn what_is_revoked_is_not_believed_whoever_else_says_so() {
        let text = format!("hv {ONE}\nhv {TWO}\n@revoked * {ONE}\n@cert-authority hv {TWO}");
        assert!(!accepts(&text, "hv", 22, ONE));
        assert!(accepts(&text, "hv", 22, TWO));
        assert!(!accepts(
            &format!("@cert-authority hv {ONE}"),
            "hv",
            22,
            ONE
        ));
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for bad in [
            "hv",
            "hv ssh-ed25519",
            "hv ssh-ed25519 AAAA",
            "@revoked hv ssh-ed25519 AAAA",
            "@nonsense hv ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
            "hv 1024 35 12345",
        ] {
            let file = file(&format!("hv {ONE}\n{bad}\n"));
            let error = KnownHosts::open(file.path()).unwrap_err();
            assert!(
                matches!(error, KnownHostsError::Line { line: 2, .. }),
                "{bad}: {error}"
            );
        }
        let missing = KnownHosts::open("no/such/file").unwrap_err();
        assert!(matches!(missing, KnownHostsError::Unreadable { .. }));
        let large = file(&"#".repeat(1024 * 1024 + 1));
        let error = KnownHosts::open(large.path()).unwrap_err();
        assert!(error.to_string().contains("1 MiB"), "{error}");
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_its_signs_stand_for(parts in prop::collection::vec("[a-c.]{0,3}", 1..4), fill in "[a-c.]{0,4}") {
            prop_assert!(matches(&parts.join("*"), &parts.join(&fill)));
            prop_assert!(matches(&parts.join("?"), &parts.join("x")));
            prop_assert_eq!(matches(&parts.concat(), &format!("{}x", parts.concat())), false);
        }

        #[test]
        fn no_file_makes_it_panic(text in "[ -~\n\t]{0,200}") {
            let _ = parse(&text);
        }
    }
}
