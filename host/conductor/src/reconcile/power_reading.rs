//! Asks machines for their power state.

use std::sync::Arc;

use async_trait::async_trait;
use ironbark_db::NodeRef;
use ironbark_model::{Node, Result};

use super::power_decision::Reading;
use crate::context::Context;

/// What power sync needs of machines: a seam, so that its rules can be tested with machines that are made up.
#[async_trait]
pub(super) trait Machines: Send + Sync {
    /// Asks a node's driver. Never waits longer than one driver call may take.
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> Reading;

    /// Whether the node's driver lets power sync correct the machine.
    async fn may_correct(&self, ctx: &Arc<Context>, node: &Node) -> bool;

    /// Begins to bring the machine to the state that the node has in the database.
    async fn correct(&self, ctx: &Arc<Context>, node: &Node) -> Result<()>;
}
