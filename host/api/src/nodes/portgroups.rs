//! `GET /v1/nodes/{node}/portgroups`, `…/portgroups/detail`: lists only; a port group itself is found under
//! `/v1/portgroups`.

use ironbark_db::PortgroupFilter;
use ironbark_model::Portgroup;

use crate::context::Context;
use crate::error::ApiResult;
use crate::portgroups::read;
use crate::resource::Asked;
use crate::view::portgroup::RESOURCE;

/// `GET …/portgroups`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let asked = RESOURCE.asked(&context, &[])?;
    answer(&context, asked).await
}

/// `GET …/portgroups/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    let asked = RESOURCE.asked_in_detail(&context, &[])?;
    answer(&context, asked).await
}

async fn answer(context: &Context, asked: Asked<Portgroup>) -> ApiResult {
    let node = context.node().await?;
    let filter = PortgroupFilter {
        node_uuid: Some(node.uuid.clone()),
        ..PortgroupFilter::default()
    };
    // The next page is a page of all port groups, narrowed to this node's.
    read::answer(context, asked, filter, &[("node", &node.uuid)]).await
}
