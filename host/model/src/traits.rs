//! Which names a trait can have.

use crate::{Error, Result};

/// A node has at most this many traits.
pub const MAX_TRAITS_PER_NODE: usize = 50;

/// Prefixes of the standard traits that the field's shared catalogue defines.
const STANDARD_PREFIXES: &[&str] = &["HW_", "COMPUTE_", "MISC_", "STORAGE_", "OWNER_"];

/// Checks one trait's name: `CUSTOM_` or a standard prefix, then capitals, digits and `_`; at most 255 characters.
pub fn check_trait(name: &str) -> Result<()> {
    let well_formed = name.len() <= 255
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let custom = name
        .strip_prefix("CUSTOM_")
        .is_some_and(|rest| !rest.is_empty());
    let standard = STANDARD_PREFIXES.iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    if well_formed && (custom || standard) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Invalid trait {name}. A valid trait must be no longer than 255 characters, and be a standard trait \
         or begin with 'CUSTOM_' and have only A-Z, 0-9 and '_'."
    )))
}

/// Checks a whole list of traits.
pub fn check_traits<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut count = 0usize;
    for name in names {
        check_trait(name)?;
        count += 1;
    }
    if count > MAX_TRAITS_PER_NODE {
        return Err(Error::invalid(format!(
            "A node can have at most {MAX_TRAITS_PER_NODE} traits, {count} were given."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_custom_and_standard_names_only() {
        for good in ["CUSTOM_RAID", "HW_CPU_X86_VMX"] {
            assert!(check_trait(good).is_ok(), "{good}");
        }
        for bad in ["CUSTOM_", "custom_raid", "RAID", "CUSTOM_A-B", ""] {
            assert!(check_trait(bad).is_err(), "{bad}");
        }
    }
}
