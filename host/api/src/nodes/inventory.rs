//! `GET /v1/nodes/{node}/inventory`: what the last inspection found.

use ironbark_model::Error;

use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;

/// Inventory and plugin data; 404 if the node was never inspected.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let found = context.state.db().inventory(&node.uuid).await?;
    let found = found.ok_or_else(|| {
        Error::not_found(format!(
            "Node inventory record for node {} could not be found.",
            node.uuid
        ))
    })?;
    reply::ok(&found)
}
