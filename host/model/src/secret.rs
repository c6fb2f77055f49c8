//! A value that cannot be printed by accident.

use std::fmt;

/// Text that must never reach a log, an error, an answer, a metric or the journal.
///
/// `Debug` and `Display` show `******`, it does not implement `Serialize`, and
/// reading it takes a call that is easy to find in review: [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value in the clear. Only code that sends it to the machine it belongs to should call this.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing inside.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(crate::mask::MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(crate::mask::MASK)
    }
}
