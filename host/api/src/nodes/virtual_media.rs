//! `/v1/nodes/{node}/vmedia`.

use axum::http::StatusCode;
use ironbark_rpc::HardwareRequest;

use crate::body::Arguments;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::hardware as gate;
use crate::{nodes, reply};

pub(crate) const DEVICES: &[&str] = &["cdrom", "disk", "floppy"];
pub(crate) const SOURCES: &[&str] = &["http", "local", "swift"];

/// What BMCs can fetch an image by.
const SCHEMES: &[&str] = &["http", "https", "nfs", "cifs"];

/// Longest URL of an image, in bytes.
pub(crate) const MAX_URL: usize = 2048;

/// `GET …/vmedia`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    if !context.version.has(gate::VIRTUAL_MEDIA_LIST_SINCE) {
        return Err(ApiError::fault(StatusCode::NOT_FOUND, "Not Found"));
    }
    let answer = nodes::ask_hardware(&context, HardwareRequest::ListVirtualMedia).await?;
    reply::ok(&nodes::json_reply(answer)?)
}

/// `POST …/vmedia`. Where the image comes through is the BMC's affair here: it fetches it itself.
pub(crate) async fn attach(context: Context) -> ApiResult {
    let known = ["device_type", "image_url", "image_download_source"];
    let mut arguments = Arguments::read(&context, &known)?;
    let device_type = arguments.required_text("device_type")?;
    let image_url = arguments.required_text("image_url")?;
    one_of("device_type", &device_type, DEVICES)?;
    if let Some(source) = arguments.text("image_download_source")? {
        one_of("image_download_source", &source, SOURCES)?;
    }
    if image_url.is_empty() || image_url.len() > MAX_URL {
        return Err(ApiError::invalid(format!(
            "image_url must have 1 to {MAX_URL} bytes."
        )));
    }
    let scheme = image_url.split_once("://").map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| {
        SCHEMES
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    }) {
        return Err(ApiError::invalid(format!(
            "Unsupported or missing scheme in image_url: it is one of {}.",
            SCHEMES.join(", ")
        )));
    }
    let request = HardwareRequest::AttachVirtualMedia {
        device_type,
        image_url,
    };
    nodes::ask_hardware(&context, request).await?;
    reply::no_content()
}

/// `DELETE …/vmedia`.
pub(crate) async fn detach(context: Context) -> ApiResult {
    context.query.only(&["device_types"])?;
    let device_types = context.query.list("device_types").unwrap_or_default();
    for device_type in &device_types {
        one_of("device_types", device_type, DEVICES)?;
    }
    nodes::ask_hardware(&context, HardwareRequest::DetachVirtualMedia(device_types)).await?;
    reply::no_content()
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), ApiError> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Invalid {name} '{value}': it is one of {}.",
        known.join(", ")
    )))
}
