//! Names of the contract `ironbark:driver` that metadata and components must agree on.

use ironbark_model::InterfaceKind;

/// The version of the contract that this crate describes.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// The WIT namespace and package of the contract.
const PACKAGE: &str = "ironbark:driver/";

/// An interface that a driver may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Export {
    /// `power`
    Power,
    /// `management`
    Management,
    /// `boot`
    Boot,
    /// `deploy`
    Deploy,
    /// `vendor`
    Vendor,
    /// `steps`
    Steps,
    /// `periodic`
    Periodic,
}

impl Export {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Power,
        Self::Management,
        Self::Boot,
        Self::Deploy,
        Self::Vendor,
        Self::Steps,
        Self::Periodic,
    ];

    /// The interface's name in the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Management => "management",
            Self::Boot => "boot",
            Self::Deploy => "deploy",
            Self::Vendor => "vendor",
            Self::Steps => "steps",
            Self::Periodic => "periodic",
        }
    }

    /// The export that serves implementations of `kind`; `None` for kinds that are declarative in this version of
    /// the contract.
    pub const fn of_interface(kind: InterfaceKind) -> Option<Self> {
        match kind {
            InterfaceKind::Power => Some(Self::Power),
            InterfaceKind::Management => Some(Self::Management),
            InterfaceKind::Boot => Some(Self::Boot),
            InterfaceKind::Deploy => Some(Self::Deploy),
            InterfaceKind::Vendor => Some(Self::Vendor),
            _ => None,
        }
    }

    /// The export of this full name, such as `ironbark:driver/power@0.1.0`, in any version.
    pub fn from_full_name(name: &str) -> Option<Self> {
        let short = interface_name(name)?;
        Self::ALL
            .iter()
            .copied()
            .find(|export| export.as_str() == short)
    }
}

/// The interface within the contract that a full name such as `ironbark:driver/call@0.1.0` means; `None` if it
/// belongs to something else.
pub fn interface_name(full_name: &str) -> Option<&str> {
    let rest = full_name.strip_prefix(PACKAGE)?;
    Some(rest.split_once('@').map_or(rest, |(name, _)| name))
}
