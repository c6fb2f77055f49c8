//! Work that goes on after its request was answered.
//!
//! Each operation goes through phases. A phase calls drivers, holding the node but no transaction, and what it did is committed
//! together with the journal, so that the database alone says what remains. The phases of each kind of work are in a file of
//! their own; `drive` leads through them, and everything that fails goes through `failing.rs`.

mod adopt;
mod alarm;
mod caches;
mod child_step;
pub(crate) mod children;
mod clean;
mod cleaning_runbook;
mod deploy;
mod failing;
pub(crate) mod family;
pub(crate) mod inspect;
pub mod phase;
mod power;
pub(crate) mod rescue;
pub(crate) mod restore;
mod run;
pub(crate) mod states;
mod step_run;
pub(crate) mod steps;
mod take_over;
mod tear_down;
pub(crate) mod templates;
mod verify;
mod volumes;
mod wake;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use ironbark_db::Afterwards;
use ironbark_model::history::HistoryEntry;
use ironbark_model::ident::Ident;
use ironbark_model::operation::OperationKind;
use ironbark_model::{Error, JsonObject, Node, Operation, Result};
use tracing::Instrument;

pub use alarm::{Alarm, spawn_alarm};
pub use take_over::begin_take_over;

pub(crate) use alarm::STRANDED;
pub(crate) use child_step::note as note_child_step;
pub(crate) use clean::{WANTED, WITHOUT_RAMDISK, skips_cleaning};
pub(crate) use power::{PowerRequest, begin_power, correct, waiting_on};
pub(crate) use run::{Next, Phase, Run, Trouble};
pub(crate) use step_run::step_kind;
pub(crate) use wake::due_at;

use crate::agent_token;
use crate::call::Ports;
use crate::reserve::Held;
use crate::workers::Permit;

/// Keys of `driver_internal_info` that a running deployment, cleaning or service leaves there.
const STEP_KEYS: &[&str] = &[
    "clean_steps",
    "clean_step_index",
    "deploy_steps",
    "deploy_step_index",
    "service_steps",
    "service_step_index",
    "user_deploy_steps",
];

/// Keys of `driver_internal_info` about the agent that runs on the node: void when the machine loses power.
const AGENT_KEYS: &[&str] = &[
    "agent_url",
    "agent_cached_clean_steps",
    "agent_cached_deploy_steps",
    "agent_cached_service_steps",
    "agent_verify_ca",
    "agent_status",
    "agent_status_message",
];

/// The node and its open operation, read while it is held: nobody changes them meanwhile, and if the node was lost, the
/// next transaction says so.
pub(crate) async fn read_held(held: &Held) -> Result<(Node, Option<Operation>)> {
    let db = &held.context().db;
    let node = db
        .node_get(&Ident::Uuid(held.node_uuid().to_owned()))
        .await?
        .ok_or_else(|| Error::node_not_found(held.node_uuid()))?;
    let operation = db.operation_of(held.node_uuid()).await?;
    Ok((node, operation))
}

/// Stores the node in its new state together with the operation that is to follow: from here on it will be carried out, or fail
/// visibly, whatever happens to this process. Then it starts.
pub(crate) async fn accept(
    permit: Permit,
    held: Held,
    node: Node,
    operation: Operation,
    ports: Ports,
) -> Result<()> {
    accept_instead(permit, held, node, operation, ports, None).await
}

/// As [`accept`], and closes `before` in the same transaction: an operation that waited, and is given up.
pub(crate) async fn accept_instead(
    permit: Permit,
    held: Held,
    node: Node,
    operation: Operation,
    ports: Ports,
    before: Option<&Operation>,
) -> Result<()> {
    let mut tx = held.begin_saving(&node, Afterwards::Keep).await?;
    if let Some(before) = before {
        tx.operation_close(&before.uuid).await?;
    }
    tx.operation_open(&operation).await?;
    tx.commit().await?;
    let run = Run::of(held, node, operation, ports);
    permit.spawn(drive(run));
    Ok(())
}

/// As [`accept`], for an operation that is open already and goes on in another way.
pub(crate) async fn accept_change(
    permit: Permit,
    held: Held,
    node: Node,
    operation: Operation,
    entry: Option<HistoryEntry>,
) -> Result<()> {
    let mut run = Run::of(held, node, operation, Ports::default());
    if let Some(entry) = entry {
        run.record(entry);
    }
    match run.commit().await {
        Ok(()) => {
            permit.spawn(drive(run));
            Ok(())
        }
        Err(Trouble::Failed(error) | Trouble::Stranded(error)) => {
            strand(&run);
            Err(error)
        }
        Err(Trouble::Lost) => Err(lost(&run)),
    }
}

