//! `GET /v1/allocations`, `GET /v1/allocations/{allocation}`.

use ironbark_db::AllocationFilter;

use crate::allocations;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::resource::{self, carried};
use crate::view::allocation::RESOURCE;
use crate::{nodes, reply};

/// `GET /v1/allocations`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let asked = RESOURCE.asked(&context, RESOURCE.filters)?;
    let items = match read_filter(&context).await? {
        Some(filter) => {
            let db = context.state.db();
            db.allocation_list(&filter, &asked.paging.page).await?
        }
        None => Vec::new(),
    };
    let carried = carried(&context, RESOURCE.filters);
    RESOURCE.page(&context, &asked, &items, &carried)
}

/// `GET /v1/allocations/{allocation}`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    let selection = RESOURCE.one(&context)?;
    let allocation = allocations::of_path(&context).await?;
    reply::shown(&selection.view(&allocation, &resource::scene(&context)))
}

/// What the list is narrowed to; `None` if to a state that no allocation can have.
async fn read_filter(context: &Context) -> Result<Option<AllocationFilter>, ApiError> {
    let query = &context.query;
    let node_uuid = match query.get("node") {
        Some(node) => Some(nodes::referenced_node(context, node).await?),
        None => None,
    };
    let Ok(state) = query.get("state").map(str::parse).transpose() else {
        return Ok(None);
    };
    Ok(Some(AllocationFilter {
        node_uuid,
        resource_class: query.get("resource_class").map(str::to_owned),
        state,
        owner: query.get("owner").map(str::to_owned),
    }))
}
