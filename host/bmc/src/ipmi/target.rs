//! How to reach one BMC, read from a node's `driver_info`.

use std::{borrow::Cow, fmt};

use ironbark_model::Secret;
use serde_json::{Map, Value};

use super::{Bridge, codec::suite::CipherSuite};
use crate::{
    TargetError,
    driver_info::{boolean, ensure, invalid, number, text},
};

const USERNAME_LIMIT: usize = 16;
const PASSWORD_LIMIT: usize = 20;
const OLD_PASSWORD_LIMIT: usize = 16;
const KG_LIMIT: usize = 20;

/// One BMC and the user to log in as. Targets that are equal but for their bridge share a session; others never do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// IP address or host name.
    pub host: String,
    /// UDP port; 623 unless the BMC is behind something.
    pub port: u16,
    /// User name, at most 16 bytes; empty is the null user.
    pub username: String,
    /// Password, at most 20 bytes.
    pub password: Secret,
    /// The protocol's version.
    pub version: Version,
    /// The level that the session is raised to.
    pub privilege: Privilege,
    /// A cipher suite fixed by the operator; without one, 17 and then 3 are tried.
    pub cipher_suite: Option<u8>,
    /// The BMC's own key, where it has one.
    pub kg: Option<Kg>,
    /// Whether the session may stay open between commands.
    pub warm_session: bool,
    /// The controller behind the BMC that all commands are for, if it isn't the BMC itself.
    pub bridge: Option<Bridge>,
}

/// The version of the protocol between us and the BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Version {
    /// IPMI 1.5: neither encryption nor proof against changed packets to speak of. Only if the operator allows it.
    V1_5,
    /// IPMI 2.0.
    #[default]
    V2_0,
}

/// What a session is allowed to do (IPMI 2.0 §6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Privilege {
    /// Only what starts a callback.
    Callback,
    /// Reads.
    User,
    /// Reads, and power.
    Operator,
    /// Everything.
    #[default]
    Administrator,
}

/// The BMC's key Kg (IPMI 2.0 §13.31), which is part of the session key where it is set.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Kg([u8; KG_LIMIT]);

impl Target {
    /// A BMC on the default port, logged in to as administrator.
    pub fn new(host: impl Into<String>, username: impl Into<String>, password: Secret) -> Self {
        Self {
            host: host.into(),
            port: 623,
            username: username.into(),
            password,
            version: Version::default(),
            privilege: Privilege::default(),
            cipher_suite: None,
            kg: None,
            warm_session: true,
            bridge: None,
        }
    }

    /// Reads and checks the `ipmi_*` connection keys of a node. Values may be strings or numbers.
    pub fn from_driver_info(driver_info: &Map<String, Value>) -> Result<Self, TargetError> {
        let host = text(driver_info, "ipmi_address", HOST)?.ok_or(TargetError::Missing {
            key: "ipmi_address",
            expected: HOST,
        })?;
        check_host(&host)?;
        let version = version(driver_info)?;
        let bridge = Bridge::from_driver_info(driver_info)?;
        let username = text(driver_info, "ipmi_username", USERNAME)?.unwrap_or_default();
        ensure(username.len() <= USERNAME_LIMIT, "ipmi_username", USERNAME)?;
        let password = text(driver_info, "ipmi_password", PASSWORD)?.unwrap_or_default();
        ensure(password.len() <= PASSWORD_LIMIT, "ipmi_password", PASSWORD)?;
        if version == Version::V1_5 {
            ensure(
                password.len() <= OLD_PASSWORD_LIMIT,
                "ipmi_password",
                OLD_PASSWORD,
            )?;
        }
        let mut target = Self::new(host, username, Secret::new(password));
        target.version = version;
        target.bridge = bridge;
        if let Some(port) = number(driver_info, "ipmi_port", PORT)? {
            target.port = u16::try_from(port)
                .ok()
                .filter(|port| *port != 0)
                .ok_or(invalid("ipmi_port", PORT))?;
        }
        if let Some(level) = text(driver_info, "ipmi_priv_level", PRIVILEGE)? {
            target.privilege =
                Privilege::from_name(&level).ok_or(invalid("ipmi_priv_level", PRIVILEGE))?;
        }
        if let Some(suite) = number(driver_info, "ipmi_cipher_suite", SUITE)? {
            let suite = u8::try_from(suite)
                .ok()
                .filter(|suite| CipherSuite::from_id(*suite).is_some())
                .ok_or(invalid("ipmi_cipher_suite", SUITE))?;
            ensure(version == Version::V2_0, "ipmi_cipher_suite", OLD_SUITE)?;
            target.cipher_suite = Some(suite);
        }
        if let Some(digits) = text(driver_info, "ipmi_hex_kg_key", KG)? {
            target.kg = Some(Kg::from_hex(&digits).ok_or(invalid("ipmi_hex_kg_key", KG))?);
        }
        if let Some(warm) = boolean(driver_info, "ipmi_warm_session", BOOLEAN)? {
            target.warm_session = warm;
        }
        for key in ["ipmi_force_boot_device", "ipmi_disable_boot_timeout"] {
            boolean(driver_info, key, BOOLEAN)?;
        }
        if let Some(port) = number(driver_info, "ipmi_terminal_port", PORT)? {
            ensure((1..=65535).contains(&port), "ipmi_terminal_port", PORT)?;
        }
        Ok(target)
    }
}

