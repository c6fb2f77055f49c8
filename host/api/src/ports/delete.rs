//! `DELETE /v1/ports/{port}`: by UUID only.

use ironbark_model::ident;
use ironbark_rpc::Request;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::routing::NobodyIs;
use crate::{nodes, ports, reply};

/// `DELETE /v1/ports/{port}`.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let written = context.param("port");
    let stripped = context.without_suffix("port").unwrap_or(written);
    if ident::canonical_uuid(stripped).is_none() {
        return Err(ApiError::invalid(format!(
            "Expected a UUID but received {written}."
        )));
    }
    let port = ports::of_path(&context).await?;
    let node = nodes::owning(&context, &port.node_uuid).await?;
    let request = Request::DestroyPort {
        port: port.uuid,
        node: node.uuid.clone(),
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::no_content()
}
