//! `PUT /v1/nodes/{node}/states/boot_mode` and `…/secure_boot`.

use ironbark_model::{Error, Node};
use ironbark_rpc::HardwareRequest;

use crate::body::{Arguments, missing};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::nodes;
use crate::routing::NobodyIs;

pub(crate) const MODES: &[&str] = &["uefi", "bios"];

/// `PUT …/states/boot_mode`.
pub(crate) async fn set_mode(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, &["target"])?;
    let target = arguments.required_text("target")?;
    if !MODES.contains(&target.as_str()) {
        return Err(ApiError::invalid(format!(
            "Invalid boot mode '{target}': it is one of {}.",
            MODES.join(", ")
        )));
    }
    let node = at_rest(&context).await?;
    change(&context, &node, HardwareRequest::SetBootMode(target)).await
}

/// `PUT …/states/secure_boot`.
pub(crate) async fn set_secure(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, &["target"])?;
    let target = arguments.flag("target")?.ok_or_else(|| missing("target"))?;
    let node = at_rest(&context).await?;
    change(&context, &node, HardwareRequest::SetSecureBoot(target)).await
}

async fn change(context: &Context, node: &Node, request: HardwareRequest) -> ApiResult {
    let request = nodes::hardware(node, request);
    context.ask(node, NobodyIs::NotFound, request).await?;
    nodes::accepted(context)
}

/// The node; 409 while something goes on with it, without waiting for that to end.
async fn at_rest(context: &Context) -> Result<Node, ApiError> {
    let node = context.node().await?;
    if node.provision_state.is_transient() {
        return Err(Error::conflict(format!(
            "Node {} is in the state {}: its boot settings can change when that is over.",
            node.uuid, node.provision_state
        ))
        .into());
    }
    Ok(node)
}