/// Makes the open operation fail because `reason`, in a worker.
pub(crate) async fn launch_failure(
    permit: Permit,
    held: Held,
    node: Node,
    mut operation: Operation,
    reason: &str,
) -> Result<()> {
    operation.wait = None;
    failing::mark(&mut operation, reason);
    accept_change(permit, held, node, operation, None).await
}

/// Leads an operation through its phases until it is over or waits.
pub(crate) async fn drive(mut run: Run) {
    let span = tracing::info_span!(
        "operation",
        node = %run.node.uuid,
        request_id = %run.op.request_id,
        kind = %run.op.kind
    );
    let guarded = AssertUnwindSafe(lead(&mut run)).catch_unwind();
    if guarded.instrument(span).await.is_err() {
        tracing::error!(
            node = %run.node.uuid,
            request_id = %run.op.request_id,
            "an operation crashed; it is looked at again"
        );
        strand(&run);
    }
}

/// The instance is gone: nothing of it stays with the node.
pub(crate) fn forget_instance(node: &mut Node) {
    node.instance_info = JsonObject::new();
    node.instance_uuid = None;
    node.instance_name = None;
    node.allocation_uuid = None;
    for key in [
        "instance",
        "root_uuid_or_disk_id",
        "is_whole_disk_image",
        "deploy_boot_mode",
    ] {
        node.driver_internal_info.remove(key);
    }
    if node
        .driver_internal_info
        .remove("automatic_lessee")
        .is_some()
    {
        node.lessee = None;
    }
}

/// No steps run any more.
pub(crate) fn forget_steps(node: &mut Node) {
    for key in STEP_KEYS {
        node.driver_internal_info.remove(*key);
    }
}

/// The machine lost its power: no agent runs on it any more.
pub(crate) fn forget_agent(node: &mut Node) {
    for key in AGENT_KEYS {
        node.driver_internal_info.remove(*key);
    }
    if !agent_token::is_pregenerated(node) {
        agent_token::forget(node);
    }
}

/// Whether work of this kind leaves a ramdisk alone that may run on the machine.
pub(crate) fn leaves_ramdisk(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Power | OperationKind::ChildStep)
}

/// The work for which a ramdisk ran is over, or begins anew: what ran before has no access any more.
pub(crate) fn forget_ramdisk(node: &mut Node) {
    forget_agent(node);
    agent_token::forget(node);
}

async fn lead(run: &mut Run) {
    // What an interruption kept from being read.
    let mut caught_up = caches::read_changed(run).await;
    loop {
        let phase = match std::mem::replace(&mut caught_up, Ok(())) {
            Ok(()) => run_phase(run).await,
            Err(trouble) => Err(trouble),
        };
        let done = match phase {
            Err(Trouble::Failed(error)) => failing::begin(run, &error).await,
            other => other,
        };
        match done {
            Ok(Next::Phase) => {}
            Ok(Next::Parted) => return,
            Err(Trouble::Lost) => {
                tracing::warn!("somebody else took the node over; this work is dropped");
                return;
            }
            Err(Trouble::Failed(error) | Trouble::Stranded(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the operation can't go on now; it is looked at again"
                );
                strand(run);
                return;
            }
        }
    }
}

async fn run_phase(run: &mut Run) -> Phase {
    if run.op.phase == phase::FAILING {
        return failing::phase(run).await;
    }
    match run.op.kind {
        OperationKind::Power => power::phase(run).await,
        OperationKind::Verify => verify::phase(run).await,
        OperationKind::Deploy => deploy::phase(run).await,
        OperationKind::TearDown => tear_down::phase(run).await,
        OperationKind::Clean | OperationKind::Service => clean::phase(run).await,
        OperationKind::Adopt => adopt::phase(run).await,
        OperationKind::TakeOver => take_over::phase(run).await,
        OperationKind::Inspect => inspect::phase(run).await,
        OperationKind::Rescue => rescue::phase(run).await,
        OperationKind::Unrescue => rescue::back(run).await,
        OperationKind::ChildStep => child_step::phase(run).await,
        OperationKind::CleanUp => restore::phase(run).await,
    }
}

fn strand(run: &Run) {
    run.held.strand();
}

fn lost(run: &Run) -> Error {
    Error::node_locked(&run.node.uuid, "another conductor")
}
