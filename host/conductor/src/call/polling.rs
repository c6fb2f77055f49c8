//! Calls that nobody waits for: power sync's and those of packages' periodic tasks. They keep a driver's error apart from a driver's
//! fault, because only the first says something about the node.

use std::time::Duration;

use ironbark_drivers::{Implementation, PeriodicTask};
use ironbark_model::{InterfaceKind, Result};
use ironbark_sandbox::{CallContext, CallError, Completed, PowerReading};

use super::{Called, NodeCall, Notes, Patience, attempt, run_bounded};
use crate::capabilities::Unserved;
use crate::context::Context;

impl NodeCall<'_> {
    /// The power now. The outer error says that the driver was not called at all.
    pub(crate) async fn poll_power(&self) -> Result<std::result::Result<PowerReading, CallError>> {
        let implementation = self.implementation(InterfaceKind::Power)?;
        let unserved = Unserved::default();
        let context = self.context(&implementation, &unserved).await?;
        let polled = attempt(self.ctx, || implementation.get_power_state(context.clone())).await?;
        match (polled, unserved.error()) {
            (Ok(completed), _) => Ok(Ok(completed.value)),
            (Err(CallError::Driver(_)), Some(ours)) => Err(ours),
            (Err(error), _) => Ok(Err(error)),
        }
    }

    /// Whether the node's power interface has what it needs, and is one that can be asked for power at all.
    pub(crate) async fn can_poll_power(&self) -> bool {
        self.implementation(InterfaceKind::Power)
            .is_ok_and(|implementation| implementation.is_callable())
            && self.validate(InterfaceKind::Power).await.is_ok()
    }

    /// Runs a package's periodic task for this node, for at most `limit`.
    pub(crate) async fn run_task(
        &self,
        task: &PeriodicTask,
        limit: Duration,
    ) -> Result<Called<()>> {
        let implementation: &Implementation = task.implementation();
        let mut context = self.context(implementation, &Unserved::default()).await?;
        context.deadline = limit;
        let completed = run_bounded(self.ctx, self.patience, || task.run(context.clone())).await?;
        Ok(Called {
            value: (),
            notes: notes(implementation, completed),
        })
    }
}

/// Runs a package's periodic task that has no node, for at most `limit`.
pub(crate) async fn run_task_without_node(
    ctx: &Context,
    task: &PeriodicTask,
    request_id: &str,
    limit: Duration,
) -> Result<()> {
    let mut context = CallContext::without_node(request_id);
    context.deadline = limit;
    run_bounded(ctx, Patience::Clock, || task.run(context.clone()))
        .await
        .map(drop)
}

fn notes(implementation: &Implementation, completed: Completed<()>) -> Option<Notes> {
    match implementation.package_name() {
        Some(package) if !completed.writes.is_empty() => Some(Notes {
            package: package.to_owned(),
            writes: completed.writes,
        }),
        _ => None,
    }
}
