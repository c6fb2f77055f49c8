//! Why a package can't be used.

use ironbark_model::package::MAX_PACKAGE_BYTES;
use ironbark_model::{Error, ErrorKind};
use ironbark_package::{ContentsError, Disagreement, MetadataError};
use ironbark_sandbox::LoadError;

/// Why a package can't be installed. Messages tell the vendor or the operator what to change.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Larger than is accepted.
    #[error("the package has {size} bytes; at most {MAX_PACKAGE_BYTES} are accepted")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// More than is compiled.
    #[error(
        "the package has {is} {what}; at most {most} are accepted: build it for size, and without debug assertions"
    )]
    TooMuchCode {
        /// How much it has.
        is: u64,
        /// How much it may have.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// The process is stopping, or the host failed while it looked at the package.
    #[error("the package could not be checked to the end: try again")]
    Interrupted,
    /// No component, or one without metadata.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The metadata is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The metadata says something else than the component is.
    #[error("metadata and component disagree: {0}")]
    Disagreement(Disagreement),
    /// A grant for what wasn't asked for, or for what there isn't.
    #[error("'{0}' can't be granted: {1}")]
    Grant(String, &'static str),
    /// It can't be compiled, linked or started.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A name that it declares belongs to another package.
    #[error(
        "{what} '{name}' belongs to package '{owner}' already: remove that first, or choose another name"
    )]
    NameTaken {
        /// `hardware type` or `power implementation` and so on.
        what: String,
        /// The name.
        name: String,
        /// The package that has it.
        owner: String,
    },
    /// A canary of a package that isn't in use.
    #[error(
        "package '{0}' has no active version that a canary could be compared with: activate it instead"
    )]
    NothingActive(String),
    /// A canary that lacks something of the active version.
    #[error(
        "version {canary} lacks what nodes may use of the active version {active}: {lacks}. A canary must offer all that the active version does"
    )]
    OffersLess {
        /// The canary's version.
        canary: String,
        /// The active version.
        active: String,
        /// What is missing.
        lacks: String,
    },
}

impl From<Disagreement> for PackageError {
    fn from(disagreement: Disagreement) -> Self {
        Self::Disagreement(disagreement)
    }
}

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        let kind = match &error {
            PackageError::TooLarge { .. } => ErrorKind::TooLarge,
            PackageError::Interrupted => ErrorKind::Internal,
            PackageError::NameTaken { .. }
            | PackageError::NothingActive(_)
            | PackageError::OffersLess { .. } => ErrorKind::Conflict,
            PackageError::Load(LoadError::Overloaded) => ErrorKind::Overloaded,
            _ => ErrorKind::InvalidParameter,
        };
        Self::new(kind, error.to_string())
    }
}
