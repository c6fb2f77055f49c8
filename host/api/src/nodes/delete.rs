//! `DELETE /v1/nodes/{node}`.

use ironbark_rpc::Request;

use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;
use crate::routing::NobodyIs;

/// `DELETE /v1/nodes/{node}`: whether the node's state allows it is its conductor's to say.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let request = Request::DestroyNode {
        node: node.uuid.clone(),
    };
    context.ask(&node, NobodyIs::Invalid, request).await?;
    reply::no_content()
}
