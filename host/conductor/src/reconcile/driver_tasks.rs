//! Runs the tasks that packages want to be run by the clock.
//!
//! A task runs for nodes of this conductor that really have what it is for. No task runs twice at once, here; those that
//! can't run beside others take turns in a lane of their own, which tasks of the host never use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use ironbark_db::{NodeFilter, NodeRef};
use ironbark_drivers::{PeriodicLock, PeriodicScope, PeriodicTarget, PeriodicTask};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{ErrorKind, Result, Timestamp};
use ironbark_rpc::{TaskReport, TaskRun};
use ironbark_sandbox::Lock;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::spawn::chain;
use super::timetable::{Key, Timetable};
use crate::call::{NodeCall, Patience, Ports, run_task_without_node, store_and_release};
use crate::context::Context;
use crate::reserve::Held;

/// Nodes that one task is run for at the same time.
const NODES_AT_ONCE: usize = 8;
/// Calls of all tasks together at the same time: so many tasks as packages may bring must not take the room of others.
const CALLS_AT_ONCE: usize = 32;
/// How long one call in the lane may take.
const LANE_LIMIT: Duration = Duration::from_secs(5);
/// The clock is looked at at least so often: it may have been set.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What all tasks share.
pub(crate) struct DriverTasks {
    timetable: Mutex<Timetable>,
    /// One place: tasks that can't run beside others.
    lane: Semaphore,
    /// Places for the calls of those that can.
    room: Semaphore,
}

impl Default for DriverTasks {
    fn default() -> Self {
        Self {
            timetable: Mutex::default(),
            lane: Semaphore::new(1),
            room: Semaphore::new(CALLS_AT_ONCE),
        }
    }
}

impl DriverTasks {
    /// What is known of the tasks of all packages, or of one, by package and name.
    pub(crate) fn report(&self, ctx: &Context, package: Option<&str>) -> Vec<TaskReport> {
        let timetable = self.timetable();
        let mut reports: Vec<TaskReport> = ctx
            .drivers
            .periodic_tasks()
            .iter()
            .filter(|task| package.is_none_or(|name| name == task.package))
            .map(|task| {
                let mut report = TaskReport {
                    package: task.package.clone(),
                    version: task
                        .implementation()
                        .package_version()
                        .unwrap_or_default()
                        .to_owned(),
                    name: task.name.clone(),
                    on: task.target.to_string(),
                    scope: match task.scope {
                        PeriodicScope::Node => "node".to_owned(),
                        PeriodicScope::Conductor => "conductor".to_owned(),
                    },
                    schedule: task.schedule.to_string(),
                    parallel: task.parallel,
                    ..TaskReport::default()
                };
                timetable.fill(&key_of(task), &mut report);
                report
            })
            .collect();
        reports.sort_by(|one, other| (&one.package, &one.name).cmp(&(&other.package, &other.name)));
        reports
    }

    fn timetable(&self) -> MutexGuard<'_, Timetable> {
        self.timetable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place: in the lane, if the task can't run beside others.
    async fn place(&self, task: &PeriodicTask) -> Option<SemaphorePermit<'_>> {
        let places = if task.parallel {
            &self.room
        } else {
            &self.lane
        };
        // Never closed. Waits as long as all that run take together, each with a deadline; a stop ends it.
        places.acquire().await.ok()
    }
}

