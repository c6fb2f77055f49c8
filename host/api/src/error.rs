//! From what went wrong to what the client is answered: the one place that knows HTTP status codes and error bodies.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ironbark_model::{Error, ErrorKind};
use serde::Serialize;

use crate::versions::Version;

/// After how many seconds a client may try again when we know no better.
const DEFAULT_RETRY_AFTER: u32 = 2;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    shape: Shape,
    message: String,
    allow: Option<String>,
    retry_after: Option<u32>,
    /// For the log; never sent.
    cause: Option<Error>,
}

/// The body's form (facts §1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"error_message": "{\"faultcode\", \"faultstring\", \"debuginfo\"}"}`: what the application says.
    Fault,
    /// `{"error_message": "{\"code\", \"title\", \"description\"}"}`: what the router says.
    Framework,
    /// `{"faultcode", "faultstring"}`: what stands before both says.
    Bare,
}

pub(crate) type ApiResult = Result<Response, ApiError>;

impl ApiError {
    /// An error that the application found.
    pub(crate) fn fault(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            shape: Shape::Fault,
            message: message.into(),
            allow: None,
            retry_after: None,
            cause: None,
        }
    }

    /// An error that is found before any resource is looked at. Its answer doesn't say which version is in effect.
    pub(crate) fn framework(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            shape: Shape::Framework,
            ..Self::fault(status, message)
        }
    }

    /// An error in the form of a request, found before it is looked at.
    pub(crate) fn bare(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            shape: Shape::Bare,
            ..Self::fault(status, message)
        }
    }

    /// Nothing is there.
    pub(crate) fn no_such_path() -> Self {
        Self::framework(StatusCode::NOT_FOUND, "The resource could not be found.")
    }

    /// Something is there, but not for this method. `allow` is the header's value.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        Self {
            allow: Some(allow),
            ..Self::framework(
                StatusCode::METHOD_NOT_ALLOWED,
                "The method is not allowed for this resource.",
            )
        }
    }

    /// What was asked for is newer than the version in effect.
    pub(crate) fn not_acceptable(since: u16) -> Self {
        Self::fault(
            StatusCode::NOT_ACCEPTABLE,
            format!(
                "Request not acceptable. The minimal required API version should be {}",
                Version::new(since)
            ),
        )
    }

    /// No credentials, or wrong ones.
    pub(crate) fn unauthorized() -> Self {
        Self::framework(
            StatusCode::UNAUTHORIZED,
            "Give a valid user name and password with HTTP basic authentication.",
        )
    }

    /// A value in the request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::fault(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What the client is told.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the answer says which version is in effect.
    pub(crate) fn shows_version(&self) -> bool {
        self.shape == Shape::Fault
    }

    /// Logs what an operator should see, and makes the answer.
    pub(crate) fn into_response(self) -> Response {
        if self.status.is_server_error() {
            let cause = self
                .cause
                .as_ref()
                .and_then(std::error::Error::source)
                .map(chain)
                .unwrap_or_default();
            tracing::warn!(status = self.status.as_u16(), error = %self.message, %cause, "request failed");
        }
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let Some(allow) = self
            .allow
            .and_then(|allow| HeaderValue::from_str(&allow).ok())
        {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"Baremetal API\""),
            );
        }
        response
    }

    fn body(&self) -> String {
        let faultcode = if self.status.is_server_error() {
            "Server"
        } else {
            "Client"
        };
        match self.shape {
            Shape::Fault => wrapped(&Fault {
                faultcode,
                faultstring: &self.message,
                debuginfo: None,
            }),
            Shape::Framework => wrapped(&Framework {
                code: self.status.as_u16(),
                title: self.status.canonical_reason().unwrap_or("Error"),
                description: &self.message,
            }),
            Shape::Bare => text(&Bare {
                faultcode,
                faultstring: &self.message,
            }),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = status_of(error.kind());
        let retry_after = if status == StatusCode::SERVICE_UNAVAILABLE {
            Some(error.retry_after_seconds().unwrap_or(DEFAULT_RETRY_AFTER))
        } else {
            error.retry_after_seconds()
        };
        Self {
            retry_after,
            cause: Some(error.clone()),
            ..Self::fault(status, error.message())
        }
    }
}

/// The one table from kinds of errors to HTTP status codes (facts §1.4; design §5 for drivers and BMCs).
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidParameter
        | ErrorKind::MissingParameter
        | ErrorKind::InvalidState
        | ErrorKind::NodeInMaintenance
        | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
        ErrorKind::Forbidden | ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorKind::NodeLocked | ErrorKind::Conflict | ErrorKind::Busy => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::BadGateway => StatusCode::BAD_GATEWAY,
        ErrorKind::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Overloaded | ErrorKind::NoConductor => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn chain(mut error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    while let Some(source) = error.source() {
        text.push_str(": ");
        text.push_str(&source.to_string());
        error = source;
    }
    text
}

/// Clients parse `error_message` a second time: it is a string that contains JSON.
fn wrapped(inner: &impl Serialize) -> String {
    text(&Wrapped {
        error_message: text(inner),
    })
}

fn text(value: &impl Serialize) -> String {
    // Structs of strings and numbers always serialise.
    serde_json::to_string(value).unwrap_or_default()
}

#[derive(Serialize)]
struct Wrapped {
    error_message: String,
}

#[derive(Serialize)]
struct Fault<'a> {
    faultcode: &'static str,
    faultstring: &'a str,
    debuginfo: Option<&'a str>,
}

#[derive(Serialize)]
struct Framework<'a> {
    code: u16,
    title: &'static str,
    description: &'a str,
}

#[derive(Serialize)]
struct Bare<'a> {
    faultcode: &'static str,
    faultstring: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_two_shapes_of_ironic() {
        let fault: ApiError = Error::node_not_found("x").into();
        assert_eq!(
            fault.body(),
            r#"{"error_message":"{\"faultcode\":\"Client\",\"faultstring\":\"Node x could not be found.\",\"debuginfo\":null}"}"#
        );
        assert_eq!(
            ApiError::no_such_path().body(),
            r#"{"error_message":"{\"code\":404,\"title\":\"Not Found\",\"description\":\"The resource could not be found.\"}"}"#
        );
        assert!(
            ApiError::from(Error::internal("x"))
                .body()
                .contains("Server")
        );
    }

    #[test]
    fn only_our_own_overload_says_503_and_always_says_when_to_come_back() {
        for kind in [ErrorKind::Overloaded, ErrorKind::NoConductor] {
            let response = ApiError::from(Error::new(kind, "x")).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(header::RETRY_AFTER));
        }
        let busy = ApiError::from(Error::new(ErrorKind::Busy, "x").retry_after(7)).into_response();
        assert_eq!(busy.status(), StatusCode::CONFLICT);
        assert_eq!(busy.headers()[header::RETRY_AFTER], "7");
        assert_eq!(
            ApiError::from(Error::new(ErrorKind::BadGateway, "x"))
                .into_response()
                .status(),
            StatusCode::BAD_GATEWAY
        );
    }
}
