//! `GET /v1/chassis/{chassis}/nodes`, `…/nodes/detail`: lists only; a node itself is found under `/v1/nodes`.

use crate::chassis;
use crate::context::Context;
use crate::error::ApiResult;
use crate::nodes::list;

/// `GET …/nodes`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let uuid = chassis::known(&context, context.param("chassis")).await?;
    list::of_chassis(&context, uuid).await
}

/// `GET …/nodes/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    let uuid = chassis::known(&context, context.param("chassis")).await?;
    list::of_chassis_in_detail(&context, uuid).await
}
