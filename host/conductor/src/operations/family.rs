//! Power of nodes that share a supply: a child has none of its own, unless its `driver_info.has_dedicated_power_supply` says so.
//! Before a child is switched on its parent is, and before a parent is switched off its children are.
//!
//! What is switched along gets an operation of its own, with its own journal; the first one waits for it. So a restart finds
//! each of them, and looks again.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ironbark_db::{NodeFilter, Page};
use ironbark_model::ident::Ident;
use ironbark_model::operation::OperationKind;
use ironbark_model::{
    Error, ErrorKind, Node, Operation, PowerState, PowerTarget, ProvisionState, Result, Timestamp,
};
use serde_json::Value;

use super::{PowerRequest, Run, Trouble, begin_power, power};
use crate::call::Ports;
use crate::context::Context;
use crate::reserve::Held;

/// Key of `driver_info`: the child has a power supply of its own.
const DEDICATED: &str = "has_dedicated_power_supply";

/// First and longest pause between two looks at what is switched along.
const LOOK_FIRST: Duration = Duration::from_millis(20);
const LOOK_LONGEST: Duration = Duration::from_secs(1);

/// How many children are read at once.
const PAGE: u32 = 500;

/// A node that is to be switched along, and how.
struct Relative {
    node: Node,
    /// In messages.
    is: &'static str,
    target: PowerTarget,
}

/// The children of a node, in the order in which they were made.
pub(crate) async fn children_of(ctx: &Context, parent: &str) -> Result<Vec<Node>> {
    let filter = NodeFilter {
        parent_node: Some(parent.to_owned()),
        ..NodeFilter::default()
    };
    let mut all: Vec<Node> = Vec::new();
    let mut page = Page::first(PAGE);
    loop {
        let found = ctx.db.node_list_whole(&filter, &page).await?;
        let full = u32::try_from(found.len()).is_ok_and(|count| count == PAGE);
        all.extend(found.into_iter().map(Arc::unwrap_or_clone));
        match all.last() {
            Some(last) if full => page = page.after(last.uuid.clone()),
            _ => return Ok(all),
        }
    }
}

/// Refuses a change of power while a node that is to be switched along can't be, before anything happens.
///
/// # Errors
/// `NodeLocked` if somebody holds it; `Conflict` if it may not be switched now.
pub(crate) async fn check(ctx: &Context, node: &Node, target: PowerTarget) -> Result<()> {
    let attempts = ctx.config.node_locked_retry_attempts.max(1);
    for attempt in 1..=attempts {
        let relatives = relatives(ctx, node, target).await?;
        for relative in &relatives {
            check_relative(relative)?;
        }
        let locked = relatives.iter().find_map(|relative| {
            let host = relative.node.reservation.as_deref()?;
            Some(locked(relative, host))
        });
        match locked {
            None => return Ok(()),
            Some(error) if attempt == attempts => return Err(error),
            Some(_) => tokio::time::sleep(ctx.config.node_locked_retry_interval).await,
        }
    }
    Ok(())
}

/// Switches what has to be switched before the node can be: returns when it is.
pub(super) async fn prepare(
    run: &mut Run,
    target: PowerTarget,
) -> std::result::Result<(), Trouble> {
    let ctx = Arc::clone(run.ctx());
    for relative in relatives(&ctx, &run.node, target).await? {
        bring(&ctx, relative, &run.op).await?;
    }
    Ok(())
}

/// Who has to be switched first.
async fn relatives(ctx: &Context, node: &Node, target: PowerTarget) -> Result<Vec<Relative>> {
    if target.reached() == PowerState::On {
        let Some(parent) = node.parent_node.as_ref().filter(|_| !is_dedicated(node)) else {
            return Ok(Vec::new());
        };
        let parent = ctx.db.node_get(&Ident::Uuid(parent.clone())).await?;
        return Ok(parent
            .filter(|parent| parent.power_state != Some(PowerState::On))
            .map(|node| Relative {
                node,
                is: "parent",
                target: PowerTarget::On,
            })
            .into_iter()
            .collect());
    }
    // Only nodes that have no parent have children.
    if node.parent_node.is_some() {
        return Ok(Vec::new());
    }
    // Most have none.
    if !ctx.db.node_has_children(&node.uuid).await? {
        return Ok(Vec::new());
    }
    let children = children_of(ctx, &node.uuid).await?.into_iter();
    Ok(children
        .filter(draws_power)
        .map(|node| Relative {
            node,
            is: "child",
            target: PowerTarget::Off,
        })
        .collect())
}

/// Whether the child has to be switched off before its parent. One that was never verified may have no BMC that we know.
fn draws_power(child: &Node) -> bool {
    let never_seen = child.power_state.is_none() && child.provision_state == ProvisionState::Enroll;
    !is_dedicated(child) && child.power_state != Some(PowerState::Off) && !never_seen
}

fn is_dedicated(child: &Node) -> bool {
    match child.driver_info.get(DEDICATED) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => matches!(
            text.to_lowercase().as_str(),
            "1" | "t" | "true" | "on" | "y" | "yes"
        ),
        _ => false,
    }
}

