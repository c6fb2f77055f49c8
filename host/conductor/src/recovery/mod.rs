//! What becomes of work whose conductor stopped: what [`verdict`] says, and nothing that was only in memory.

mod vendor_calls;
mod verdict;

use std::collections::HashSet;
use std::sync::Arc;

use ironbark_db::{NodeFilter, NodeRef};
use ironbark_model::history::HistoryEntry;
use ironbark_model::operation::OperationKind;
use ironbark_model::{ErrorKind, Node, Operation, Result, Timestamp};
use tokio::time::Instant;

pub use verdict::{How, Verdict, verdict};

use crate::call::Ports;
use crate::context::Context;
use crate::failure;
use crate::operations::{self, Run};
use crate::reserve::Held;
use crate::vifs::{self, Holders};
use crate::workers::Permit;

/// What a look at all open work found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Nodes that were taken from a conductor that is gone, or from nobody.
    pub taken: usize,
    /// Nodes that couldn't be seen to now; the next look will.
    pub postponed: usize,
}

/// Sees to all that a former process under this host name left: called once, after registering and before anything else runs.
pub async fn recover_own(ctx: &Arc<Context>) -> Result<()> {
    ctx.ring.refresh(&ctx.db).await?;
    let looked = look(ctx, true).await?;
    if looked.taken > 0 {
        tracing::info!(
            nodes = looked.taken,
            postponed = looked.postponed,
            "saw to work that a former process left"
        );
    }
    Ok(())
}

/// Sees to nodes of this conductor whose holder is dead, or that have open work that nobody is at. Safe to run at any time.
pub async fn look_after(ctx: &Arc<Context>) -> Result<Looked> {
    look(ctx, false).await
}

/// Decides about the node that was just taken over, and does what was decided. Takes a worker if it needs one.
pub async fn see_to(held: Held) -> Result<()> {
    let ctx = Arc::clone(held.context());
    let (node, operation) = operations::read_held(&held).await?;
    let Some(operation) = operation else {
        return see_to_idle(held, node).await;
    };
    let verdict = verdict(&operation, &node, Timestamp::now(), &ctx.config);
    tracing::info!(
        node = %node.uuid,
        request_id = %operation.request_id,
        kind = %operation.kind,
        phase = %operation.phase,
        verdict = ?verdict,
        "found interrupted work"
    );
    match verdict {
        Verdict::Wait => {
            held.release().await?;
            if let Some(at) = operations::due_at(&operation) {
                ctx.alarm.set(at, &node.uuid);
            }
            Ok(())
        }
        Verdict::Fail(reason) => fail(held, node, operation, &reason).await,
        Verdict::CleanUp(reason) => clean_up(held, node, operation, &reason).await,
        Verdict::CarryOn(how) => carry_on(held, node, operation, how).await,
    }
}

async fn look(ctx: &Arc<Context>, at_start: bool) -> Result<Looked> {
    let mut looked = Looked::default();
    let open = ctx.db.operations_open().await?;
    let mut seen: HashSet<String> = HashSet::with_capacity(open.len());
    let mut held: HashSet<(String, i64)> = HashSet::new();
    for (operation, node) in open {
        seen.insert(node.uuid.clone());
        held.insert((node.uuid.clone(), node.fence));
        let waits = operation.wait.is_some() && !verdict::waits_in_worker(&operation);
        match holder(ctx, &node, at_start) {
            Holder::Gone => take(ctx, &node, &mut looked).await,
            Holder::Nobody if !ctx.ring.owns(&node) => {}
            Holder::Nobody if waits => {
                if let Some(at) = operations::due_at(&operation) {
                    ctx.alarm.set(at, &node.uuid);
                }
            }
            Holder::Nobody => take(ctx, &node, &mut looked).await,
            Holder::Alive => {}
        }
    }
    let filter = NodeFilter {
        reserved: Some(true),
        include_children: true,
        ..NodeFilter::default()
    };
    for node in ctx.db.nodes_owned_candidates(&filter).await? {
        held.insert((node.uuid.clone(), node.fence));
        if !seen.contains(&node.uuid) && matches!(holder(ctx, &node, at_start), Holder::Gone) {
            take(ctx, &node, &mut looked).await;
        }
    }
    ctx.holdings.keep_only(&held);
    vendor_calls::tell_interrupted(ctx, &mut looked).await?;
    Ok(looked)
}

