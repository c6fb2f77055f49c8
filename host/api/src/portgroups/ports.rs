//! `GET /v1/portgroups/{portgroup}/ports`, `…/ports/detail`: lists only; a port itself is found under `/v1/ports`.

use crate::context::Context;
use crate::error::ApiResult;
use crate::portgroups;
use crate::ports::list::{self, Look, Within};

/// `GET …/ports`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let portgroup = portgroups::of_path(&context).await?;
    let look = Look::read(&context)?;
    list::nested(
        &context,
        &["fields", "detail"],
        Within::Portgroup(&portgroup.uuid),
        look,
    )
    .await
}

/// `GET …/ports/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    let portgroup = portgroups::of_path(&context).await?;
    list::nested(
        &context,
        &[],
        Within::Portgroup(&portgroup.uuid),
        Look::AtPathDetail,
    )
    .await
}
