//! `PUT /v1/nodes/{node}/management/inject_nmi`.

use ironbark_rpc::Request;

use crate::body::Arguments;
use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;
use crate::routing::NobodyIs;

/// `PUT …/inject_nmi`.
pub(crate) async fn inject(context: Context) -> ApiResult {
    Arguments::read(&context, &[])?;
    let node = context.node().await?;
    let request = Request::InjectNmi {
        node: node.uuid.clone(),
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::no_content()
}
