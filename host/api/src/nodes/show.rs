//! `GET /v1/nodes/{node}`.

use crate::context::Context;
use crate::error::ApiResult;
use crate::view::node as view;
use crate::{gates, nodes, reply};

/// `GET /v1/nodes/{node}`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&["fields"])?;
    let selection = match context.query.list("fields") {
        None => view::everything(context.version),
        Some(fields) => {
            context.version.require(gates::FIELDS_SINCE)?;
            view::chosen(&fields, context.version)?
        }
    };
    let node = context.node().await?;
    let scene = nodes::scene(&context).await?;
    reply::shown(&selection.view(&node, &scene))
}