impl Target {
    /// That the operator doesn't allow IPMI 1.5.
    pub(super) fn old_version() -> TargetError {
        invalid("ipmi_protocol_version", OLD_VERSION)
    }

    /// That there is no console.
    pub(super) fn no_console() -> TargetError {
        invalid("ipmi_protocol_version", NO_CONSOLE)
    }

    /// The same without its bridge: what sessions are kept by.
    pub(super) fn unbridged(&self) -> Cow<'_, Self> {
        match self.bridge {
            None => Cow::Borrowed(self),
            Some(_) => Cow::Owned(Self {
                bridge: None,
                ..self.clone()
            }),
        }
    }
}

impl Privilege {
    /// The level called so in `ipmi_priv_level`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "CALLBACK" => Some(Self::Callback),
            "USER" => Some(Self::User),
            "OPERATOR" => Some(Self::Operator),
            "ADMINISTRATOR" => Some(Self::Administrator),
            _ => None,
        }
    }

    /// The number of this level on the wire (IPMI 2.0 table 22-20).
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Callback => 1,
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
        }
    }
}

impl Kg {
    /// Reads hexadecimal digits: an even number, 2 to 40. A shorter key is filled up with zero bytes.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let digits = digits.strip_prefix("0x").unwrap_or(digits).as_bytes();
        if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 2 * KG_LIMIT {
            return None;
        }
        let mut key = [0; KG_LIMIT];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| !pair.starts_with('+'))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(key))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Kg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("******")
    }
}

const HOST: &str = "the BMC's IP address or host name is expected";
const USERNAME: &str = "a user name of at most 16 bytes is expected";
const PASSWORD: &str = "a password of at most 20 bytes is expected";
const PORT: &str = "a port from 1 to 65535 is expected";
const PRIVILEGE: &str = "ADMINISTRATOR, OPERATOR, USER or CALLBACK is expected";
const SUITE: &str = "one of the cipher suites 17, 16, 15, 3, 2, 1 and 0 is expected";
const KG: &str = "an even number of hexadecimal digits, at most 40, is expected";
const BOOLEAN: &str = "true or false is expected";
const VERSION: &str = "2.0 or 1.5 is expected";
const OLD_VERSION: &str =
    "2.0 is expected: the service doesn't speak IPMI 1.5 unless its [bmc] allow_ipmi_1_5 is true";
const NO_CONSOLE: &str = "2.0 is expected: IPMI 1.5 has no serial over LAN";
const OLD_PASSWORD: &str = "a password of at most 16 bytes is expected with IPMI 1.5";
const OLD_SUITE: &str = "no cipher suite is expected with IPMI 1.5, which has none";

/// Refuses what can be neither an address nor a name, so that no resolver sees it.
fn check_host(host: &str) -> Result<(), TargetError> {
    let plausible = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%')
        });
    // A colon is only found in IPv6 addresses: a port has a key of its own.
    let plausible =
        plausible && (!host.contains(':') || host.parse::<std::net::Ipv6Addr>().is_ok());
    ensure(plausible, "ipmi_address", HOST)
}

