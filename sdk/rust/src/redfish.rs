//! Redfish requests about this node (capability `redfish`).
//!
//! Address, TLS, authentication, sessions and ETags are the host's. What may be asked is what the rules in the metadata say, as far as they were
//! granted; other nodes' resources on the same service can't be reached.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Result, bindings::imports::ironbark::driver::redfish};

pub use redfish::{Method, NodeResources};

/// The service's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// `location`, `etag`, `retry-after` and `allow`, as far as they are there.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if there is none.
    pub body: Option<Value>,
}

impl Response {
    /// The header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status says that it went well: 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// This answer if it went well, else what its status means for the caller. Busy services say when to come again.
    ///
    /// # Errors
    /// `busy` for 409, 412, 429 and 503, `unsupported` for 404, 405 and 501, `auth-failed` for 401 and 403, `invalid-parameter` for 400, `failed` for the rest.
    pub fn success(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let message = self.message();
        let retry_after = self
            .header("retry-after")
            .and_then(|value| value.parse().ok());
        Err(match self.status {
            400 => Error::invalid_parameter(message),
            401 | 403 => Error::auth_failed(message),
            404 | 405 | 501 => Error::unsupported(message),
            409 | 412 | 429 | 503 => Error::busy(message, retry_after),
            _ => Error::failed(message),
        })
    }

    /// What went wrong, in the service's own words where it has some (DSP0266 §8.6, `@Message.ExtendedInfo`).
    pub fn message(&self) -> String {
        let error = self.body.as_ref().and_then(|body| body.get("error"));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let extended = error
            .and_then(|error| error.get("@Message.ExtendedInfo"))
            .and_then(|info| text(info.get(0)?.get("Message")));
        let said = extended.or_else(|| text(error?.get("message")));
        match said {
            Some(said) => format!("the Redfish service answered {}: {said}", self.status),
            None => format!("the Redfish service answered {}", self.status),
        }
    }
}

/// Which resources of the service are this node's.
///
/// # Errors
/// What the host returns: `denied` without the capability, or what is wrong with the connection keys.
pub fn resources() -> Result<NodeResources> {
    redfish::resources()
}

/// Sends one request, whatever the answer says. `path` is absolute, `/redfish/v1/…`.
///
/// # Errors
/// What the host returns. An HTTP status other than 2xx is an answer.
pub fn request<T: Serialize + ?Sized>(
    method: Method,
    path: &str,
    body: Option<&T>,
) -> Result<Response> {
    let body = body.map(serde_json::to_string).transpose()?;
    let answer = redfish::request(method, path, body.as_deref())?;
    Ok(Response {
        status: answer.status,
        headers: answer
            .headers
            .into_iter()
            .map(|header| (header.name, header.value))
            .collect(),
        body: answer
            .body
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| Error::protocol(format!("{path} is no JSON: {error}")))?,
    })
}

/// Reads a resource.
///
/// # Errors
/// What the host returns, or what the status means ([`Response::success`]); `protocol` if it is not a `T`.
pub fn get<T: DeserializeOwned>(path: &str) -> Result<T> {
    let answer = request::<Value>(Method::Get, path, None)?.success()?;
    serde_json::from_value(answer.body.unwrap_or_default())
        .map_err(|error| Error::protocol(format!("{path} is not as expected: {error}")))
}

/// Changes some of a resource.
///
/// # Errors
/// What the host returns, or what the status means ([`Response::success`]).
pub fn patch<T: Serialize + ?Sized>(path: &str, body: &T) -> Result<Response> {
    request(Method::Patch, path, Some(body))?.success()
}

/// Creates something in a collection, or runs an action.
///
/// # Errors
/// What the host returns, or what the status means ([`Response::success`]).
pub fn post<T: Serialize + ?Sized>(path: &str, body: &T) -> Result<Response> {
    request(Method::Post, path, Some(body))?.success()
}

/// Deletes a resource.
///
/// # Errors
/// What the host returns, or what the status means ([`Response::success`]).
pub fn delete(path: &str) -> Result<Response> {
    request::<Value>(Method::Delete, path, None)?.success()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: Value) -> Response {
        Response {
            status,
            headers: vec![("retry-after".to_owned(), "30".to_owned())],
            body: Some(body),
        }
    }

    #[test]
    fn what_went_well_is_passed_on() {
        assert!(answer(204, json!({})).success().is_ok());
    }

    #[test]
    fn a_busy_service_says_when_to_come_again() {
        match answer(503, json!({})).success() {
            Err(Error::Busy(busy)) => assert_eq!(busy.retry_after, Some(30)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_services_own_words_are_kept() {
        let body = json!({"error": {"message": "general", "@Message.ExtendedInfo": [{"Message": "The value is wrong."}]}});
        let error = answer(400, body).success().unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)));
        assert!(error.message().ends_with("400: The value is wrong."));
        let general = answer(500, json!({"error": {"message": "general"}}));
        assert!(general.message().ends_with("general"));
        assert_eq!(
            answer(500, json!([])).message(),
            "the Redfish service answered 500"
        );
    }
}
