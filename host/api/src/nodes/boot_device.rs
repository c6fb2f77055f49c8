//! `/v1/nodes/{node}/management/boot_device`.

use ironbark_rpc::Request;
use serde_json::json;

use crate::body::Arguments;
use crate::context::Context;
use crate::error::ApiResult;
use crate::routing::NobodyIs;
use crate::{nodes, reply};

/// `GET …/boot_device`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let request = Request::GetBootDevice {
        node: node.uuid.clone(),
    };
    let answer = context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::ok(&nodes::json_reply(answer)?)
}

/// `PUT …/boot_device`.
pub(crate) async fn set(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, &["boot_device", "persistent"])?;
    let device = arguments.required_text("boot_device")?;
    let persistent = arguments.flag("persistent")?.unwrap_or(false);
    let node = context.node().await?;
    let request = Request::SetBootDevice {
        node: node.uuid.clone(),
        device,
        persistent,
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::no_content()
}

/// `GET …/boot_device/supported`.
pub(crate) async fn supported(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let request = Request::SupportedBootDevices {
        node: node.uuid.clone(),
    };
    let devices = nodes::json_reply(context.ask(&node, NobodyIs::NotFound, request).await?)?;
    reply::ok(&json!({"supported_boot_devices": devices}))
}
