//! Maintenance: set and cleared by the operator. It needs the node, since a running operation decides by it.

use std::sync::Arc;

use ironbark_model::{Result, node_rules};
use ironbark_rpc::Reply;

use super::hold;
use crate::context::Context;

/// Sets or clears maintenance.
pub(super) async fn set(
    ctx: &Arc<Context>,
    ident: &str,
    maintenance: bool,
    reason: Option<String>,
) -> Result<Reply> {
    let (held, mut node) = hold(ctx, ident).await?;
    node.maintenance = maintenance;
    node.maintenance_reason = reason;
    if !maintenance {
        node_rules::clear_maintenance(&mut node);
    }
    held.save_and_release(&node).await?;
    tracing::info!(node = %node.uuid, maintenance, "maintenance was set");
    Ok(Reply::Done)
}
