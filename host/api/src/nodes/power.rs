//! `PUT /v1/nodes/{node}/states/power` (facts §4.3).

use ironbark_model::{PowerTarget, ProvisionState};
use ironbark_rpc::Request;

use crate::body::Arguments;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::provision as gate;
use crate::nodes;
use crate::routing::NobodyIs;

/// `PUT …/states/power`.
pub(crate) async fn change(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, &["target", "timeout"])?;
    let wanted = arguments.required_text("target")?;
    let timeout = arguments.integer("timeout")?;
    let node = context.node().await?;
    if timeout.is_some() {
        context.version.require(gate::SOFT_POWER_SINCE)?;
    }
    let target: Option<PowerTarget> = wanted.parse().ok();
    if let Some(target) = target {
        context.version.require(target.since())?;
    }
    let timeout = timeout
        .map(|seconds| match u32::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Ok(seconds),
            _ => Err(ApiError::invalid(format!(
                "timeout has to be positive, not {seconds}."
            ))),
        })
        .transpose()?;
    let state = node.provision_state;
    let Some(target) = target else {
        let power = node.power_state.map_or("unknown", |state| state.as_str());
        return Err(nodes::invalid_state(&wanted, &node, power).into());
    };
    if matches!(state, ProvisionState::Cleaning | ProvisionState::CleanWait) {
        return Err(nodes::invalid_state(&wanted, &node, state.as_str()).into());
    }
    let request = Request::ChangePowerState {
        node: node.uuid.clone(),
        target,
        timeout,
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    nodes::accepted(&context)
}
