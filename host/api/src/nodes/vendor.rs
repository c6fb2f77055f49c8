//! `/v1/nodes/{node}/vendor_passthru`.

use ironbark_rpc::{Request, VendorCall};

use crate::context::Context;
use crate::error::ApiResult;
use crate::routing::NobodyIs;
use crate::{nodes, reply, vendor_call};

/// Any method on `…/vendor_passthru/{method}`.
pub(crate) async fn by_path(context: Context) -> ApiResult {
    let call = vendor_call::by_path(&context)?;
    pass(&context, call).await
}

/// Any method on `…/vendor_passthru?method=`.
pub(crate) async fn by_query(context: Context) -> ApiResult {
    let call = vendor_call::by_query(&context)?;
    pass(&context, call).await
}

/// `GET …/vendor_passthru/methods`.
pub(crate) async fn methods(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let request = Request::VendorMethods {
        node: node.uuid.clone(),
    };
    let answer = context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::ok(&nodes::json_reply(answer)?)
}

async fn pass(context: &Context, call: VendorCall) -> ApiResult {
    let node = context.node().await?;
    let request = Request::VendorPassthru {
        node: node.uuid.clone(),
        call,
    };
    vendor_call::answer(context.ask(&node, NobodyIs::NotFound, request).await?)
}