enum Holder {
    /// Nobody holds it.
    Nobody,
    /// A conductor that is dead, a former self, or nobody here although the database says so; the node is ours to see to.
    Gone,
    /// Somebody is at it, or will see to it.
    Alive,
}

fn holder(ctx: &Context, node: &NodeRef, at_start: bool) -> Holder {
    match node.reservation.as_deref() {
        None => Holder::Nobody,
        Some(host) if host == ctx.host() => {
            let unclaimed = || {
                ctx.holdings
                    .is_unclaimed(&node.uuid, node.fence, Instant::now())
            };
            if at_start || unclaimed() {
                Holder::Gone
            } else {
                Holder::Alive
            }
        }
        Some(host) if ctx.ring.is_dead(host) && ctx.ring.owns(node) => Holder::Gone,
        Some(_) => Holder::Alive,
    }
}

async fn take(ctx: &Arc<Context>, node: &NodeRef, looked: &mut Looked) {
    let held = match node.reservation.as_deref() {
        Some(host) => Held::take_over(ctx, &node.uuid, host, node.fence).await,
        None => Held::try_acquire(ctx, &node.uuid).await.map(Some),
    };
    let outcome = match held {
        Ok(Some(held)) => {
            looked.taken += 1;
            see_to(held).await
        }
        Ok(None) => return,
        Err(error) if error.kind() == ErrorKind::NodeLocked => return,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        looked.postponed += 1;
        tracing::warn!(
            node = %node.uuid,
            error = &error as &dyn std::error::Error,
            "interrupted work could not be seen to now"
        );
    }
}

/// No operation was open: a request was being answered, and nothing of it is left but the reservation.
async fn see_to_idle(held: Held, node: Node) -> Result<()> {
    if node.provision_state.is_working() || node.target_power_state.is_some() {
        let reason = format!(
            "The state {} can't be resumed by conductor {}: there is no record of what was going on.",
            node.provision_state,
            held.context().host()
        );
        return failure::fail_without_operation(held, node, &reason).await;
    }
    // It may have been an asynchronous vendor call, whose client was told that it goes on.
    let message = "A request to this node was interrupted because its conductor stopped; if it was a vendor call, its outcome \
         is unknown.";
    let mut node = node;
    let entry = interrupted(&mut node, message, held.context().host());
    let mut tx = held.begin().await?;
    tx.save_node(&node).await?;
    tx.history_add(&entry).await?;
    held.commit_and_release(tx).await
}

/// What an interruption that changes nothing else makes of a node.
fn interrupted(node: &mut Node, message: &str, host: &str) -> HistoryEntry {
    // In a failed state the error says why the node is there: it stays.
    if !node.provision_state.is_failed() {
        node.last_error = Some(message.to_owned());
    }
    failure::history_error(node, "conductor", message, host)
}

