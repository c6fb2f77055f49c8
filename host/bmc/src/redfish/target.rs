//! How to reach one node's Redfish service, read from its `driver_info`.

use std::path::PathBuf;

use ironbark_model::Secret;
use serde_json::{Map, Value};

use super::{Address, path, tls};
use crate::{
    TargetError,
    driver_info::{boolean_word, ensure, invalid, text},
};

/// One node's place on a Redfish service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The service, and the user to log in as.
    pub service: Service,
    /// Path of the node's System; without one, it is the only one that the service has.
    pub system: Option<String>,
}

/// One service and the user to log in as. Equal services share connections and a session; others never do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// Where it is.
    pub address: Address,
    /// The user; without one, nobody logs in.
    pub username: Option<String>,
    /// The user's password.
    pub password: Secret,
    /// How to log in.
    pub authentication: Authentication,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// The lowest version of TLS.
    pub minimum_tls: TlsVersion,
    /// Cipher suites for TLS 1.2 by their OpenSSL names; empty for all that are safe.
    pub ciphers: Vec<String>,
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Authentication {
    /// User and password with every request.
    Basic,
    /// A session, whose token goes with every request.
    Session,
    /// A session, and basic where the service has none to give.
    #[default]
    Auto,
}

/// Which certificates are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Trust {
    /// Those for this host, signed by an authority that the system trusts.
    #[default]
    System,
    /// Those for this host, signed by an authority in this PEM file, or folder as c_rehash makes it; or listed there themselves.
    Authorities(PathBuf),
    /// The one with this SHA-256 fingerprint.
    Fingerprint([u8; 32]),
    /// Any.
    Anything,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl Service {
    /// A service without a user, with every default.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            username: None,
            password: Secret::default(),
            authentication: Authentication::default(),
            trust: Trust::default(),
            minimum_tls: TlsVersion::default(),
            ciphers: Vec::new(),
        }
    }

    /// Whether both are on the same host and port.
    pub fn shares_bmc_with(&self, other: &Self) -> bool {
        self.address.host() == other.address.host() && self.address.port() == other.address.port()
    }
}

impl Target {
    /// Reads and checks the `redfish_*` connection keys of a node. Values may be of any JSON type that makes sense.
    pub fn from_driver_info(driver_info: &Map<String, Value>) -> Result<Self, TargetError> {
        let get = |key, expected| text(driver_info, key, expected);
        let address = get("redfish_address", ADDRESS)?.ok_or(TargetError::Missing {
            key: "redfish_address",
            expected: ADDRESS,
        })?;
        let address = Address::parse(&address).ok_or(invalid("redfish_address", ADDRESS))?;
        let mut service = Service::new(address);
        service.username =
            get("redfish_username", USERNAME)?.filter(|username| !username.is_empty());
        if let Some(username) = &service.username {
            let plausible = username.len() <= LONGEST_NAME
                && !username.contains(':')
                && !username.contains(char::is_control);
            ensure(plausible, "redfish_username", USERNAME)?;
        }
        let password = get("redfish_password", PASSWORD)?.unwrap_or_default();
        ensure(
            password.len() <= LONGEST_PASSWORD,
            "redfish_password",
            PASSWORD,
        )?;
        service.password = Secret::new(password);
        if let Some(kind) = get("redfish_auth_type", AUTH_TYPE)? {
            service.authentication =
                Authentication::from_name(&kind).ok_or(invalid("redfish_auth_type", AUTH_TYPE))?;
        }
        let fingerprint = get("redfish_certificate_sha256", FINGERPRINT)?
            .map(|digits| {
                fingerprint(&digits).ok_or(invalid("redfish_certificate_sha256", FINGERPRINT))
            })
            .transpose()?;
        let verify = verify(driver_info)?;
        service.trust = fingerprint.map_or(verify, Trust::Fingerprint);
        if let Some(version) = get("redfish_tls_minimum_version", TLS_VERSION)? {
            service.minimum_tls = match version.as_str() {
                "1.1" | "1.2" => TlsVersion::V1_2,
                "1.3" => TlsVersion::V1_3,
                _ => return Err(invalid("redfish_tls_minimum_version", TLS_VERSION)),
            };
        }
        if let Some(ciphers) = get("redfish_tls_ciphers", CIPHERS)? {
            service.ciphers = ciphers
                .split([':', ',', ' '])
                .filter(|name| tls::is_cipher(name))
                .map(str::to_owned)
                .collect();
            ensure(!service.ciphers.is_empty(), "redfish_tls_ciphers", CIPHERS)?;
        }
        let system = get("redfish_system_id", SYSTEM)?
            .map(|system| system_path(&system))
            .transpose()?;
        Ok(Self { service, system })
    }
}

impl Authentication {
    /// What is called so in `redfish_auth_type`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "basic" => Some(Self::Basic),
            "session" => Some(Self::Session),
            "auto" => Some(Self::Auto),
            _ => None,
        }
    }
}

const LONGEST_NAME: usize = 255;
const LONGEST_PASSWORD: usize = 1024;

const ADDRESS: &str = "the URL of the Redfish service is expected, such as https://10.0.0.1, without user, password or query";
const USERNAME: &str = "a user name of at most 255 bytes without a colon is expected";
const PASSWORD: &str = "a password of at most 1,024 bytes is expected";
const AUTH_TYPE: &str = "basic, session or auto is expected";
pub(super) const VERIFY: &str = "true, false, or the absolute path of a PEM file that this host can read, or of a folder of them as c_rehash makes it, is expected";
const FINGERPRINT: &str =
    "a SHA-256 fingerprint of 64 hexadecimal digits is expected, with or without colons";