fn version(driver_info: &Map<String, Value>) -> Result<Version, TargetError> {
    // A JSON client may well send the number 2.0, or 2.
    match text(driver_info, "ipmi_protocol_version", VERSION)?.as_deref() {
        None | Some("2.0" | "2") => Ok(Version::V2_0),
        Some("1.5") => Ok(Version::V1_5),
        Some(_) => Err(invalid("ipmi_protocol_version", VERSION)),
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

    use serde_json::json;

    use super::*;

    fn parse(driver_info: Value) -> Result<Target, TargetError> {
        Target::from_driver_info(driver_info.as_object().unwrap())
    }

    #[test]
    fn an_address_is_enough() {
        let target = parse(json!({"ipmi_address": "bmc-1.example.org"})).unwrap();
        assert_eq!(
            target,
            Target::new("bmc-1.example.org", "", Secret::default())
        );
        assert_eq!(
            (target.port, target.privilege),
            (623, Privilege::Administrator)
        );
    }

    #[test]
    fn numbers_may_be_text_and_text_may_be_numbers() {
        let text = json!({"ipmi_address": "::1", "ipmi_port": "6230", "ipmi_cipher_suite": "3", "ipmi_password": "1234"});
        let numbers = json!({"ipmi_address": "::1", "ipmi_port": 6230, "ipmi_cipher_suite": 3, "ipmi_password": 1234,
            "ipmi_protocol_version": 2.0, "ipmi_bridging": false});
        assert_eq!(parse(text).unwrap(), parse(numbers).unwrap());
    }

    #[test]
    fn a_missing_address_is_told_from_a_wrong_one() {
        assert!(matches!(
            parse(json!({})),
            Err(TargetError::Missing {
                key: "ipmi_address",
                ..
            })
        ));
        for host in [
            json!(""),
            json!("a b"),
            json!("10.0.0.1:623"),
            json!("http://bmc/"),
            json!({"a": 1}),
        ] {
            let error = parse(json!({"ipmi_address": host})).unwrap_err();
            assert!(
                matches!(
                    error,
                    TargetError::Invalid {
                        key: "ipmi_address",
                        ..
                    }
                ),
                "{error}"
            );
        }
    }

    #[test]
    fn wrong_values_name_their_key() {
        for (key, value) in [
            ("ipmi_port", json!(0)),
            ("ipmi_port", json!(65536)),
            ("ipmi_port", json!("no")),
            ("ipmi_priv_level", json!("ROOT")),
            ("ipmi_cipher_suite", json!(4)),
            ("ipmi_cipher_suite", json!(300)),
            ("ipmi_username", json!("seventeen-letters")),
            ("ipmi_password", json!("twenty-one-characters")),
            ("ipmi_hex_kg_key", json!("abc")),
            ("ipmi_hex_kg_key", json!("+1+2")),
            ("ipmi_hex_kg_key", json!("zz")),
            ("ipmi_protocol_version", json!("1.0")),
            ("ipmi_bridging", json!("triple")),
            ("ipmi_force_boot_device", json!("maybe")),
            ("ipmi_terminal_port", json!(0)),
        ] {
            let error = parse(json!({"ipmi_address": "10.0.0.1", key: value})).unwrap_err();
            assert_eq!(error.key(), key, "{value}");
        }
    }

    #[test]
    fn ipmi_1_5_has_shorter_passwords_and_no_cipher_suites() {
        let old = json!({"ipmi_address": "10.0.0.1", "ipmi_protocol_version": 1.5});
        let with = |key: &str, value: &str| {
            let mut keys = old.clone();
            keys[key] = json!(value);
            parse(keys)
        };
        let target = with("ipmi_password", "sixteen-letters!").unwrap();
        assert_eq!(target.version, Version::V1_5);
        for (key, value) in [
            ("ipmi_password", "seventeen-letters"),
            ("ipmi_cipher_suite", "3"),
        ] {
            assert_eq!(with(key, value).unwrap_err().key(), key);
        }
    }

    #[test]
    fn only_the_bridge_is_left_out_of_what_sessions_are_kept_by() {
        let plain = json!({"ipmi_address": "10.0.0.1", "ipmi_password": "x"});
        let mut bridged = plain.clone();
        bridged["ipmi_bridging"] = json!("single");
        bridged["ipmi_target_channel"] = json!(7);
        bridged["ipmi_target_address"] = json!("0x72");
        let (plain, bridged) = (parse(plain).unwrap(), parse(bridged).unwrap());
        assert_ne!(plain, bridged);
        assert_eq!(plain, *bridged.unbridged());
    }

    #[test]
    fn secrets_are_not_printed() {
        let target = parse(json!({"ipmi_address": "10.0.0.1", "ipmi_password": "hunter2", "ipmi_hex_kg_key": "6869"})).unwrap();
        let shown = format!("{target:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("6869") && !shown.contains("104"),
            "{shown}"
        );
    }

    #[test]
    fn every_key_is_described_once() {
        let mut names: Vec<_> = crate::ipmi::PROPERTIES
            .iter()
            .map(|property| property.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), crate::ipmi::PROPERTIES.len());
    }
}
