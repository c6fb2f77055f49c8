//! `PUT /v1/nodes/{node}/states/raid`.

use ironbark_model::JsonObject;
use ironbark_rpc::HardwareRequest;

use crate::context::Context;
use crate::error::ApiResult;
use crate::{body, nodes, reply};

/// Sets the target RAID configuration; an empty object, or nothing, clears it.
pub(crate) async fn set(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let config = match context.body().is_empty() {
        true => JsonObject::new(),
        false => body::object(&context)?,
    };
    nodes::ask_hardware(&context, HardwareRequest::SetTargetRaidConfig(config)).await?;
    reply::no_content()
}
