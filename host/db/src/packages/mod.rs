//! Driver packages: their bytes, which versions are installed and which of them is active, canaries, grants, history.
//!
//! Everything is read through [`crate::Database`], and changed in one transaction, [`PackagesTx`].

mod blobs;
mod change;
mod decode;
mod drains;
mod failures;
mod inside;
mod read;
mod usage;
mod users;

pub use change::PackagesTx;
pub use users::UseCheck;
