//! Answers that are no errors.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ironbark_model::Error;
use serde::Serialize;

use crate::error::{ApiError, ApiResult};
use crate::view::ToJson;

/// 200 with this as JSON.
pub(crate) fn ok(value: &impl Serialize) -> ApiResult {
    json(StatusCode::OK, value)
}

/// `status` with this as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> ApiResult {
    Ok(raw_json(
        status,
        serde_json::to_vec(value).map_err(unwritten)?,
    ))
}

/// `status` with text that is JSON already.
pub(crate) fn raw_json(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// 200 with a view of something, or of many.
pub(crate) fn shown(view: &impl ToJson) -> ApiResult {
    Ok(raw_json(StatusCode::OK, written(view)?))
}

/// 201 with a view of what was created, and where it is from now on.
pub(crate) fn created_shown(location: &str, view: &impl ToJson) -> ApiResult {
    located(raw_json(StatusCode::CREATED, written(view)?), location)
}

/// 201 with this as JSON, and where it is from now on.
pub(crate) fn created(location: &str, value: &impl Serialize) -> ApiResult {
    located(json(StatusCode::CREATED, value)?, location)
}

/// A status without a body, and therefore without a content type.
pub(crate) fn empty(status: StatusCode) -> ApiResult {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    Ok(response)
}

/// 204.
pub(crate) fn no_content() -> ApiResult {
    empty(StatusCode::NO_CONTENT)
}

/// 202 without a body, and where to look how it goes on.
pub(crate) fn accepted(location: &str) -> ApiResult {
    located(empty(StatusCode::ACCEPTED)?, location)
}

/// Adds a `Location`.
pub(crate) fn located(mut response: Response, location: &str) -> ApiResult {
    let value = HeaderValue::from_str(location).map_err(|error| {
        ApiError::from(Error::internal("A URL could not be written.").caused_by(error))
    })?;
    response.headers_mut().insert(header::LOCATION, value);
    Ok(response)
}

fn written(view: &impl ToJson) -> Result<Vec<u8>, ApiError> {
    view.to_json().map_err(unwritten)
}

fn unwritten(error: serde_json::Error) -> ApiError {
    Error::internal("The answer could not be written.")
        .caused_by(error)
        .into()
}
