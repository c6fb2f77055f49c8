//! What carries bytes to a conductor and back.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ironbark_model::{Error, ErrorKind};

use crate::stream::Pipe;

/// Carries a serialised request to the conductor of this host name, and its answer back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `message` to `host` and waits at most `within` for the answer.
    ///
    /// Dropping the future doesn't undo the request: the conductor carries it out all the same.
    async fn call(
        &self,
        host: &str,
        message: Bytes,
        within: Duration,
    ) -> Result<Bytes, TransportError>;

    /// As [`Transport::call`], for a request that opens a stream: with the answer comes this end of what carries it. If the answer
    /// is an error, so that nothing was opened, the other end is gone.
    async fn open(
        &self,
        host: &str,
        message: Bytes,
        within: Duration,
    ) -> Result<(Bytes, Pipe), TransportError>;
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nobody of this name listens.
    #[error("conductor {0} is not reachable")]
    Unreachable(String),
    /// The conductor has as many requests under way as it takes.
    #[error("conductor {0} has too many requests under way")]
    Full(String),
    /// No answer in time. Whether the request was carried out is not known.
    #[error("conductor {host} did not answer within {} s", within.as_secs())]
    TimedOut {
        /// Who was asked.
        host: String,
        /// How long was waited.
        within: Duration,
    },
    /// The conductor stopped before it answered.
    #[error("conductor {0} stopped before it answered")]
    Lost(String),
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match &error {
            TransportError::Unreachable(_) | TransportError::Lost(_) => ErrorKind::NoConductor,
            TransportError::Full(_) => ErrorKind::Overloaded,
            TransportError::TimedOut { .. } => ErrorKind::GatewayTimeout,
        };
        let message = match kind {
            ErrorKind::GatewayTimeout => format!("{error}; look at the node before trying again."),
            _ => format!("{error}; try again in some seconds."),
        };
        Self::new(kind, message).caused_by(error)
    }
}