/// Has a relative switched, and waits until it is.
async fn bring(ctx: &Arc<Context>, relative: Relative, cause: &Operation) -> Result<()> {
    let wanted = relative.target.reached();
    let uuid = relative.node.uuid.clone();
    let limit = power::limit(relative.target, None, &ctx.config);
    // The change has this long once it runs; it may have to wait for the node first.
    let deadline = Timestamp::now().plus(limit.saturating_mul(2));
    let mut asked = false;
    let mut pause = LOOK_FIRST;
    loop {
        // The operation first: when it is over, what became of the node was stored with its end.
        let operation = ctx.db.operation_of(&uuid).await?;
        let Some(node) = ctx.db.node_get(&Ident::Uuid(uuid.clone())).await? else {
            return Ok(());
        };
        let switching = operation
            .as_ref()
            .is_some_and(|operation| operation.kind == OperationKind::Power);
        let relative = Relative {
            node,
            is: relative.is,
            target: relative.target,
        };
        if !switching {
            if relative.node.power_state == Some(wanted) {
                return Ok(());
            }
            if asked {
                return Err(Error::new(
                    ErrorKind::BadGateway,
                    format!(
                        "the {} node {uuid} did not reach '{wanted}', which has to come first: {}",
                        relative.is,
                        relative.node.last_error.as_deref().unwrap_or("unknown why")
                    ),
                ));
            }
            begin(ctx, relative, cause).await?;
            asked = true;
        } else if Timestamp::now() >= deadline {
            return Err(Error::new(
                ErrorKind::GatewayTimeout,
                format!(
                    "the {} node {uuid} did not reach '{wanted}' in time, which has to come first",
                    relative.is
                ),
            ));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_LONGEST);
    }
}

/// Boxed: it starts work like that which called it.
fn begin<'a>(
    ctx: &'a Arc<Context>,
    relative: Relative,
    cause: &'a Operation,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(begin_unboxed(ctx, relative, cause))
}

async fn begin_unboxed(ctx: &Arc<Context>, relative: Relative, cause: &Operation) -> Result<()> {
    check_relative(&relative)?;
    let permit = ctx.workers.permit()?;
    let held = Held::acquire_and_read(ctx, &relative.node.uuid).await;
    let (held, node) = held.map_err(|error| match error.kind() {
        ErrorKind::NodeLocked => {
            let host = relative.node.reservation.as_deref();
            locked(&relative, host.unwrap_or("another conductor"))
        }
        _ => error,
    })?;
    let waiting = power::waiting_on(ctx, &node).await?;
    tracing::info!(node = %node.uuid, wanted = %relative.target, "switched along with its relative");
    let request = PowerRequest {
        target: relative.target,
        timeout: None,
        native_reboot: false,
        waiting,
        request_id: &cause.request_id,
        user: cause.asked_by(),
    };
    begin_power(permit, held, node, Ports::default(), request).await
}

fn check_relative(relative: &Relative) -> Result<()> {
    let (node, is) = (&relative.node, relative.is);
    if matches!(
        node.provision_state,
        ProvisionState::Cleaning | ProvisionState::CleanWait
    ) {
        return Err(Error::conflict(format!(
            "The {is} node {} has to be switched first, and can't be while it is in state \"{}\".",
            node.uuid, node.provision_state
        )));
    }
    if node.disable_power_off && relative.target == PowerTarget::Off {
        return Err(Error::conflict(format!(
            "The {is} node {} would have to be switched off first, and has disable_power_off set.",
            node.uuid
        )));
    }
    Ok(())
}

fn locked(relative: &Relative, host: &str) -> Error {
    Error::new(
        ErrorKind::NodeLocked,
        format!(
            "The {} node {} has to be switched first, and is locked by host {host}: try again when that is over.",
            relative.is, relative.node.uuid
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_child_draws_power_unless_it_is_off_or_has_a_supply_of_its_own() {
        let child = |info: Value, power_state| Node {
            driver_info: info.as_object().unwrap().clone(),
            power_state,
            ..Node::default()
        };
        assert!(draws_power(&child(json!({}), Some(PowerState::On))));
        assert!(draws_power(&child(json!({}), Some(PowerState::Error))));
        assert!(!draws_power(&child(json!({}), Some(PowerState::Off))));
        for own in [json!(true), json!("True"), json!("yes")] {
            assert!(!draws_power(&child(
                json!({DEDICATED: own}),
                Some(PowerState::On)
            )));
        }
        for shared in [json!(false), json!("no"), json!(null), json!(1)] {
            assert!(draws_power(&child(
                json!({DEDICATED: shared}),
                Some(PowerState::On)
            )));
        }
        // Unknown is never off; but of an enrolled one nothing is known yet.
        let unknown = child(json!({}), None);
        assert!(!draws_power(&unknown));
        let verified = Node {
            provision_state: ProvisionState::Manageable,
            ..unknown
        };
        assert!(draws_power(&verified));
    }
}
