//! What a driver may be called. Its name becomes that of a crate, of a package, and of what the package brings.

const MOST: usize = 64;

/// Words that Rust or cargo keep for themselves: no crate can be called so.
const RUST: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];
/// Crates that a driver is built of.
const CRATES: &[&str] = &["ironbark-driver", "serde", "serde-json", "wit-bindgen"];
/// Drivers that ship with Ironbark.
const SHIPPED: &[&str] = &["agent", "fake", "ipmi", "ipmitool", "pxe", "redfish", "ssh"];

/// Why a name won't do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has other characters, or too many.
    #[error(
        "a driver's name has lower-case letters, digits and single hyphens, begins with a letter, and has at most {MOST} characters: acme, acme-2"
    )]
    Form,
    /// Rust or cargo has it.
    #[error("this name means something to Rust or cargo: choose another, such as your company's")]
    Rust,
    /// A crate that the driver needs has it.
    #[error("a crate that drivers are built of has this name: choose another")]
    Crate,
    /// Ironbark has it.
    #[error("this name belongs to Ironbark: choose another, such as your company's")]
    Host,
}

/// Whether a driver can be called so.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let letter = |character: char| character.is_ascii_lowercase();
    let well_formed = name.len() <= MOST
        && name.starts_with(letter)
        && !name.ends_with('-')
        && !name.contains("--")
        && name
            .chars()
            .all(|character| letter(character) || character.is_ascii_digit() || character == '-');
    if !well_formed {
        Err(NameError::Form)
    } else if RUST.contains(&name) {
        Err(NameError::Rust)
    } else if CRATES.contains(&name) {
        Err(NameError::Crate)
    } else if SHIPPED.contains(&name) || ironbark_reserved(name) {
        Err(NameError::Host)
    } else {
        Ok(())
    }
}

/// `noop` and `no-*` are the host's own implementations.
fn ironbark_reserved(name: &str) -> bool {
    name == "noop" || name.starts_with("no-") || name == "ironbark"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_will_do() {
        for name in ["acme", "a", "acme-2", "north-star", &"a".repeat(64)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_will_not() {
        for (name, why) in [
            ("", NameError::Form),
            ("Acme", NameError::Form),
            ("2acme", NameError::Form),
            ("ac_me", NameError::Form),
            ("../acme", NameError::Form),
            ("acme-", NameError::Form),
            ("ac--me", NameError::Form),
            ("ácme", NameError::Form),
            (&"a".repeat(65), NameError::Form),
            ("fn", NameError::Rust),
            ("test", NameError::Rust),
            ("serde", NameError::Crate),
            ("ipmi", NameError::Host),
            ("no-power", NameError::Host),
        ] {
            assert_eq!(check_name(name), Err(why), "{name}");
        }
    }
}
