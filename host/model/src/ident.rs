//! How nodes and ports are named in a URL or a body.

use uuid::Uuid;

use crate::{Error, Result};

/// Names that a node can't have, because a URL with them means something else.
const RESERVED_NODE_NAMES: &[&str] = &[
    "maintenance",
    "management",
    "states",
    "vendor_passthru",
    "detail",
    "validate",
];

/// A UUID, or else a logical name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ident {
    /// A UUID, in its canonical form: lower case with hyphens.
    Uuid(String),
    /// A logical name.
    Name(String),
}

impl Ident {
    /// Reads what a client wrote: UUID-like text is a UUID, anything else must be a name by RFC 3986's unreserved characters.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(uuid) = canonical_uuid(text) {
            Ok(Self::Uuid(uuid))
        } else if is_valid_name(text) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(Error::invalid(format!(
                "Expected UUID or name but received {text}."
            )))
        }
    }

    /// The text as it goes into messages.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Uuid(text) | Self::Name(text) => text,
        }
    }
}

impl std::fmt::Display for Ident {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The canonical form of UUID-like text (with or without hyphens, any case); `None` for anything else.
pub fn canonical_uuid(text: &str) -> Option<String> {
    if !matches!(text.len(), 32 | 36) {
        return None;
    }
    Uuid::try_parse(text)
        .ok()
        .map(|uuid| uuid.hyphenated().to_string())
}

/// A new random UUID in canonical form.
pub fn new_uuid() -> String {
    Uuid::new_v4().hyphenated().to_string()
}

/// A name by microversion 1.10 and later: 1 to 255 of RFC 3986's unreserved characters.
pub fn is_valid_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// A name by microversions 1.5 to 1.9: a host name in lower case, labels of at most 63 characters.
pub fn is_hostname_safe(name: &str) -> bool {
    name.len() <= 255
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}

/// Checks a name that a node shall get. `minor` is the microversion's minor number.
pub fn check_node_name(name: &str, minor: u16) -> Result<()> {
    let good = if minor < 10 {
        is_hostname_safe(name)
    } else {
        is_valid_name(name)
    };
    if !good || canonical_uuid(name).is_some() || RESERVED_NODE_NAMES.contains(&name) {
        return Err(Error::invalid(format!(
            "Cannot use name {name}: a node's name has 1 to 255 letters, digits, '-', '.', '_' or '~', \
             doesn't look like a UUID, and isn't one of: {}.",
            RESERVED_NODE_NAMES.join(", ")
        )));
    }
    Ok(())
}

/// Checks a name that something else than a node shall get: no word is reserved.
pub fn check_name(name: &str) -> Result<()> {
    if !is_valid_name(name) || canonical_uuid(name).is_some() {
        return Err(Error::invalid(format!(
            "Cannot use name {name}: a name has 1 to 255 letters, digits, '-', '.', '_' or '~', and doesn't look like a UUID."
        )));
    }
    Ok(())
}

/// A MAC address in the form that is stored: lower case, with a colon between the six octets. With anything else there it is
/// none, as in Ironic.
pub fn canonical_mac(text: &str) -> Option<String> {
    if text.len() != 17 {
        return None;
    }
    let octets: Vec<&str> = text.split(':').collect();
    let valid = octets.len() == 6
        && octets
            .iter()
            .all(|octet| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit()));
    valid.then(|| octets.join(":").to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tells_uuids_from_names() {
        assert_eq!(
            Ident::parse("1BE26C0B-03F2-4D2E-AE87-C02D7F33C999").unwrap(),
            Ident::Uuid("1be26c0b-03f2-4d2e-ae87-c02d7f33c999".into())
        );
        assert_eq!(
            Ident::parse("rack-1.node~2").unwrap(),
            Ident::Name("rack-1.node~2".into())
        );
        assert!(Ident::parse("a b").is_err());
        assert!(Ident::parse("").is_err());
    }

    #[test]
    fn names_follow_the_microversion() {
        assert!(check_node_name("Node_1", 10).is_ok());
        assert!(check_node_name("Node_1", 9).is_err());
        assert!(check_node_name("node-1.example.org", 5).is_ok());
        assert!(check_node_name("states", 115).is_err());
        assert!(check_name("states").is_ok() && check_name("Node_1").is_ok());
        for bad in ["", "a b", "1be26c0b-03f2-4d2e-ae87-c02d7f33c999"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_node_name("1be26c0b-03f2-4d2e-ae87-c02d7f33c999", 115).is_err());
    }

    #[test]
    fn mac_addresses_are_normalised() {
        assert_eq!(
            canonical_mac("52:54:00:AB:cd:0F").unwrap(),
            "52:54:00:ab:cd:0f"
        );
        assert!(canonical_mac("52-54-00-ab-cd-0f").is_none());
        assert!(canonical_mac("52:54:00:ab:cd").is_none());
        assert!(canonical_mac("52:54:00:ab:cd:0g").is_none());
    }
}
