//! `PUT` and `DELETE /v1/nodes/{node}/maintenance`: done when answered, and answered 202 all the same.

use axum::http::StatusCode;
use ironbark_rpc::Request;

use crate::body::Arguments;
use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;
use crate::routing::NobodyIs;

/// `PUT …/maintenance`.
pub(crate) async fn set(context: Context) -> ApiResult {
    let reason = Arguments::read(&context, &["reason"])?.text("reason")?;
    change(&context, true, reason).await
}

/// `DELETE …/maintenance`.
pub(crate) async fn clear(context: Context) -> ApiResult {
    context.query.only(&[])?;
    change(&context, false, None).await
}

async fn change(context: &Context, maintenance: bool, reason: Option<String>) -> ApiResult {
    let node = context.node().await?;
    let request = Request::SetMaintenance {
        node: node.uuid.clone(),
        maintenance,
        reason,
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::empty(StatusCode::ACCEPTED)
}
