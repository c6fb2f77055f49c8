//! How to reach one node's machine on its hypervisor, read from the node's `driver_info`.

use serde_json::{Map, Value};

use super::{Credential, Domain, HostKeys};
use crate::{
    TargetError,
    driver_info::{ensure, invalid, number, text},
};

/// One machine on a hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The hypervisor, and the user to log in as.
    pub account: Account,
    /// Which set of commands it understands.
    pub virt_type: String,
    /// The machine.
    pub domain: Domain,
}

/// One hypervisor and the user to log in as. Equal accounts share a connection; others never do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Address or name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The user.
    pub username: String,
    /// How the user proves who it is.
    pub credential: Credential,
    /// Which host keys are accepted; without, those in the operator's file.
    pub host_keys: Option<HostKeys>,
}

const HOST: &str = "the hypervisor's address or name is expected, without user and port";
const PORT: &str = "a port from 1 to 65535 is expected";
const USERNAME: &str = "a user name of 1 to 255 printable characters is expected";
const VIRT_TYPE: &str =
    "the name of a set of commands is expected: virsh, or one of [ssh.templates]";

impl Target {
    /// Reads and checks the `ssh_*` connection keys of a node.
    pub fn from_driver_info(driver_info: &Map<String, Value>) -> Result<Self, TargetError> {
        let required = |key, expected| {
            text(driver_info, key, expected)?.ok_or(TargetError::Missing { key, expected })
        };
        let host = required("ssh_address", HOST)?;
        ensure(is_host(&host), "ssh_address", HOST)?;
        let port = match number(driver_info, "ssh_port", PORT)? {
            Some(port) => u16::try_from(port)
                .ok()
                .filter(|port| *port != 0)
                .ok_or(invalid("ssh_port", PORT))?,
            None => 22,
        };
        let username = required("ssh_username", USERNAME)?;
        let plausible = (1..=255).contains(&username.len()) && !username.contains(char::is_control);
        ensure(plausible, "ssh_username", USERNAME)?;
        let host_keys = text(driver_info, "ssh_host_key", HostKeys::EXPECTED)?
            .map(|keys| HostKeys::parse(&keys).ok_or(invalid("ssh_host_key", HostKeys::EXPECTED)))
            .transpose()?;
        let domain = Domain::parse(&required("ssh_domain", Domain::EXPECTED)?)
            .ok_or(invalid("ssh_domain", Domain::EXPECTED))?;
        let virt_type = text(driver_info, "ssh_virt_type", VIRT_TYPE)?;
        Ok(Self {
            account: Account {
                host,
                port,
                username,
                credential: Credential::from_driver_info(driver_info)?,
                host_keys,
            },
            virt_type: virt_type.unwrap_or_else(|| "virsh".to_owned()),
            domain,
        })
    }

    /// That nobody says which host key is right.
    pub(super) fn no_host_key() -> TargetError {
        TargetError::Missing {
            key: "ssh_host_key",
            expected: HostKeys::EXPECTED,
        }
    }

    /// That the set of commands doesn't exist.
    pub(super) fn no_such_set() -> TargetError {
        invalid("ssh_virt_type", VIRT_TYPE)
    }
}

impl Account {
    /// Whether both are on the same host and port.
    pub fn shares_host_with(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }
}

fn is_host(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
        || ((1..=253).contains(&host.len())
            && !host.starts_with('-')
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use russh::keys::{Algorithm, PrivateKey};
    use serde_json::json;

    use super::*;

    const PIN: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn complete() -> Map<String, Value> {
        json!({"ssh_address": "10.0.0.1", "ssh_username": "ironbark", "ssh_password": "hunter2",
            "ssh_host_key": PIN, "ssh_domain": "vm-1"})
        .as_object()
        .unwrap()
        .clone()
    }

    fn with(key: &str, value: Value) -> Result<Target, TargetError> {
        let mut info = complete();
        info.insert(key.to_owned(), value);
        Target::from_driver_info(&info)
    }

    fn new_key() -> String {
        let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
        key.to_openssh(Default::default()).unwrap().to_string()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let target = Target::from_driver_info(&complete()).unwrap();
        assert_eq!((target.account.port, &*target.virt_type), (22, "virsh"));
        assert_eq!(with("ssh_port", json!("2222")).unwrap().account.port, 2222);
        assert_eq!(
            with("ssh_virt_type", json!("own")).unwrap().virt_type,
            "own"
        );
        let unpinned = with("ssh_host_key", Value::Null).unwrap();
        assert_eq!(unpinned.account.host_keys, None);
    }

    #[test]
    fn what_is_missing_is_named() {
        for key in ["ssh_address", "ssh_username", "ssh_domain"] {
            let mut info = complete();
            info.remove(key);
            let error = Target::from_driver_info(&info).unwrap_err();
            assert!(matches!(error, TargetError::Missing { key: missing, .. } if missing == key));
        }
        let mut info = complete();
        info.remove("ssh_password");
        let error = Target::from_driver_info(&info).unwrap_err();
        assert_eq!(error.key(), "ssh_key_contents");
    }

    #[test]
    fn a_private_key_takes_the_place_of_a_password() {
        let mut info = complete();
        info.remove("ssh_password");
        for contents in [new_key(), new_key().replace('\n', "\r\n")] {
            info.insert("ssh_key_contents".to_owned(), json!(contents));
            let target = Target::from_driver_info(&info).unwrap();
            assert!(matches!(
                target.account.credential,
                Credential::Key {
                    passphrase: None,
                    ..
                }
            ));
        }
        let error = with("ssh_key_contents", json!(new_key())).unwrap_err();
        assert!(error.to_string().contains("remove one"), "{error}");
    }

    #[test]
    fn wrong_values_name_their_key() {
        for (key, value) in [
            ("ssh_address", json!("")),
            ("ssh_address", json!("root@10.0.0.1")),
            ("ssh_address", json!("10.0.0.1:22")),
            ("ssh_address", json!("-oProxyCommand=x")),
            ("ssh_port", json!(0)),
            ("ssh_port", json!(65536)),
            ("ssh_username", json!("")),
            ("ssh_username", json!("a\nb")),
            ("ssh_host_key", json!("no")),
            ("ssh_domain", json!("7")),
            ("ssh_domain", json!("vm; reboot")),
            ("ssh_virt_type", json!([])),
            ("ssh_password", json!("x".repeat(2000))),
        ] {
            let error = with(key, value.clone()).unwrap_err();
            assert_eq!(error.key(), key, "{value}");
        }
        let mut info = complete();
        info.remove("ssh_password");
        for bad in ["", "a key", "-----BEGIN OPENSSH PRIVATE KEY-----"] {
            info.insert("ssh_key_contents".to_owned(), json!(bad));
            let error = Target::from_driver_info(&info).unwrap_err();
            assert_eq!(error.key(), "ssh_key_contents", "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let shown = format!("{:?}", Target::from_driver_info(&complete()).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn every_key_is_described_once() {
        let mut names: Vec<_> = crate::ssh::PROPERTIES
            .iter()
            .map(|property| property.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), crate::ssh::PROPERTIES.len());
    }
}
