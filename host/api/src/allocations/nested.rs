//! `GET` and `DELETE /v1/nodes/{node}/allocation`.

use ironbark_model::{Allocation, Error};

use crate::allocations;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;
use crate::resource;
use crate::view::allocation::RESOURCE;

/// `GET …/allocation`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    let selection = RESOURCE.one(&context)?;
    let allocation = of_node(&context).await?;
    reply::shown(&selection.view(&allocation, &resource::scene(&context)))
}

/// `DELETE …/allocation`.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let allocation = of_node(&context).await?;
    allocations::delete(&context, allocation).await
}

async fn of_node(context: &Context) -> Result<Allocation, ApiError> {
    let node = context.node().await?;
    let allocation = context.state.db().allocation_of_node(&node.uuid).await?;
    Ok(allocation
        .ok_or_else(|| Error::not_found(format!("Node {} has no allocation.", node.uuid)))?)
}
