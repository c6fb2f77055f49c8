//! `GET /v1/nodes/{node}/validate`, and the older `GET /v1/nodes/validate?node=`.

use ironbark_model::Node;
use ironbark_rpc::Request;

use crate::context::Context;
use crate::error::ApiResult;
use crate::routing::NobodyIs;
use crate::{body, nodes, reply, resource};

/// The node is in the path.
pub(crate) async fn by_path(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    answer(&context, node).await
}

/// The node is in the query.
pub(crate) async fn by_query(context: Context) -> ApiResult {
    context.query.only(&["node", "node_uuid"])?;
    let node = match (context.query.get("node"), context.query.get("node_uuid")) {
        (Some(node), _) => context.find_node(node).await?,
        (None, Some(uuid)) => context.find_node(&resource::uuid(uuid)?).await?,
        (None, None) => return Err(body::missing("node")),
    };
    answer(&context, node).await
}

async fn answer(context: &Context, node: Node) -> ApiResult {
    let request = Request::Validate {
        node: node.uuid.clone(),
    };
    let answer = context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::ok(&nodes::json_reply(answer)?)
}
