//! `GET /v1/inspection_rules`, `GET /v1/inspection_rules/{rule}`.

use ironbark_model::Error;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::view::inspection_rule::RESOURCE;
use crate::{reply, resource};

/// `GET /v1/inspection_rules`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let asked = RESOURCE.asked(&context, RESOURCE.filters)?;
    let page = &asked.paging.page;
    let items = context.state.db().inspection_rule_list(page).await?;
    RESOURCE.page(&context, &asked, &items, &[])
}

/// `GET /v1/inspection_rules/{rule}`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    let selection = RESOURCE.one(&context)?;
    let uuid = resource::uuid_of_path(&context, "rule")?;
    let rule = context.state.db().inspection_rule_get(&uuid).await?;
    let rule = rule.ok_or_else(|| {
        ApiError::from(Error::not_found(format!(
            "Inspection rule {uuid} could not be found."
        )))
    })?;
    reply::shown(&selection.view(&rule, &resource::scene(&context)))
}
