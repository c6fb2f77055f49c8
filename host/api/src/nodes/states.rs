//! `GET /v1/nodes/{node}/states` and `…/states/console`.

use serde_json::json;

use crate::context::Context;
use crate::error::ApiResult;
use crate::view::node as view;
use crate::{nodes, reply};

/// `GET …/states`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let scene = nodes::scene(&context).await?;
    reply::shown(&view::states(context.version).view(&node, &scene))
}

/// `GET …/states/console`: consoles can't be started in this release, so that there is never one to connect to.
pub(crate) async fn console(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    reply::ok(&json!({"console_enabled": node.console_enabled, "console_info": null}))
}
