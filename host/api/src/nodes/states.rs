//! `GET /v1/nodes/{node}/states`.

use crate::context::Context;
use crate::error::ApiResult;
use crate::view::node as view;
use crate::{nodes, reply};

/// `GET …/states`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let scene = nodes::scene(&context).await?;
    reply::shown(&view::states(context.version).view(&node, &scene))
}
