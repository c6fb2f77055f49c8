//! `GET /v1/chassis`, `GET /v1/chassis/detail`, `GET /v1/chassis/{chassis}`.

use super::not_found;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;
use crate::resource::{self, Asked};
use crate::view::chassis::RESOURCE;

/// `GET /v1/chassis`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let asked = RESOURCE.asked(&context, RESOURCE.filters)?;
    answer(&context, asked).await
}

/// `GET /v1/chassis/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    let asked = RESOURCE.asked_in_detail(&context, RESOURCE.filters)?;
    answer(&context, asked).await
}

/// `GET /v1/chassis/{chassis}`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    let selection = RESOURCE.one(&context)?;
    let uuid = resource::uuid_of_path(&context, "chassis")?;
    let chassis = context.state.db().chassis_get(&uuid).await?;
    let chassis = chassis.ok_or_else(|| ApiError::from(not_found(&uuid)))?;
    reply::shown(&selection.view(&chassis, &resource::scene(&context)))
}

async fn answer(context: &Context, asked: Asked<ironbark_model::Chassis>) -> ApiResult {
    let items = context.state.db().chassis_list(&asked.paging.page).await?;
    RESOURCE.page(context, &asked, &items, &[])
}
