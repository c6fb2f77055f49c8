//! Steps that an operation runs on the children of its node, one child after the other.
//!
//! Each child gets an operation of its own (`child_step`), with its own journal. That of the parent names it before it begins, and
//! the child keeps what came of it with its end: so that after an interruption nothing begins twice, and nothing is taken for done
//! that wasn't.

use std::sync::Arc;
use std::time::Duration;

use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::operation::{PlannedStep, Wait, WaitOn};
use ironbark_model::step::StepKind;
use ironbark_model::{Error, ErrorKind, JsonObject, Node, Result, Step, Timestamp};
use serde::{Deserialize, Serialize};

use super::step_run::{Ended, step_kind};
use super::{Run, Trouble, child_step, family, steps};
use crate::context::Context;

/// How long a worker watches a child before the parent waits without one.
const WATCH: Duration = Duration::from_secs(2);

/// How often the parent looks at a child while it waits.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// First and longest pause between two looks while a worker watches.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_LONGEST: Duration = Duration::from_millis(200);

/// How long one child may take if the wait states have no time-out.
const ONE_CHILD: Duration = Duration::from_secs(24 * 3600);

/// The cursor of such a step.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    /// The children, as they were when the step began.
    children: Vec<String>,
    /// Whose turn it is.
    at: usize,
    /// The operation of that child.
    operation: String,
    /// When that child is too late.
    deadline: Timestamp,
}

/// Refuses steps that can't run on the node's children as they are now.
///
/// # Errors
/// `InvalidParameter`, naming the child.
pub(crate) async fn check(
    ctx: &Context,
    node: &Node,
    kind: StepKind,
    wanted: &[JsonObject],
) -> Result<()> {
    let on_children = |wish: &&JsonObject| {
        ["execute_on_child_nodes", "limit_child_node_execution"]
            .iter()
            .any(|key| wish.contains_key(*key))
    };
    let mut children: Option<Vec<Node>> = None;
    for wish in wanted.iter().filter(on_children) {
        let planned = match steps::requested(&[], std::slice::from_ref(wish)) {
            Ok(planned) => planned,
            // A step of the node itself: what becomes of it is said where it is planned.
            Err(_) if wish.get("execute_on_child_nodes") != Some(&true.into()) => continue,
            Err(error) => return Err(error),
        };
        for planned in planned
            .iter()
            .filter(|planned| planned.step.execute_on_child_nodes)
        {
            let all = match &children {
                Some(all) => all,
                None => children.insert(family::children_of(ctx, &node.uuid).await?),
            };
            for child in chosen(&planned.step, all, &node.uuid)? {
                check_served(ctx, child)?;
                on_child(ctx, child, kind, &planned.step)?;
            }
        }
    }
    Ok(())
}

/// Runs the step on the children, from where the journal says it is.
pub(super) async fn execute(
    run: &mut Run,
    planned: &PlannedStep,
) -> std::result::Result<Ended, Trouble> {
    let mut progress = match &run.op.cursor {
        Some(cursor) => Progress::deserialize(cursor).map_err(|error| {
            Trouble::Failed(
                Error::internal("the journal's place among the children can't be read")
                    .caused_by(error),
            )
        })?,
        None => {
            let all = family::children_of(run.ctx(), &run.node.uuid).await?;
            let chosen = chosen(&planned.step, &all, &run.node.uuid)?;
            let children = chosen.iter().map(|child| child.uuid.clone()).collect();
            Progress {
                children,
                at: 0,
                operation: new_uuid(),
                deadline: deadline(run),
            }
        }
    };
    loop {
        let Some(child) = progress.children.get(progress.at).cloned() else {
            return Ok(Ended::Done);
        };
        let cursor = serde_json::to_value(&progress).map_err(|error| {
            Trouble::Failed(
                Error::internal("the place among the children can't be written").caused_by(error),
            )
        })?;
        run.op.cursor = Some(cursor.clone());
        run.commit().await?;
        if !watch(run, planned, &progress, &child).await? {
            let wait = Wait {
                on: WaitOn::PollAfter,
                poll_at: Some(Timestamp::now().plus(LOOK_AGAIN)),
                deadline: progress.deadline,
                message: Some(format!("the step runs on child node {child}")),
            };
            return Ok(Ended::Wait(wait, cursor));
        }
        progress.at = progress.at.saturating_add(1);
        progress.operation = new_uuid();
        progress.deadline = deadline(run);
    }
}

