//! The name of a virtual machine, as commands may hold it.

use std::fmt;

/// Most bytes of a name.
const LONGEST: usize = 128;

/// The name or UUID by which a hypervisor knows a node's machine.
///
/// It has no character that means something to a shell, whatever the operator's commands do with it; it can't be taken for an
/// option; and it isn't a number, since `virsh` takes numbers for ids, which belong to another machine after the next start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain(String);

impl Domain {
    /// What is expected of a name, for messages.
    pub(crate) const EXPECTED: &'static str = "the machine's name on the hypervisor is expected: up to 128 letters, digits and . _ - + @ :, not all digits, and beginning with a letter, a digit or _; for a machine with another name its UUID";

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@:".contains(&byte);
        let begins_well = name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_');
        let good = begins_well
            && name.len() <= LONGEST
            && name.bytes().all(inside)
            && !name.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_uuids_are_taken() {
        for good in [
            "node-1",
            "n",
            "_x",
            "vm.example.org",
            "7ad4c9f8-2c37-4f7e-a26a-0a5b1f0f2a11",
            "3rd",
            "a+b@c:d",
            &"x".repeat(128),
        ] {
            assert!(Domain::parse(good).is_some(), "{good}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_not() {
        for bad in [
            "",
            "3",
            "0042",
            " 3",
            "+3",
            "-all",
            "--help",
            ".hidden",
            "a b",
            "a;b",
            "a\nb",
            "$(reboot)",
            "`x`",
            "a'b",
            "a\"b",
            "a\\b",
            "a/b",
            "a*",
            "a{b,c}",
            "~root",
            "a#b",
            "a=b",
            "a!b",
            "vm\u{e9}",
            "a\0",
            &"x".repeat(129),
        ] {
            assert!(Domain::parse(bad).is_none(), "{bad:?}");
        }
    }
}
