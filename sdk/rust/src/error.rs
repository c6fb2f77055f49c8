//! Making errors, and reading them.

pub use crate::bindings::imports::ironbark::driver::types::{Busy, Error, OtherError};

/// What every function of a driver returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A value of `driver_info`, or an argument, is wrong. The client gets 400.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::InvalidParameter(message.into())
    }

    /// A value that is needed is not there. The client gets 400.
    pub fn missing_parameter(message: impl Into<String>) -> Self {
        Self::MissingParameter(message.into())
    }

    /// This driver or this machine doesn't do that. The client gets 400.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::Unsupported(message.into())
    }

    /// The BMC does not answer. The client gets 502.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::Unreachable(message.into())
    }

    /// The BMC refuses the credentials. The client gets 502.
    pub fn auth_failed(message: impl Into<String>) -> Self {
        Self::AuthFailed(message.into())
    }

    /// The BMC can't do it now; trying again makes sense after so many seconds, if known. The client gets 409.
    pub fn busy(message: impl Into<String>, retry_after: Option<u32>) -> Self {
        Self::Busy(Busy {
            message: message.into(),
            retry_after,
        })
    }

    /// The BMC's answer makes no sense. The client gets 502.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol(message.into())
    }

    /// The BMC said that it failed. The client gets 502.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Anything else, with a short word for machines to compare. The client gets 502.
    pub fn other(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Other(OtherError {
            code: code.into(),
            message: message.into(),
            retry_after: None,
            detail_json: None,
        })
    }

    /// What the operator reads.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidParameter(message)
            | Self::MissingParameter(message)
            | Self::Unsupported(message)
            | Self::Unreachable(message)
            | Self::AuthFailed(message)
            | Self::Denied(message)
            | Self::Protocol(message)
            | Self::Failed(message) => message,
            Self::Busy(busy) => &busy.message,
            Self::Other(other) => &other.message,
        }
    }
}

/// JSON that a driver reads comes from whoever made the request, nearly always.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::InvalidParameter(format!("not the JSON that is expected here: {error}"))
    }
}