/// Begins the child's operation if it didn't, and watches it for a while; false if it isn't over by then.
async fn watch(
    run: &Run,
    planned: &PlannedStep,
    progress: &Progress,
    child: &str,
) -> std::result::Result<bool, Trouble> {
    let ctx = Arc::clone(run.ctx());
    let until = Timestamp::now().plus(WATCH);
    let mut pause = PAUSE_FIRST;
    loop {
        // The operation first: when it is over, what came of it was stored with its end.
        let operation = ctx.db.operation_of(child).await?;
        let under_way = operation.is_some_and(|operation| operation.uuid == progress.operation);
        if !under_way {
            let ident = Ident::Uuid(child.to_owned());
            let node = ctx.db.node_get(&ident).await?;
            let node = node.ok_or_else(|| failed(child, "it is not there any more"))?;
            match child_step::outcome(&node, &progress.operation) {
                Some(Ok(())) => return Ok(true),
                Some(Err(text)) => return Err(Trouble::Failed(failed(child, &text))),
                None => {
                    let kind = step_kind(run.op.kind);
                    let begun =
                        child_step::begin(&ctx, run, child, kind, planned, &progress.operation);
                    begun.await.map_err(|error| match error.kind() {
                        ErrorKind::Overloaded | ErrorKind::Internal | ErrorKind::NoConductor => {
                            Trouble::from(error)
                        }
                        _ => Trouble::Failed(failed(child, error.message())),
                    })?;
                }
            }
        }
        let now = Timestamp::now();
        if now >= progress.deadline {
            return Err(Trouble::Failed(failed(child, "it was not done in time")));
        }
        if now >= until {
            return Ok(false);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

/// Refuses a child that this conductor doesn't serve.
pub(super) fn check_served(ctx: &Context, child: &Node) -> Result<()> {
    let types = ctx.drivers.hardware_types();
    let drives = types.iter().any(|known| known.name == child.driver);
    let group = ctx.config.conductor_group.to_lowercase();
    if drives && child.conductor_group == group {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Conductor {} runs the parent's steps, and doesn't serve child node {} (hardware type {}, conductor group \"{}\"): leave \
         it out with limit_child_node_execution.",
        ctx.host(),
        child.uuid,
        child.driver,
        child.conductor_group
    )))
}

/// What the step is on this child.
pub(super) fn on_child(
    ctx: &Context,
    child: &Node,
    kind: StepKind,
    step: &Step,
) -> Result<PlannedStep> {
    steps::on_child(&ctx.drivers.steps(child, kind), step)
        .map_err(|error| Error::new(error.kind(), format!("Child node {}: {error}", child.uuid)))
}

/// The children on which the step runs.
fn chosen<'a>(step: &Step, all: &'a [Node], parent: &str) -> Result<Vec<&'a Node>> {
    let limit = &step.limit_child_node_execution;
    if limit.is_empty() {
        return Ok(all.iter().collect());
    }
    limit
        .iter()
        .map(|uuid| {
            all.iter().find(|child| child.uuid == *uuid).ok_or_else(|| {
                Error::invalid(format!(
                    "limit_child_node_execution of the step {} names {uuid}, which is no child of node {parent}.",
                    step.full_name()
                ))
            })
        })
        .collect()
}

fn deadline(run: &Run) -> Timestamp {
    let config = &run.ctx().config;
    let timeout = match step_kind(run.op.kind) {
        StepKind::Service => config.service_callback_timeout,
        StepKind::Deploy => config.deploy_callback_timeout,
        _ => config.clean_callback_timeout,
    };
    let timeout = if timeout.is_zero() {
        ONE_CHILD
    } else {
        timeout
    };
    Timestamp::now().plus(timeout)
}

fn failed(child: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::BadGateway,
        format!("on child node {child}: {why}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_limit_chooses_among_the_children_in_its_own_order() {
        let child = |uuid: &str| Node {
            uuid: uuid.to_owned(),
            ..Node::default()
        };
        let all = [child("a"), child("b"), child("c")];
        let of = |limit: &[&str]| {
            let step: Step = serde_json::from_value(json!({
                "interface": "power", "step": "power_on", "limit_child_node_execution": limit,
            }))
            .unwrap();
            chosen(&step, &all, "p").map(|chosen| {
                let uuids = chosen.iter().map(|child| child.uuid.clone());
                uuids.collect::<Vec<_>>()
            })
        };
        assert_eq!(of(&[]).unwrap(), ["a", "b", "c"]);
        assert_eq!(of(&["c", "a"]).unwrap(), ["c", "a"]);
        assert!(of(&["a", "x"]).unwrap_err().message().contains('x'));
    }
}
