//! Runs the tasks that packages want to be run by the clock.
//!
//! A task runs for nodes of this conductor that really have what it is for. No task runs twice at once, here; those that
//! can't run beside others take turns in a lane of their own, which tasks of the host never use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use ironbark_db::{NodeFilter, NodeRef};
use ironbark_drivers::{PeriodicLock, PeriodicScope, PeriodicTarget, PeriodicTask};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{ErrorKind, Result, Timestamp};
use ironbark_sandbox::Lock;
use tokio::sync::Semaphore;

use super::spawn::chain;
use super::timetable::{Key, Timetable};
use crate::call::{NodeCall, Patience, Ports, run_task_without_node, store_and_release};
use crate::context::Context;
use crate::reserve::Held;

/// Nodes that one task is run for at the same time.
const NODES_AT_ONCE: usize = 8;
/// How long one call in the lane may take.
const LANE_LIMIT: Duration = Duration::from_secs(5);
/// The clock is looked at at least so often: it may have been set.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What all tasks share.
struct Shared {
    timetable: Mutex<Timetable>,
    /// One place: tasks that can't run beside others.
    lane: Semaphore,
}

/// Starts tasks when they are due, until the conductor stops.
pub(super) async fn run(ctx: &Arc<Context>) {
    let shared = Arc::new(Shared {
        timetable: Mutex::default(),
        lane: Semaphore::new(1),
    });
    loop {
        let pause = start_due(ctx, &shared);
        tokio::select! {
            () = ctx.shutdown.cancelled() => return,
            () = ctx.wake.driver_tasks.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Starts what is due; answers how long nothing will be.
fn start_due(ctx: &Arc<Context>, shared: &Arc<Shared>) -> Duration {
    let now = Timestamp::now();
    let tasks: HashMap<Key, PeriodicTask> = ctx
        .drivers
        .periodic_tasks()
        .into_iter()
        .map(|task| ((task.package.clone(), task.name.clone()), task))
        .collect();
    let mut timetable = shared
        .timetable
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    timetable.set(
        tasks.iter().map(|(key, task)| (key, &task.schedule)),
        now,
        rand::random::<f64>,
    );
    for (key, task) in tasks {
        if timetable.start_if_due(&key, &task.schedule, now, rand::random()) {
            let (ctx, shared) = (Arc::clone(ctx), Arc::clone(shared));
            ctx.wake.tasks.clone().spawn(async move {
                let running = Running {
                    shared: Arc::clone(&shared),
                    key,
                };
                tokio::select! {
                    () = ctx.shutdown.cancelled() => {}
                    () = run_task(&ctx, &shared, &task) => {}
                }
                drop(running);
            });
        }
    }
    timetable
        .next()
        .map_or(LOOK_EVERY, |next| now.age_at(next).min(LOOK_EVERY))
        .max(Duration::from_millis(10))
}

/// Says that a task has ended, also if it panics.
struct Running {
    shared: Arc<Shared>,
    key: Key,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared
            .timetable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ended(&self.key);
    }
}

async fn run_task(ctx: &Arc<Context>, shared: &Shared, task: &PeriodicTask) {
    let outcome = match task.scope {
        PeriodicScope::Conductor => run_once(ctx, shared, task).await,
        PeriodicScope::Node => run_for_nodes(ctx, shared, task).await,
    };
    if let Err(error) = outcome {
        tracing::warn!(package = %task.package, task = %task.name, error = %chain(&error), "a driver's periodic task failed");
    }
}

async fn run_once(ctx: &Arc<Context>, shared: &Shared, task: &PeriodicTask) -> Result<()> {
    let _turn = turn(shared, task).await;
    run_task_without_node(ctx, task, &request_id(), limit(ctx, task)).await
}

async fn run_for_nodes(ctx: &Arc<Context>, shared: &Shared, task: &PeriodicTask) -> Result<()> {
    let filter = NodeFilter {
        provision_states: (!task.states.is_empty()).then(|| task.states.clone()),
        driver: match &task.target {
            PeriodicTarget::HardwareType(name) => Some(name.clone()),
            PeriodicTarget::Implementation(..) => None,
        },
        reserved: Some(false),
        maintenance: Some(false),
        include_children: true,
        ..NodeFilter::default()
    };
    let mut nodes = ctx.db.nodes_owned_candidates(&filter).await?;
    nodes.retain(|node| is_for(&task.target, node) && ctx.ring.owns(node));
    let at_once = if task.parallel { NODES_AT_ONCE } else { 1 };
    futures::stream::iter(&nodes)
        .for_each_concurrent(at_once, |node| async move {
            let outcome = {
                let _turn = turn(shared, task).await;
                run_for_node(ctx, task, node).await
            };
            match outcome {
                Ok(()) => {}
                // Somebody works on it, or it is gone: next time.
                Err(error) if matches!(error.kind(), ErrorKind::NodeLocked | ErrorKind::NotFound) => {}
                Err(error) => tracing::warn!(
                    node = %node.uuid, package = %task.package, task = %task.name, error = %chain(&error),
                    "a driver's periodic task failed for this node"
                ),
            }
        })
        .await;
    Ok(())
}

async fn run_for_node(ctx: &Arc<Context>, task: &PeriodicTask, node: &NodeRef) -> Result<()> {
    let held = match task.lock {
        PeriodicLock::Exclusive => Some(Held::try_acquire(ctx, &node.uuid).await?),
        PeriodicLock::Shared => None,
    };
    let Some(whole) = ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await? else {
        return Ok(());
    };
    // The slim row is some seconds old, and has no instance's own choice of interfaces.
    if !task.states.is_empty() && !task.states.contains(&whole.provision_state) {
        return Ok(());
    }
    let (ports, request_id) = (Ports::default(), request_id());
    let call = NodeCall {
        ctx,
        node: &whole,
        ports: &ports,
        request_id: &request_id,
        lock: if held.is_some() {
            Lock::Exclusive
        } else {
            Lock::Shared
        },
        reservation: held.as_ref().and_then(|held| held.reservation().ok()),
        pending: &[],
        seen: None,
        deadline: None,
        patience: Patience::Clock,
    };
    if let PeriodicTarget::Implementation(kind, name) = &task.target
        && call.implementation(*kind)?.name() != name
    {
        return Ok(());
    }
    let called = call.run_task(task, limit(ctx, task)).await?;
    match held {
        Some(held) => store_and_release(held, called.notes).await,
        None => Ok(()),
    }
}

/// Waits for the lane, if the task can't run beside others.
async fn turn<'a>(
    shared: &'a Shared,
    task: &PeriodicTask,
) -> Option<tokio::sync::SemaphorePermit<'a>> {
    if task.parallel {
        return None;
    }
    // Never closed. Waits as long as all that run take together, 5 s each; a stop ends it.
    shared.lane.acquire().await.ok()
}

fn limit(ctx: &Context, task: &PeriodicTask) -> Duration {
    if task.parallel {
        ctx.config.driver_call_timeout
    } else {
        LANE_LIMIT.min(ctx.config.driver_call_timeout)
    }
}

/// Whether the node has what the task is for, as far as the slim row says: only for some interfaces it has a column.
fn is_for(target: &PeriodicTarget, node: &NodeRef) -> bool {
    match target {
        PeriodicTarget::HardwareType(name) => node.driver == *name,
        PeriodicTarget::Implementation(kind, name) => node
            .interface(*kind)
            .is_none_or(|implementation| implementation == name),
    }
}

fn request_id() -> String {
    format!("req-{}", new_uuid())
}
