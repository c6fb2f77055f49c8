//! The end of versions that steps, inspections and rescues which wait began with, and that nothing else uses any more.
//!
//! Such a step keeps its version until the drain deadline. Then it goes on with the version that its node uses now, if that keeps
//! its state in the same form; otherwise its operation fails, and says so. A step that is being called just then keeps its version
//! until it waits again.

use std::sync::Arc;

use ironbark_drivers::{Implementation, Package};
use ironbark_model::operation::OperationKind;
use ironbark_model::{ErrorKind, InterfaceKind, Node, Operation, Result, Timestamp};

use super::follow;
use crate::call::implementation_name;
use crate::context::Context;
use crate::operations::{self, step_kind};
use crate::reserve::Held;

/// Moves or fails what waits with a version whose deadline has passed at `now`.
pub(super) async fn pass(ctx: &Arc<Context>, now: Timestamp) -> Result<()> {
    let timeout = ctx.config.drain_timeout;
    let drains = ctx.db.package_drains(now).await?;
    if timeout.is_zero() {
        return Ok(());
    }
    let over: Vec<String> = drains
        .into_iter()
        .filter(|(_, since)| since.plus(timeout) <= now)
        .map(|(digest, _)| digest)
        .collect();
    if over.is_empty() {
        return Ok(());
    }
    // Nodes may have come here since the start, with what they wait in.
    follow::load_pinned(ctx).await?;
    for (operation, node) in ctx.db.operations_open().await? {
        let is_over = operation
            .package_digest
            .as_ref()
            .is_some_and(|digest| over.contains(digest));
        if !is_over || operation.wait.is_none() || !ctx.ring.owns(&node) {
            continue;
        }
        match end(ctx, &node.uuid, &over).await {
            Ok(()) => {}
            // Somebody is at it, or no worker is free: the next pass comes soon.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NodeLocked | ErrorKind::NotFound | ErrorKind::Overloaded
                ) => {}
            Err(error) => tracing::warn!(
                node = %node.uuid, request_id = %operation.request_id,
                error = &error as &dyn std::error::Error,
                "a step that waits with a driver version of before could not be seen to"
            ),
        }
    }
    Ok(())
}

/// Ends the use of one of the versions of `over` by the step that this node waits in.
async fn end(ctx: &Arc<Context>, node_uuid: &str, over: &[String]) -> Result<()> {
    let permit = ctx.workers.permit()?;
    let held = Held::try_acquire(ctx, node_uuid).await?;
    let (node, operation) = operations::read_held(&held).await?;
    let waits = operation.filter(|operation| operation.wait.is_some());
    let Some(mut operation) = waits else {
        return held.release().await;
    };
    let old = match &operation.package_digest {
        Some(digest) if over.contains(digest) => digest.clone(),
        _ => return held.release().await,
    };
    let Some(begun) = Begun::of(&operation, &node) else {
        return held.release().await;
    };
    let loaded = ctx.drivers.loaded();
    let old_package = loaded.iter().find(|package| package.digest() == old);
    match successor(ctx, &node, &operation, &begun, old_package) {
        Ok(new) => {
            operation.package_digest = new.digest().map(str::to_owned);
            let mut tx = held.begin().await?;
            tx.operation_update(&operation).await?;
            held.commit_and_release(tx).await?;
            tracing::info!(
                node = %node.uuid, request_id = %operation.request_id, what = %begun.what,
                from = %named(old_package.map(AsRef::as_ref), &old), to = new.package_version(),
                "what waits goes on with the driver version that is in use: the drain deadline has passed"
            );
            if let Some(at) = operations::due_at(&operation) {
                ctx.alarm.set(at, &node.uuid);
            }
            Ok(())
        }
        // Failing may call the driver to clean up, and a node in maintenance is left alone.
        Err(_) if node.maintenance => held.release().await,
        Err(why) => {
            let reason = format!(
                "{} was still waiting when the drain deadline of driver package {}, with which it began, had passed \
                 ({} s after that version went out of use), and it can't go on with another version: {why}.",
                begun.what,
                named(old_package.map(AsRef::as_ref), &old),
                ctx.config.drain_timeout.as_secs(),
            );
            tracing::warn!(node = %node.uuid, request_id = %operation.request_id, "{reason}");
            operations::launch_failure(permit, held, node, operation, &reason).await
        }
    }
}

/// What began with a package: a step, or an operation that is one call after another.
struct Begun {
    interface: InterfaceKind,
    implementation: String,
    step: Option<String>,
    /// What messages call it.
    what: String,
}

impl Begun {
    /// `None` if nothing of this node begins with a package just now.
    fn of(operation: &Operation, node: &Node) -> Option<Self> {
        if let Some(planned) = operation.current_step() {
            return Some(Self {
                interface: planned.step.interface,
                implementation: planned.implementation.clone(),
                step: Some(planned.step.step.clone()),
                what: format!("The {} step {}", operation.kind, planned.step.full_name()),
            });
        }
        let interface = match operation.kind {
            OperationKind::Inspect => InterfaceKind::Inspect,
            OperationKind::Rescue | OperationKind::Unrescue => InterfaceKind::Rescue,
            _ => return None,
        };
        Some(Self {
            interface,
            implementation: implementation_name(node, interface)?.to_owned(),
            step: None,
            what: format!("The operation {}", operation.kind),
        })
    }
}

/// What it can go on with; if there is nothing, why.
fn successor(
    ctx: &Context,
    node: &Node,
    operation: &Operation,
    begun: &Begun,
    old: Option<&Arc<Package>>,
) -> std::result::Result<Implementation, String> {
    let old = old.ok_or("the version that it began with can't be loaded any more")?;
    let (interface, name) = (begun.interface, begun.implementation.as_str());
    let new = ctx
        .drivers
        .implementation_for(node, interface, name)
        .map_err(|_| format!("no version of package {} is in use", old.name()))?;
    let package = new
        .package()
        .filter(|package| package.name() == old.name())
        .ok_or_else(|| format!("{interface} implementation '{name}' is of another package now"))?;
    let what = format!("{}@{}", package.name(), package.version());
    if package.quarantine().is_some() {
        return Err(format!("{what} is quarantined"));
    }
    let (before, now) = (
        &old.metadata().state_schema,
        &package.metadata().state_schema,
    );
    if before != now {
        return Err(format!(
            "{what} keeps its notes on nodes as state schema '{now}', and what it began with as '{before}'"
        ));
    }
    let Some(step) = &begun.step else {
        return Ok(new);
    };
    let offered = new.steps(step_kind(operation.kind));
    if offered.iter().any(|offered| offered.step.step == *step) {
        Ok(new)
    } else {
        Err(format!("{what} has no such step"))
    }
}

fn named(package: Option<&Package>, digest: &str) -> String {
    match package {
        Some(package) => format!("{}@{}", package.name(), package.version()),
        None => format!("with digest {digest}"),
    }
}
