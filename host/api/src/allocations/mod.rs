//! `/v1/allocations` (facts §2.8). Any conductor makes and deletes allocations; the API itself only changes what nobody
//! else cares about.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod nested;
pub(crate) mod read;

use ironbark_model::{Allocation, Error};
use ironbark_rpc::{ChangeAllocation, Reply, Request};

use crate::context::{Context, ident};
use crate::error::{ApiError, ApiResult};
use crate::reply;

/// The allocation that the path names; 404 if there is none.
pub(crate) async fn of_path(context: &Context) -> Result<Allocation, ApiError> {
    let written = context.param("allocation");
    if let Some(stripped) = context.without_suffix("allocation")
        && let Ok(allocation) = find(context, stripped).await
    {
        return Ok(allocation);
    }
    find(context, written).await
}

/// Has a conductor delete it, and free its node: 204.
pub(crate) async fn delete(context: &Context, allocation: Allocation) -> ApiResult {
    let change = ChangeAllocation::Destroy {
        uuid: allocation.uuid,
    };
    ask(context, change).await?;
    reply::no_content()
}

async fn find(context: &Context, written: &str) -> Result<Allocation, ApiError> {
    let allocation = context.state.db().allocation_get(&ident(written)?).await?;
    Ok(allocation
        .ok_or_else(|| Error::not_found(format!("Allocation {written} could not be found.")))?)
}

async fn ask(context: &Context, change: ChangeAllocation) -> Result<Reply, ApiError> {
    let host = context.state.routing().any(&context.request_id).await?;
    let request = Request::ChangeAllocation { change };
    context.ask_host(&host, request).await
}
