//! `/v1/nodes/{node}/states/console`.

use ironbark_rpc::HardwareRequest;
use serde_json::json;

use crate::body::{Arguments, missing};
use crate::context::Context;
use crate::error::ApiResult;
use crate::routing::NobodyIs;
use crate::{nodes, reply};

/// `GET …/states/console`. Of one that is off there is nothing to ask.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    if !node.console_enabled {
        return reply::ok(&json!({"console_enabled": false, "console_info": null}));
    }
    let request = nodes::hardware(&node, HardwareRequest::GetConsole);
    let answer = context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::ok(&nodes::json_reply(answer)?)
}

/// `PUT …/states/console`.
pub(crate) async fn set(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, &["enabled"])?;
    let enabled = arguments
        .flag("enabled")?
        .ok_or_else(|| missing("enabled"))?;
    nodes::ask_hardware(&context, HardwareRequest::SetConsole(enabled)).await?;
    reply::accepted(&format!(
        "{}/v1/nodes/{}/states/console",
        context.base,
        context.param("node")
    ))
}
