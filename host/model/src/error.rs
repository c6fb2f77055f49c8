//! One error for everything that an operator can be told, whatever carries it.
//!
//! An [`Error`] has an external message (told to the client, says what to do) and may have an internal
//! source (logged, never sent). What HTTP status a kind becomes is decided in one place, the API.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Shorthand for results with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; decides the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A value in the request is wrong.
    InvalidParameter,
    /// Something that the request or the node needs is not there.
    MissingParameter,
    /// The verb is not valid in the state that the node is in (and nobody holds the node).
    InvalidState,
    /// The node is in maintenance, and the verb is refused there.
    NodeInMaintenance,
    /// The driver doesn't do this.
    Unsupported,
    /// The caller may not do this (policy, protected node).
    Forbidden,
    /// A driver was denied a capability.
    Denied,
    /// There is no such thing.
    NotFound,
    /// Somebody else holds the node; try again.
    NodeLocked,
    /// Contradicts what exists: a duplicate, or a state in which this isn't allowed now.
    Conflict,
    /// The feature is newer than the microversion that was asked for.
    NotAcceptable,
    /// The BMC or the driver is busy; try again later.
    Busy,
    /// The request is larger than is accepted.
    TooLarge,
    /// The machine, its BMC or its driver failed us.
    BadGateway,
    /// The machine, its BMC or its driver did not answer in time.
    GatewayTimeout,
    /// Our own bound is reached; try again later.
    Overloaded,
    /// No conductor is there for this node or driver.
    NoConductor,
    /// A bug, or our own database or disk failing.
    Internal,
}

/// An error that can be told to a client, sent over RPC, and logged with its cause.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip)]
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with the message that the client is told.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// Keeps `source` as the cause: logged, never sent to a client.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// After how many seconds trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the client is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// After how many seconds trying again makes sense, if somebody knows.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after
    }

    /// A value in the request is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidParameter, message)
    }

    /// Something needed is missing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::MissingParameter, message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Contradicts what exists.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// The driver doesn't do this.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Our own bound is reached.
    pub fn overloaded(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Overloaded, message)
    }

    /// A bug, or our own database or disk failing.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The node of this name or UUID does not exist.
    pub fn node_not_found(ident: &str) -> Self {
        Self::not_found(format!("Node {ident} could not be found."))
    }

    /// The node is reserved by `host`. Clients look for the word "locked" and try again.
    pub fn node_locked(node: &str, host: &str) -> Self {
        Self::new(
            ErrorKind::NodeLocked,
            format!(
                "Node {node} is locked by host {host}, please retry after the current operation is completed."
            ),
        )
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.message == other.message
    }
}
