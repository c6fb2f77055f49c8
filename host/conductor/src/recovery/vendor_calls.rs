//! Asynchronous vendor calls that held no node, and whose conductor stopped: their nodes say so.

use std::sync::Arc;

use ironbark_db::VendorCallMark;
use ironbark_model::{ErrorKind, Result};

use super::{Looked, interrupted};
use crate::context::Context;
use crate::reserve::Held;

/// Tells of all whose conductor is gone. A node that somebody holds is told the next time.
pub(super) async fn tell_interrupted(ctx: &Arc<Context>, looked: &mut Looked) -> Result<()> {
    for mark in ctx.db.vendor_calls().await? {
        if !is_gone(ctx, &mark) {
            continue;
        }
        match tell(ctx, &mark).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                looked.postponed += 1;
                tracing::debug!(node = %mark.node_uuid, error = %error, "an interrupted vendor call could not be told now");
            }
        }
    }
    Ok(())
}

fn is_gone(ctx: &Context, mark: &VendorCallMark) -> bool {
    if mark.host == ctx.host() {
        mark.incarnation != ctx.incarnation
    } else {
        ctx.ring.is_dead(&mark.host)
    }
}

async fn tell(ctx: &Arc<Context>, mark: &VendorCallMark) -> Result<()> {
    let held = Held::try_acquire(ctx, &mark.node_uuid).await?;
    let mut tx = held.begin().await?;
    // Another conductor may have told it since the marks were read.
    if tx.vendor_call_end(mark).await? {
        let mut node = tx.node().await?;
        let message = format!(
            "The vendor method {} was interrupted because its conductor stopped: its outcome is unknown.",
            mark.method
        );
        let entry = interrupted(&mut node, &message, ctx.host());
        tx.save_node(&node).await?;
        tx.history_add(&entry).await?;
    }
    held.commit_and_release(tx).await
}
