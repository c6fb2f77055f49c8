//! Finds nodes whose conductor died, and open work that nobody is at; what becomes of it is [`recovery`]'s to say.

use std::sync::Arc;

use ironbark_model::Result;

use crate::context::Context;
use crate::recovery;

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    // Who is dead is to be known as late as possible: a conductor may have come back.
    ctx.ring.refresh(&ctx.db).await?;
    let looked = recovery::look_after(ctx).await?;
    if looked.taken > 0 || looked.postponed > 0 {
        tracing::info!(
            taken = looked.taken,
            postponed = looked.postponed,
            "saw to nodes of conductors that are gone"
        );
    }
    Ok(())
}
