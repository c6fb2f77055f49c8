//! Deletes the bytes of packages that were uploaded and never installed, or that nothing refers to any more. Bytes that an
//! open operation pins stay: the database sees to that.

use std::sync::Arc;
use std::time::Duration;

use ironbark_model::{Result, Timestamp};

use crate::context::Context;

/// An upload is followed by its installation at once; this is generous.
const STAGED_FOR: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    let deleted = ctx
        .db
        .blob_prune_staged(Timestamp::now().minus(STAGED_FOR))
        .await?;
    if deleted > 0 {
        tracing::info!(
            packages = deleted,
            "deleted bytes of packages that nobody uses"
        );
    }
    Ok(())
}
