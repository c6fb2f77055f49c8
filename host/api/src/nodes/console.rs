//! `/v1/nodes/{node}/states/console`.

use ironbark_rpc::{Carried, HardwareRequest, Reply};
use serde_json::{Value, json};

use crate::body::{Arguments, missing};
use crate::context::Context;
use crate::error::ApiResult;
use crate::routing::NobodyIs;
use crate::{consoles, nodes, reply};

/// `GET …/states/console`. Of one that is off there is nothing to ask.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    if !node.console_enabled {
        return reply::ok(&json!({"console_enabled": false, "console_info": null}));
    }
    let request = nodes::hardware(&node, HardwareRequest::GetConsole);
    let info = match context.ask(&node, NobodyIs::NotFound, request).await? {
        Reply::Console(token) => stream(&context.base, &node.uuid, token),
        answer => nodes::json_reply(answer)?,
    };
    reply::ok(&info)
}

/// Of one that the service itself serves: where it is opened. The address is a secret.
fn stream(base: &str, node: &str, token: Carried) -> Value {
    let url = consoles::address(base, node, &token.into_secret());
    json!({"console_enabled": true, "console_info": {"type": "websocket", "url": url}})
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
