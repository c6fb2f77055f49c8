//! `GET /v1/nodes/{node}/ports`: a list only; a port itself is found under `/v1/ports`.

use axum::http::StatusCode;
use ironbark_db::PortFilter;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::paging;
use crate::ports::list::{self, Look};

/// `GET …/ports`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let mut known = paging::ARGUMENTS.to_vec();
    known.extend(["fields", "detail"]);
    context.query.only(&known)?;
    let look = Look::read(&context)?;
    answer(&context, look).await
}

/// `GET …/ports/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    context.query.only(paging::ARGUMENTS)?;
    answer(&context, Look::AtPathDetail).await
}

/// Anything below.
pub(crate) async fn malformed(_: Context) -> ApiResult {
    Err(ApiError::framework(
        StatusCode::BAD_REQUEST,
        "Malformed request URI: a port is found under /v1/ports.",
    ))
}

async fn answer(context: &Context, look: Look) -> ApiResult {
    let node = context.node().await?;
    let filter = PortFilter {
        node_uuid: Some(node.uuid.clone()),
        ..PortFilter::default()
    };
    // The next page is a page of all ports, narrowed to this node's.
    list::answer(context, filter, look, &[("node", &node.uuid)]).await
}
