//! The implementations that belong to the host: `noop`, which does nothing and is content, `no-*`, which say that there
//! is nothing, and `ironbark-recorder`, a network that only writes down which VIF is attached to which port.

use ironbark_model::InterfaceKind;
use ironbark_sandbox::{CallError, Completed, DriverError};

/// One of the host's own implementations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostSide {
    /// Does nothing, and succeeds.
    Noop,
    /// Fails with "unsupported".
    Absent,
    /// As `Noop`; the conductor writes down which VIFs are attached.
    Recorder,
}

/// The network that records VIFs. Only there if an operator switches it on.
pub(crate) const RECORDER: &str = "ironbark-recorder";

impl HostSide {
    /// The host's implementation of this name for `kind`, if it has one.
    pub(crate) fn find(kind: InterfaceKind, name: &str) -> Option<Self> {
        if name == "noop" && has_noop(kind) {
            Some(Self::Noop)
        } else if name.strip_prefix("no-") == Some(kind.as_str()) && has_absent(kind) {
            Some(Self::Absent)
        } else if kind == InterfaceKind::Network && name == RECORDER {
            Some(Self::Recorder)
        } else {
            None
        }
    }

    /// Names of all that the host always has for `kind`.
    pub(crate) fn names(kind: InterfaceKind) -> Vec<String> {
        let mut names = Vec::new();
        if has_noop(kind) {
            names.push("noop".to_owned());
        }
        if has_absent(kind) {
            names.push(format!("no-{kind}"));
        }
        names
    }

    /// What a hardware type has that says nothing about `kind`; `None` where it must say something.
    pub(crate) fn fallback(kind: InterfaceKind) -> Option<String> {
        match kind {
            InterfaceKind::Power | InterfaceKind::Deploy => None,
            InterfaceKind::Network | InterfaceKind::Storage => Some("noop".to_owned()),
            other => Some(format!("no-{other}")),
        }
    }

    /// The answer to any call: `noop`'s value, or that there is nothing.
    pub(crate) fn answer<T>(
        self,
        kind: InterfaceKind,
        name: &str,
        noop: Option<T>,
    ) -> Result<Completed<T>, CallError> {
        match (self, noop) {
            (Self::Noop | Self::Recorder, Some(value)) => Ok(Completed::free(value)),
            _ => Err(DriverError::Unsupported(format!(
                "the {kind} interface '{name}' does not support this: set {} to one that does",
                kind.field()
            ))
            .into()),
        }
    }
}

fn has_noop(kind: InterfaceKind) -> bool {
    matches!(
        kind,
        InterfaceKind::Boot
            | InterfaceKind::Deploy
            | InterfaceKind::Management
            | InterfaceKind::Network
            | InterfaceKind::Storage
    )
}

fn has_absent(kind: InterfaceKind) -> bool {
    !matches!(
        kind,
        InterfaceKind::Power | InterfaceKind::Network | InterfaceKind::Storage
    )
}
