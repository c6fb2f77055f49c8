//! `GET /v1/nodes/{node}/ports`: a list only; a port itself is found under `/v1/ports`.

use crate::context::Context;
use crate::error::ApiResult;
use crate::ports::list::{self, Look, Within};

/// `GET …/ports`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let look = Look::read(&context)?;
    let node = context.node().await?;
    list::nested(
        &context,
        &["fields", "detail"],
        Within::Node(&node.uuid),
        look,
    )
    .await
}

/// `GET …/ports/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    let node = context.node().await?;
    list::nested(&context, &[], Within::Node(&node.uuid), Look::AtPathDetail).await
}
