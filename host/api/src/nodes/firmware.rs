//! `GET /v1/nodes/{node}/firmware`: what the node's driver read last.

use crate::context::Context;
use crate::error::ApiResult;
use crate::gates::hardware as gate;
use crate::nodes::fields;
use crate::reply;
use crate::view::Collection;
use crate::view::hardware::{self as view, Scene};

/// All components.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&["fields"])?;
    let fields = fields::chosen(&context, gate::FIRMWARE, 1)?;
    let node = context.node().await?;
    let components = context.state.db().firmware_components(&node.uuid).await?;
    let selection = view::firmware(context.version, |name| {
        fields
            .as_ref()
            .is_none_or(|fields| fields.iter().any(|field| field == name))
    });
    reply::shown(&Collection {
        name: "firmware",
        items: &components,
        selection: &selection,
        scene: &Scene {
            base: context.base.clone(),
            node: node.uuid.clone(),
        },
        next: None,
    })
}