async fn fail(held: Held, mut node: Node, operation: Operation, reason: &str) -> Result<()> {
    let host = held.context().host().to_owned();
    let vifs = if operation.kind == OperationKind::TearDown {
        vifs::recorded(held.context(), &node).await?
    } else {
        Holders::default()
    };
    // After an abort the node shows its fail state already, from where another failure would move it on.
    let entry = if operation.args.contains_key(operations::phase::APPLIED) {
        node.last_error = Some(reason.to_owned());
        None
    } else {
        let entry = failure::apply(&mut node, operation.kind, reason, &host);
        Some(failure::ended(entry, &operation))
    };
    let mut entries: Vec<HistoryEntry> = entry.into_iter().collect();
    let parked = match operation.parked() {
        Ok(parked) => parked,
        // It would be as unreadable the next time.
        Err(error) => {
            entries.push(failure::lose_parked(&mut node, &error, &host));
            None
        }
    };
    operations::note_child_step(&mut node, &operation, Some(reason));
    if !operations::leaves_ramdisk(operation.kind) {
        operations::forget_ramdisk(&mut node);
    }
    let mut tx = held.begin().await?;
    tx.save_node(&node).await?;
    for entry in &entries {
        tx.history_add(entry).await?;
    }
    vifs.clear(&node.uuid, &mut tx).await?;
    tx.operation_close(&operation.uuid).await?;
    if let Some(parked) = &parked {
        tx.operation_open(parked).await?;
    }
    let ctx = Arc::clone(held.context());
    held.commit_and_release(tx).await?;
    if let Some(at) = parked.as_ref().and_then(operations::due_at) {
        ctx.alarm.set(at, &node.uuid);
    }
    Ok(())
}

/// Fails it in the way of all that fails: by the phase that calls the driver's clean-up function.
async fn clean_up(mut held: Held, node: Node, operation: Operation, reason: &str) -> Result<()> {
    let permit = worker(&mut held)?;
    operations::launch_failure(permit, held, node, operation, reason).await
}

/// A worker for the node. Whatever goes wrong from here, the node stays held together with its journal.
fn worker(held: &mut Held) -> Result<Permit> {
    held.keep();
    held.context()
        .workers
        .permit()
        .inspect_err(|_| held.strand())
}

async fn carry_on(mut held: Held, node: Node, mut operation: Operation, how: How) -> Result<()> {
    let permit = worker(&mut held)?;
    operation.resumes = operation.resumes.saturating_add(1);
    // The time that a change may take begins anew: the machine had no conductor meanwhile.
    operation.deadline = None;
    if how == How::RerunStep {
        operation.cursor = None;
    }
    let mut run = Run::of(held, node, operation, Ports::default());
    match run.commit().await {
        Ok(()) => {
            permit.spawn(operations::drive(run));
            Ok(())
        }
        Err(operations::Trouble::Lost) => Ok(()),
        Err(operations::Trouble::Failed(error) | operations::Trouble::Stranded(error)) => {
            run.held.strand();
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::ident::{Ident, new_uuid};
    use ironbark_model::{JsonObject, ProvisionState};

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn what_waited_and_cannot_be_read_is_given_up_by_name() {
        let database = ironbark_db::testing::sqlite().await;
        let db = &database.database;
        let mut config = testing::config("here");
        config.max_resumes = 0;
        let ctx = testing::context(db, config);
        let node = Node {
            uuid: new_uuid(),
            driver: "any".to_owned(),
            provision_state: ProvisionState::CleanHold,
            ..Node::default()
        };
        let node = db.node_create(&node).await.unwrap();
        let held = Held::try_acquire(&ctx, &node.uuid).await.unwrap();
        let args = JsonObject::from_iter([("parked".to_owned(), "torn".into())]);
        let power = Operation::new(OperationKind::Power, &node.uuid, "req-1", args);
        let mut tx = held.begin().await.unwrap();
        tx.operation_open(&power).await.unwrap();
        tx.commit().await.unwrap();

        see_to(held).await.unwrap();
        assert_eq!(db.operation_of(&node.uuid).await.unwrap(), None);
        let ident = Ident::Uuid(node.uuid.clone());
        let node = db.node_get(&ident).await.unwrap().unwrap();
        assert_eq!(
            (node.provision_state, node.reservation),
            (ProvisionState::CleanFailed, None)
        );
        let error = node.last_error.unwrap();
        assert!(
            error.contains("clean hold") && error.contains("can't be read"),
            "{error}"
        );
    }
}
