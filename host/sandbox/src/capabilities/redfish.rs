//! Redfish: what the sandbox needs of whoever talks to the service.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::audit::Answer;
use crate::error::DriverError;

/// The way to the Redfish service that manages one node. Address, TLS, credentials, session and ETags are the implementor's.
///
/// All methods run on the I/O runtime, and to their end even if the driver's call is cancelled meanwhile.
#[async_trait]
pub trait RedfishAccess: Send + Sync {
    /// Which resources of the service are this node's, found out within `deadline`.
    ///
    /// The paths are canonical: absolute, percent-encoded only where that is needed, without a slash at the end. Everything that a
    /// driver may reach is judged by them, so a service with several systems and nothing that says which is an error.
    async fn resources(&self, deadline: Duration) -> Result<RedfishResources, DriverError>;

    /// Whether one of the chassis or managers among [`resources`](Self::resources), by its path, is other nodes' as well, found out within
    /// `deadline`. In doubt it is.
    async fn is_shared(&self, resource: &str, deadline: Duration) -> Result<bool, DriverError>;

    /// Sends one request and waits for its answer, for at most `deadline`.
    ///
    /// The request was checked against the grants and [`resources`](Self::resources). Redirects must not be followed. An answer larger than
    /// [`MAX_REDFISH_ANSWER`] must not be read to its end.
    async fn request(
        &self,
        request: RedfishRequest,
        deadline: Duration,
    ) -> Result<RedfishResponse, DriverError>;
}

/// Largest body of an answer, in bytes (the contract's bound).
pub const MAX_REDFISH_ANSWER: usize = 2 * 1024 * 1024;

/// Resources of a service that belong to one node, as canonical paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedfishResources {
    /// The system: `/redfish/v1/Systems/1`.
    pub system: String,
    /// What it is built into, the nearest first.
    pub chassis: Vec<String>,
    /// What manages it, the one for its BMC first.
    pub managers: Vec<String>,
}

/// What to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedfishMethod {
    /// Read it.
    Get,
    /// Create something in it, or run an action.
    Post,
    /// Change some of it.
    Patch,
    /// Replace it.
    Put,
    /// Delete it.
    Delete,
}

impl RedfishMethod {
    /// The HTTP method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request. Its body may hold secrets: it isn't printed.
#[derive(Clone, PartialEq)]
pub struct RedfishRequest {
    /// What to do.
    pub method: RedfishMethod,
    /// Canonical path with its query, to be sent as it is.
    pub path: String,
    /// An object, for all but `GET`.
    pub body: Option<Value>,
}

impl fmt::Debug for RedfishRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedfishRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A service's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedfishResponse {
    /// The HTTP status.
    pub status: u16,
    /// Its headers; those that drivers don't get may be among them. `Location` must be a path if it leads to the same service.
    pub headers: Vec<(String, String)>,
    /// JSON text; empty if there is none.
    pub body: String,
}

impl Answer for RedfishResponse {
    fn refusal(&self) -> Option<String> {
        let status = self.status;
        (!(200..300).contains(&status)).then(|| format!("http {status}"))
    }

    fn bytes(&self) -> &[u8] {
        self.body.as_bytes()
    }
}
