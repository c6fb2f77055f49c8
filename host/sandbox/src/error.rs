//! Why a call has no result, and the one place where that becomes an error of the service.

use ironbark_model::{Error, ErrorKind};
use serde_json::Value;

use crate::faults::Fault;

/// What a driver, or a capability on its behalf, says went wrong. The variants are the contract's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DriverError {
    /// A value of `driver_info`, or an argument, is wrong.
    #[error("{0}")]
    InvalidParameter(String),
    /// A value that is needed is not there.
    #[error("{0}")]
    MissingParameter(String),
    /// The driver or the machine doesn't do that.
    #[error("{0}")]
    Unsupported(String),
    /// The BMC does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The BMC refuses the credentials.
    #[error("{0}")]
    AuthFailed(String),
    /// The BMC can't do it now.
    #[error("{message}")]
    Busy {
        /// For the operator.
        message: String,
        /// After how many seconds trying again makes sense.
        retry_after: Option<u32>,
    },
    /// The host refused a capability.
    #[error("{0}")]
    Denied(String),
    /// The BMC's answer makes no sense.
    #[error("{0}")]
    Protocol(String),
    /// The BMC said that it failed.
    #[error("{0}")]
    Failed(String),
    /// Anything else.
    #[error("{message} ({code})")]
    Other {
        /// A short word of the vendor's.
        code: String,
        /// For the operator.
        message: String,
        /// After how many seconds trying again makes sense.
        retry_after: Option<u32>,
        /// More about it.
        detail: Option<Value>,
    },
}

impl DriverError {
    /// The variant's name in the contract.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidParameter(_) => "invalid-parameter",
            Self::MissingParameter(_) => "missing-parameter",
            Self::Unsupported(_) => "unsupported",
            Self::Unreachable(_) => "unreachable",
            Self::AuthFailed(_) => "auth-failed",
            Self::Busy { .. } => "busy",
            Self::Denied(_) => "denied",
            Self::Protocol(_) => "protocol",
            Self::Failed(_) => "failed",
            Self::Other { .. } => "other",
        }
    }

    /// The machine can't be reached or doesn't let us in: what power sync counts as a failed poll.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::AuthFailed(_))
    }
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The driver returned an error: about the node.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The driver broke: about the package, never about the node.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Too many calls are running.
    #[error("too many driver calls are running: try again")]
    Overloaded,
    /// What the driver wanted to do couldn't be recorded, and wasn't done. What it did before was.
    #[error("the audit can't be written now, and nothing is done without it: try again")]
    NotRecorded,
}

impl CallError {
    /// The fault, if it is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        let message = error.to_string();
        match error {
            DriverError::InvalidParameter(_) => Self::invalid(message),
            DriverError::MissingParameter(_) => Self::missing(message),
            DriverError::Unsupported(_) => Self::unsupported(message),
            DriverError::Denied(_) => Self::new(ErrorKind::Denied, message),
            DriverError::Busy { retry_after, .. } => {
                with_retry(Self::new(ErrorKind::Busy, message), retry_after)
            }
            DriverError::Other { retry_after, .. } => {
                with_retry(Self::new(ErrorKind::BadGateway, message), retry_after)
            }
            DriverError::Unreachable(_)
            | DriverError::AuthFailed(_)
            | DriverError::Protocol(_)
            | DriverError::Failed(_) => Self::new(ErrorKind::BadGateway, message),
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Driver(error) => error.into(),
            CallError::Fault(fault) => {
                let kind = if fault.kind.is_deadline() {
                    ErrorKind::GatewayTimeout
                } else {
                    ErrorKind::BadGateway
                };
                Self::new(kind, fault.to_string())
            }
            CallError::Overloaded | CallError::NotRecorded => Self::overloaded(error.to_string()),
        }
    }
}

fn with_retry(error: Error, seconds: Option<u32>) -> Error {
    match seconds {
        Some(seconds) => error.retry_after(seconds),
        None => error,
    }
}
