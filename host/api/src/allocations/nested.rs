//! `GET` and `DELETE /v1/nodes/{node}/allocation`.

use axum::http::StatusCode;
use ironbark_model::{Allocation, Error, Node};

use crate::allocations;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;
use crate::resource;
use crate::view::allocation::RESOURCE;

/// `GET …/allocation`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    let selection = RESOURCE.one(&context)?;
    // Ironic calls the node a wrong parameter here, and only the allocation not found.
    let node = context.node().await.map_err(as_parameter)?;
    let allocation = of_node(&context, &node).await?;
    reply::shown(&selection.view(&allocation, &resource::scene(&context)))
}

/// `DELETE …/allocation`.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let allocation = of_node(&context, &node).await?;
    allocations::delete(&context, allocation).await
}

async fn of_node(context: &Context, node: &Node) -> Result<Allocation, ApiError> {
    let allocation = context.state.db().allocation_of_node(&node.uuid).await?;
    Ok(allocation
        .ok_or_else(|| Error::not_found(format!("Node {} has no allocation.", node.uuid)))?)
}

fn as_parameter(error: ApiError) -> ApiError {
    if error.status() == StatusCode::NOT_FOUND {
        ApiError::invalid(error.message())
    } else {
        error
    }
}
