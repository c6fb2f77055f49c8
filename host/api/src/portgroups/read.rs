//! `GET /v1/portgroups`, `GET /v1/portgroups/detail`, `GET /v1/portgroups/{portgroup}`.

use ironbark_db::PortgroupFilter;
use ironbark_model::Portgroup;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::resource::{self, Asked, carried};
use crate::view::portgroup::RESOURCE;
use crate::{portgroups, reply};

/// `GET /v1/portgroups`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let asked = RESOURCE.asked(&context, RESOURCE.filters)?;
    let filter = read_filter(&context).await?;
    answer(
        &context,
        asked,
        filter,
        &carried(&context, RESOURCE.filters),
    )
    .await
}

/// `GET /v1/portgroups/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    let asked = RESOURCE.asked_in_detail(&context, RESOURCE.filters)?;
    let filter = read_filter(&context).await?;
    answer(
        &context,
        asked,
        filter,
        &carried(&context, RESOURCE.filters),
    )
    .await
}

/// `GET /v1/portgroups/{portgroup}`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    let selection = RESOURCE.one(&context)?;
    let portgroup = portgroups::of_path(&context).await?;
    reply::shown(&selection.view(&portgroup, &resource::scene(&context)))
}

/// One page of the port groups that `filter` leaves.
pub(crate) async fn answer(
    context: &Context,
    asked: Asked<Portgroup>,
    filter: PortgroupFilter,
    filters: &[(&str, &str)],
) -> ApiResult {
    let db = context.state.db();
    let items = db.portgroup_list(&filter, &asked.paging.page).await?;
    RESOURCE.page(context, &asked, &items, filters)
}

async fn read_filter(context: &Context) -> Result<PortgroupFilter, ApiError> {
    let query = &context.query;
    let given = RESOURCE.filters.iter().filter(|filter| {
        query
            .get(filter.name)
            .is_some_and(|value| !value.is_empty())
    });
    if given.count() > 1 {
        return Err(ApiError::invalid(
            "Portgroups can be narrowed to one of node, address, shard and conductor_groups only.",
        ));
    }
    let node_uuid = match query.get("node") {
        Some(node) => Some(context.find_node(node).await?.uuid),
        None => None,
    };
    Ok(PortgroupFilter {
        node_uuid,
        address: resource::address(context)?,
        shards: resource::items(context, "shard"),
        conductor_groups: query.list("conductor_groups"),
    })
}
