//! Taking an active node over that another conductor deployed.

use std::sync::Arc;

use ironbark_model::operation::OperationKind;
use ironbark_model::{JsonObject, Operation, ProvisionState, Result};

use super::{Phase, Run, accept, phase as phases, read_held};
use crate::call::Ports;
use crate::context::Context;
use crate::reserve::Held;

/// Begins taking the node over, if it still is active, out of maintenance, and another conductor's; `false` if not.
pub async fn begin_take_over(ctx: &Arc<Context>, node_uuid: &str) -> Result<bool> {
    let permit = ctx.workers.permit()?;
    let held = Held::try_acquire(ctx, node_uuid).await?;
    let (node, operation) = read_held(&held).await?;
    let due = node.provision_state == ProvisionState::Active
        && !node.maintenance
        && operation.is_none()
        && node.conductor_affinity.as_deref() != Some(ctx.host());
    if !due {
        held.release().await?;
        return Ok(false);
    }
    let request_id = format!("req-{}", ironbark_model::ident::new_uuid());
    let mut operation = Operation::new(
        OperationKind::TakeOver,
        &node.uuid,
        &request_id,
        JsonObject::new(),
    );
    phases::TAKE_OVER.clone_into(&mut operation.phase);
    accept(permit, held, node, operation, Ports::default()).await?;
    Ok(true)
}

/// The one phase of a take-over.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let prepared = run.call().deploy_prepare().await?;
    run.settle(prepared).await?;
    let taken = run.call().deploy_take_over().await?;
    run.keep(taken);
    run.node.conductor_affinity = Some(run.ctx().host().to_owned());
    run.finish().await
}
