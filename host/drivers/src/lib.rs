//! Driver packages: what is installed, what hardware types and implementations that makes, and calling them.
//!
//! [`Drivers`] holds the active packages. Installing is in three parts, so that nothing active changes before everything
//! is known to be well: [`Drivers::prepare`] (checks, compiles, starts once), [`Drivers::check_activation`] (what would
//! change), [`Drivers::activate`] (the swap: calls in flight end on the version that they began with).
//! [`Implementation`] is what conductors call, wherever it comes from: a package, or the host's own `noop` and `no-*`.
//!
//! This crate may not know the database, RPC or BMC protocols: conductors persist, and lend the capabilities.

#![forbid(unsafe_code)]

mod binds;
mod config;
mod drivers;
mod error;
mod folder;
mod grants;
mod host_side;
mod implementation;
mod package;
mod periodic;
mod prepare;
mod properties;
mod quarantine;
mod registry;
mod signature;
mod snapshot;
mod steps;

pub use config::{DriversConfig, QuarantineConfig};
pub use drivers::{ActivationPlan, Drivers};
pub use error::PackageError;
pub use folder::{Folder, FoundPackage, signature_beside};
pub use grants::Grants;
pub use implementation::Implementation;
pub use package::{Package, PreparedPackage, digest_of};
pub use periodic::{PeriodicTarget, PeriodicTask, Schedule, TimeZone};
pub use quarantine::{CallCounts, Quarantine};
pub use registry::HardwareType;
pub use signature::{SignatureError, read_public_key, verify_signature};
pub use snapshot::{NodeSnapshot, snapshot};

pub use ironbark_package::{PeriodicLock, PeriodicScope, VendorMethod, VendorScope};
