//! What calls of vendor methods have in common, with and without a node.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ironbark_rpc::{Reply, VendorCall};
use serde_json::Value;

use crate::context::{Context, unexpected_reply};
use crate::error::{ApiError, ApiResult};
use crate::{body, reply};

/// The call, with the method's name from the path.
pub(crate) fn by_path(context: &Context) -> Result<VendorCall, ApiError> {
    context.query.only(&[])?;
    call(context, context.param("method").to_owned())
}

/// The call, with the method's name from the query.
pub(crate) fn by_query(context: &Context) -> Result<VendorCall, ApiError> {
    context.query.only(&["method"])?;
    let method = context
        .query
        .get("method")
        .ok_or_else(|| body::missing("method"))?;
    call(context, method.to_owned())
}

/// 202 for a method that runs on, else 200 with what it answered: as JSON, or as a file.
pub(crate) fn answer(reply: Reply) -> ApiResult {
    let Reply::Vendor {
        is_async,
        result,
        attach,
    } = reply
    else {
        return Err(unexpected_reply());
    };
    if is_async {
        return reply::empty(StatusCode::ACCEPTED);
    }
    if !attach {
        return Ok(reply::raw_json(StatusCode::OK, result));
    }
    // Text becomes the file's content; anything else is the content as JSON.
    let content = serde_json::from_str::<String>(&result).unwrap_or(result);
    let mut response = Response::new(Body::from(content));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    Ok(response)
}

/// The body crosses unaltered; all that is asked of it is to be a JSON object.
fn call(context: &Context, method: String) -> Result<VendorCall, ApiError> {
    let bytes = context.body();
    let text = if bytes.is_empty() {
        "{}".to_owned()
    } else {
        // Drivers parse it too: what would be trouble to the parser doesn't reach them.
        match (body::json_to_relay(context)?, std::str::from_utf8(bytes)) {
            (Value::Object(_), Ok(text)) => text.trim().to_owned(),
            (Value::Null, _) => "{}".to_owned(),
            _ => {
                return Err(ApiError::invalid(
                    "The request's body must be a JSON object.",
                ));
            }
        }
    };
    Ok(VendorCall {
        method,
        http_method: context.method.as_str().to_owned(),
        body: text,
    })
}