/// Starts tasks when they are due, until the conductor stops.
pub(super) async fn run(ctx: &Arc<Context>) {
    loop {
        let pause = start_due(ctx);
        tokio::select! {
            () = ctx.shutdown.cancelled() => return,
            () = ctx.wake.driver_tasks.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Starts what is due; answers how long nothing will be.
fn start_due(ctx: &Arc<Context>) -> Duration {
    let now = Timestamp::now();
    let tasks: HashMap<Key, PeriodicTask> = ctx
        .drivers
        .periodic_tasks()
        .into_iter()
        .map(|task| (key_of(&task), task))
        .collect();
    let mut timetable = ctx.tasks.timetable();
    timetable.set(
        tasks.iter().map(|(key, task)| (key, &task.schedule)),
        now,
        rand::random::<f64>,
    );
    for (key, task) in tasks {
        if timetable.start_if_due(&key, &task.schedule, now, rand::random()) {
            let ctx = Arc::clone(ctx);
            ctx.wake.tasks.clone().spawn(async move {
                let mut running = Running::new(&ctx, key, now);
                tokio::select! {
                    () = ctx.shutdown.cancelled() => {}
                    ran = run_task(&ctx, &task) => running.ended(&ran),
                }
            });
        }
    }
    timetable
        .next()
        .map_or(LOOK_EVERY, |next| now.age_at(next).min(LOOK_EVERY))
        .max(Duration::from_millis(10))
}

fn key_of(task: &PeriodicTask) -> Key {
    (task.package.clone(), task.name.clone())
}

/// Says that a task has ended, also if it panics or is stopped.
struct Running {
    ctx: Arc<Context>,
    key: Key,
    run: TaskRun,
}

impl Running {
    fn new(ctx: &Arc<Context>, key: Key, started_at: Timestamp) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            key,
            run: TaskRun {
                started_at,
                duration: 0.0,
                outcome: "interrupted".to_owned(),
                nodes: 0,
                failed_nodes: 0,
                error: None,
            },
        }
    }

    fn ended(&mut self, ran: &Result<Ran>) {
        let (outcome, error) = match ran {
            Err(error) => ("failed", Some(error.message().to_owned())),
            Ok(ran) if ran.failed == 0 => ("ok", None),
            Ok(ran) if ran.failed < ran.nodes => ("partly failed", ran.error.clone()),
            Ok(ran) => ("failed", ran.error.clone()),
        };
        outcome.clone_into(&mut self.run.outcome);
        self.run.error = error;
        if let Ok(ran) = ran {
            self.run.nodes = ran.nodes;
            self.run.failed_nodes = ran.failed;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let took = self.run.started_at.age_at(Timestamp::now());
        self.run.duration = took.as_secs_f64();
        self.ctx
            .tasks
            .timetable()
            .ended(&self.key, self.run.clone());
    }
}

/// How a task that runs for nodes went.
#[derive(Debug, Default)]
struct Ran {
    nodes: u64,
    failed: u64,
    error: Option<String>,
}

async fn run_task(ctx: &Arc<Context>, task: &PeriodicTask) -> Result<Ran> {
    let outcome = match task.scope {
        PeriodicScope::Conductor => run_once(ctx, task).await.map(|()| Ran::default()),
        PeriodicScope::Node => run_for_nodes(ctx, task).await,
    };
    if let Err(error) = &outcome {
        tracing::warn!(package = %task.package, task = %task.name, error = %chain(error), "a driver's periodic task failed");
    }
    outcome
}

async fn run_once(ctx: &Arc<Context>, task: &PeriodicTask) -> Result<()> {
    let _place = ctx.tasks.place(task).await;
    run_task_without_node(ctx, task, &request_id(), limit(ctx, task)).await
}

async fn run_for_nodes(ctx: &Arc<Context>, task: &PeriodicTask) -> Result<Ran> {
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
    let ran = futures::stream::iter(nodes)
        .map(|node| async move {
            let outcome = {
                let _place = ctx.tasks.place(task).await;
                run_for_node(ctx, task, &node).await
            };
            (node, outcome)
        })
        .buffer_unordered(at_once)
        .fold(Ran::default(), |mut ran, (node, outcome)| async move {
            match outcome {
                Ok(true) => ran.nodes += 1,
                Ok(false) => {}
                // Somebody works on it, or it is gone: next time.
                Err(error) if matches!(error.kind(), ErrorKind::NodeLocked | ErrorKind::NotFound) => {}
                Err(error) => {
                    ran.nodes += 1;
                    ran.failed += 1;
                    ran.error.get_or_insert_with(|| format!("node {}: {}", node.uuid, error.message()));
                    tracing::warn!(
                        node = %node.uuid, package = %task.package, task = %task.name, error = %chain(&error),
                        "a driver's periodic task failed for this node"
                    );
                }
            }
            ran
        })
        .await;
    Ok(ran)
}

/// Whether it ran: the node may be none that the task is for.
async fn run_for_node(ctx: &Arc<Context>, task: &PeriodicTask, node: &NodeRef) -> Result<bool> {
    let held = match task.lock {
        PeriodicLock::Exclusive => Some(Held::try_acquire(ctx, &node.uuid).await?),
        PeriodicLock::Shared => None,
    };
    let Some(whole) = ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await? else {
        return Ok(false);
    };
    // The slim row is some seconds old, and has no instance's own choice of interfaces.
    if !task.states.is_empty() && !task.states.contains(&whole.provision_state) {
        return Ok(false);
    }
    // What the clock says is of the active version; what is run is of the version that the node uses.
    let Some(task) = ctx.drivers.periodic_task_for(&whole, task) else {
        return Ok(false);
    };
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
        return Ok(false);
    }
    let called = call.run_task(&task, limit(ctx, &task)).await?;
    if let Some(held) = held {
        store_and_release(held, called.notes).await?;
    }
    Ok(true)
}

fn limit(ctx: &Context, task: &PeriodicTask) -> Duration {
    let own = task.implementation().package();
    let limit = own
        .and_then(|package| package.own_deadline())
        .unwrap_or(ctx.config.driver_call_timeout);
    if task.parallel {
        limit
    } else {
        LANE_LIMIT.min(limit)
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