const TLS_VERSION: &str = "1.2 or 1.3 is expected";
const CIPHERS: &str =
    "at least one cipher suite that is supported is expected, such as ECDHE-RSA-AES256-GCM-SHA384";
const SYSTEM: &str = "the path of the node's System is expected, such as /redfish/v1/Systems/1";

fn verify(driver_info: &Map<String, Value>) -> Result<Trust, TargetError> {
    const KEY: &str = "redfish_verify_ca";
    let word = match driver_info.get(KEY) {
        Some(Value::Bool(verify)) => Some(verify.to_string()),
        _ => text(driver_info, KEY, VERIFY)?,
    };
    let Some(word) = word else {
        return Ok(Trust::System);
    };
    match boolean_word(&word) {
        Some(true) => Ok(Trust::System),
        Some(false) => Ok(Trust::Anything),
        None => {
            let path = PathBuf::from(word);
            ensure(path.is_absolute(), KEY, VERIFY)?;
            Ok(Trust::Authorities(path))
        }
    }
}

fn fingerprint(digits: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !matches!(byte, b':' | b' '))
        .collect();
    let mut fingerprint = [0; 32];
    (digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit)).then_some(())?;
    for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(fingerprint)
}

/// The System's path, quoted where it isn't yet.
fn system_path(text: &str) -> Result<String, TargetError> {
    let quoted = path::quote(text.trim_end_matches('/'));
    path::check(&quoted).map_err(|_| invalid("redfish_system_id", SYSTEM))?;
    ensure(quoted.len() > 1, "redfish_system_id", SYSTEM)?;
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use serde_json::json;

    use super::*;

    fn parse(driver_info: Value) -> Result<Target, TargetError> {
        Target::from_driver_info(driver_info.as_object().unwrap())
    }

    fn with(key: &str, value: Value) -> Result<Target, TargetError> {
        parse(json!({"redfish_address": "https://bmc", key: value}))
    }

    #[test]
    fn an_address_is_enough() {
        let target = parse(json!({"redfish_address": "bmc-1.example.org"})).unwrap();
        let service = Service::new(Address::parse("https://bmc-1.example.org").unwrap());
        assert_eq!(
            target,
            Target {
                service,
                system: None
            }
        );
    }

    #[test]
    fn trust_is_a_boolean_a_path_or_a_fingerprint() {
        let trust = |value| {
            with("redfish_verify_ca", value)
                .map(|target| target.service.trust)
                .unwrap()
        };
        assert_eq!(trust(json!(true)), Trust::System);
        assert_eq!(trust(json!("True")), Trust::System);
        assert_eq!(trust(json!("no")), Trust::Anything);
        assert_eq!(trust(json!(false)), Trust::Anything);
        assert_eq!(
            trust(json!("/etc/bmc.pem")),
            Trust::Authorities("/etc/bmc.pem".into())
        );
        let colons = ["AB"; 32].join(":");
        for digits in [colons, "ab".repeat(32)] {
            let target = parse(json!({"redfish_address": "bmc", "redfish_verify_ca": false,
                "redfish_certificate_sha256": digits}));
            assert_eq!(
                target.unwrap().service.trust,
                Trust::Fingerprint([0xab; 32])
            );
        }
    }

    #[test]
    fn a_system_is_a_path_and_quoted() {
        let system = |text: &str| {
            with("redfish_system_id", json!(text))
                .unwrap()
                .system
                .unwrap()
        };
        assert_eq!(system("/redfish/v1/Systems/1/"), "/redfish/v1/Systems/1");
        assert_eq!(
            system("/redfish/v1/Systems/a b"),
            "/redfish/v1/Systems/a%20b"
        );
        assert_eq!(
            system("/redfish/v1/Systems/a%20b"),
            "/redfish/v1/Systems/a%20b"
        );
    }

    #[test]
    fn wrong_values_name_their_key() {
        for (key, value) in [
            ("redfish_address", json!("ftp://bmc")),
            ("redfish_address", json!({"a": 1})),
            ("redfish_username", json!("a:b")),
            ("redfish_password", json!("x".repeat(2000))),
            ("redfish_verify_ca", json!("certs/bmc.pem")),
            ("redfish_verify_ca", json!([])),
            ("redfish_certificate_sha256", json!("ab")),
            ("redfish_certificate_sha256", json!("zz".repeat(32))),
            ("redfish_auth_type", json!("digest")),
            ("redfish_tls_minimum_version", json!("1.0")),
            ("redfish_tls_ciphers", json!("NULL-MD5")),
            ("redfish_system_id", json!("1")),
            ("redfish_system_id", json!("/")),
            ("redfish_system_id", json!("/redfish/v1/../AccountService")),
        ] {
            let error = with(key, value.clone()).unwrap_err();
            assert_eq!(error.key(), key, "{value}");
        }
        let error = parse(json!({})).unwrap_err();
        assert!(matches!(
            error,
            TargetError::Missing {
                key: "redfish_address",
                ..
            }
        ));
    }

    #[test]
    fn secrets_are_not_printed() {
        let target = with("redfish_password", json!("hunter2")).unwrap();
        let shown = format!("{target:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn every_key_is_described_once() {
        let mut names: Vec<_> = crate::redfish::PROPERTIES
            .iter()
            .map(|property| property.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), crate::redfish::PROPERTIES.len());
    }
}
