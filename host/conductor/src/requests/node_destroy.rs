//! Deleting a node.

use std::sync::Arc;

use ironbark_model::{Result, node_rules};
use ironbark_rpc::Reply;

use super::hold;
use crate::connections::Connections;
use crate::context::Context;

/// Deletes a node and what hangs on it.
pub(super) async fn destroy(ctx: &Arc<Context>, ident: &str) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    node_rules::check_delete(&node, ctx.config.allow_deleting_available_nodes)?;
    let mut tx = held.begin().await?;
    tx.delete_node().await?;
    tx.commit().await?;
    held.forget();
    Connections::of(ctx, &node).forget(ctx);
    ctx.consoles.revoke(&node.uuid);
    tracing::info!(node = %node.uuid, "the node was deleted");
    Ok(Reply::Done)
}
