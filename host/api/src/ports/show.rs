//! `GET /v1/ports/{port}`.

use crate::context::Context;
use crate::error::ApiResult;
use crate::view::port::{self as view, Scene};
use crate::{gates, ports, reply};

/// `GET /v1/ports/{port}`, with `fields=`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&["fields"])?;
    let selection = match context.query.list("fields") {
        None => view::everything(context.version),
        Some(fields) => {
            context.version.require(gates::FIELDS_SINCE)?;
            view::chosen(&fields, context.version)?
        }
    };
    let port = ports::of_path(&context).await?;
    let scene = Scene {
        base: context.base.clone(),
    };
    reply::shown(&selection.view(&port, &scene))
}
