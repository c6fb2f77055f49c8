//! A request and its answer, as callers see them.

use std::fmt;

use serde_json::Value;

use super::{RedfishError, path};

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read it.
    Get,
    /// Create in it, or call its action.
    Post,
    /// Change some of it.
    Patch,
    /// Replace it.
    Put,
    /// Delete it.
    Delete,
}

/// One request to a service. Its body may hold secrets: it isn't printed.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// To which resource: an absolute path, with or without a query.
    pub path: String,
    /// With what.
    pub body: Option<Value>,
}

/// A service's answer. A status of 400 and above is an answer too, but for 401, 429 and 503.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Those headers that tell something about the resource, in lower case: `allow`, `etag`, `location`
    /// (a path on this service), `retry-after`.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Value>,
}

impl Method {
    /// As HTTP calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes nothing, so that it may be sent again.
    pub(super) fn is_read(self) -> bool {
        self == Self::Get
    }

    /// Whether it overwrites what somebody else may have written meanwhile.
    pub(super) fn overwrites(self) -> bool {
        matches!(self, Self::Patch | Self::Put)
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Patch => Self::PATCH,
            Method::Put => Self::PUT,
            Method::Delete => Self::DELETE,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reading a resource.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            path: path.into(),
            body: None,
        }
    }

    /// Calling an action, or creating in a collection.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::Post,
            path: path.into(),
            body: Some(body),
        }
    }

    /// Changing a resource.
    pub fn patch(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::Patch,
            path: path.into(),
            body: Some(body),
        }
    }

    /// Checks it, and gives its body as text.
    pub(super) fn check(&self) -> Result<Option<String>, RedfishError> {
        let invalid = |reason| RedfishError::InvalidRequest { reason };
        path::check(&self.path).map_err(invalid)?;
        if self.method.is_read() && self.body.is_some() {
            return Err(invalid("a GET has no body"));
        }
        let body = self.body.as_ref().map(Value::to_string);
        if body.as_ref().is_some_and(|body| body.len() > MAX_BODY) {
            return Err(invalid("the body is larger than 1 MiB"));
        }
        Ok(body)
    }
}
