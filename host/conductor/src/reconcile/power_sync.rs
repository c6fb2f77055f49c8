//! Keeps the database's power states and the machines in step; `docs/power-sync.md` says it for operators.
//!
//! A pass reads all machines first, so many at once, and judges afterwards: only then is it known whether so many are in
//! trouble that the fault must be elsewhere. A node that is as the database says costs no write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use ironbark_db::{NodeFilter, NodeRef, Observation};
use ironbark_model::{ErrorKind, PowerState, Result};
use tokio::sync::Mutex;

use super::power_decision::{
    Counts, Facts, Licence, Reading, Verdict, brakes, is_mismatch, is_synced, is_trouble, verdict,
};
use super::power_fault;
use super::power_reading::{DriverMachines, Machines};
use super::spawn::chain;
use crate::context::Context;

/// What a conductor remembers from pass to pass.
#[derive(Debug)]
pub(super) struct PowerSync<M = DriverMachines> {
    machines: M,
    counts: Mutex<Counts>,
    ran_before: AtomicBool,
    braked: AtomicBool,
}

/// What a pass learnt of one node.
struct Seen {
    node: NodeRef,
    reading: Reading,
    /// Asked for only if the machine contradicts the database.
    may_correct: bool,
}

/// What came of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Nodes whose machine was asked.
    pub(super) read: usize,
    /// Failures and mismatches among them.
    pub(super) troubled: usize,
    /// Nodes whose driver broke.
    pub(super) driver_faults: usize,
    /// Nothing was corrected, because so many were in trouble.
    pub(super) braked: bool,
    /// Corrections begun.
    pub(super) corrected: usize,
    /// Nodes put into maintenance.
    pub(super) given_up: usize,
    /// Power states written.
    pub(super) recorded: usize,
}

impl Default for PowerSync {
    fn default() -> Self {
        Self::of(DriverMachines)
    }
}

impl<M: Machines> PowerSync<M> {
    pub(super) fn of(machines: M) -> Self {
        Self {
            machines,
            counts: Mutex::default(),
            ran_before: AtomicBool::new(false),
            braked: AtomicBool::new(false),
        }
    }

    /// Looks at every node of this conductor once.
    pub(super) async fn pass(&self, ctx: &Arc<Context>) -> Result<Summary> {
        let nodes = candidates(ctx).await?;
        let nodes = self.troubled_first(nodes).await;
        let at_once = ctx.config.sync_power_state_workers.max(1);
        let all: Vec<Seen> = futures::stream::iter(nodes)
            .map(async |node| self.look(ctx, node).await)
            .buffer_unordered(at_once)
            .collect()
            .await;
        // Only now: a pass that was cut off in the middle, or couldn't act, was none.
        if !ctx.standing.may_act() {
            tracing::warn!("power sync: this conductor may not act now; what was read is dropped");
            return Ok(Summary::default());
        }
        let mut summary = summarise(&all);
        let licence = self.licence(&mut summary);
        for seen in &all {
            let node = &seen.node;
            if matches!(seen.reading, Reading::State(state) if node.power_state == Some(state) && state != PowerState::Error)
            {
                continue;
            }
            if let Err(error) = self.judge(ctx, seen, licence, &mut summary).await {
                match error.kind() {
                    // Somebody works on it, or deleted it: the next pass looks again.
                    ErrorKind::NodeLocked | ErrorKind::NotFound => {}
                    _ => {
                        tracing::warn!(node = %node.uuid, error = %chain(&error), "power sync could not act on this node")
                    }
                }
            }
        }
        tracing::debug!(?summary, "power sync");
        Ok(summary)
    }

    async fn troubled_first(&self, mut nodes: Vec<NodeRef>) -> Vec<NodeRef> {
        let mut counts = self.counts.lock().await;
        // A node that somebody holds keeps its count: it may be held because its power is being put right.
        counts.keep_only(&nodes);
        nodes.retain(is_synced);
        nodes.sort_by_key(|node| std::cmp::Reverse(counts.of(&node.uuid)));
        nodes
    }

    /// Reads one machine; a node that is well is dealt with here, with no write if nothing changed.
    async fn look(&self, ctx: &Arc<Context>, node: NodeRef) -> Seen {
        let (reading, may_correct) = tokio::select! {
            () = ctx.standing.lapsed() => (Reading::NotAsked, false),
            read = self.read(ctx, &node) => read,
        };
        match &reading {
            Reading::State(state)
                if node.power_state == Some(*state) && *state != PowerState::Error =>
            {
                self.counts.lock().await.clear(&node.uuid);
                // In a failed state the error says why the node is there: it stays.
                if node.has_last_error && !node.provision_state.is_failed() {
                    let seen = Observation {
                        last_error: Some(None),
                        ..Observation::default()
                    };
                    observe(ctx, &node, &seen).await;
                }
            }
            Reading::DriverFault(reason) => {
                tracing::warn!(node = %node.uuid, %reason, "power sync: the driver failed; this says nothing about the node");
            }
            Reading::NoAnswer(reason) => {
                tracing::info!(node = %node.uuid, %reason, "power sync: the machine's power could not be read");
            }
            Reading::State(_) | Reading::NotAsked => {}
        }
        Seen {
            node,
            reading,
            may_correct,
        }
    }

    /// What the machine says, and whether it may be corrected if that isn't what the database says.
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> (Reading, bool) {
        let reading = self.machines.read(ctx, node).await;
        let asks =
            ctx.config.force_power_state_during_sync && is_mismatch(node.power_state, &reading);
        if !asks {
            return (reading, false);
        }
        match self.machines.may_correct(ctx, node).await {
            Ok(may_correct) => (reading, may_correct),
            Err(worth) => (worth, false),
        }
    }

    fn licence(&self, summary: &mut Summary) -> Licence {
        let first = !self.ran_before.swap(true, Ordering::Relaxed);
        summary.braked = brakes(summary.troubled, summary.read);
        let braked_before = self.braked.swap(summary.braked, Ordering::Relaxed);
        if summary.braked {
            tracing::error!(
                troubled = summary.troubled,
                read = summary.read,
                "power sync: more than a tenth of this conductor's nodes don't answer or aren't as the database says. \
                 This looks like a fault of the network or of ours, so nothing is corrected and no node goes into maintenance. \
                 Power states go on being read"
            );
            Licence::Braked
        } else {
            if braked_before {
                tracing::info!("power sync: few nodes are in trouble again; it corrects as before");
            }
            if first {
                Licence::RecordOnly
            } else {
                Licence::Act
            }
        }
    }

    async fn judge(
        &self,
        ctx: &Arc<Context>,
        seen: &Seen,
        licence: Licence,
        summary: &mut Summary,
    ) -> Result<()> {
        let Seen { node, reading, .. } = seen;
        let trouble = is_trouble(node.power_state, reading);
        let count = if !trouble {
            0
        } else if licence == Licence::Braked {
            self.counts.lock().await.of(&node.uuid)
        } else {
            self.counts.lock().await.add(&node.uuid)
        };
        let facts = Facts {
            recorded: node.power_state,
            may_correct: seen.may_correct,
        };
        let max_retries = ctx.config.power_state_sync_max_retries;
        match verdict(facts, reading, count, max_retries, licence) {
            Verdict::Agrees | Verdict::Ignored => {}
            Verdict::Counted => {
                tracing::warn!(
                    node = %node.uuid, count, ?reading, recorded = ?node.power_state,
                    "power sync: not as it should be; nothing is done yet"
                );
            }
            Verdict::Record(state) => {
                let seen = Observation {
                    power_state: Some(Some(state)),
                    ..Observation::default()
                };
                if observe(ctx, node, &seen).await {
                    summary.recorded += 1;
                    self.counts.lock().await.clear(&node.uuid);
                    tracing::info!(node = %node.uuid, from = ?node.power_state, to = %state, "power sync: recorded what the machine says");
                }
            }
            Verdict::Correct(wanted) => {
                tracing::warn!(node = %node.uuid, count, %wanted, ?reading, "power sync: bringing the machine to the recorded state");
                match self.machines.correct(ctx, node).await {
                    Ok(true) => summary.corrected += 1,
                    // The machine wasn't told anything (an operation waits on this node, say): it doesn't resist either.
                    Ok(false) => self.counts.lock().await.clear(&node.uuid),
                    // Nor here (no worker is free, somebody holds the node): this was no attempt.
                    Err(error) => {
                        self.counts.lock().await.take_back(&node.uuid);
                        return Err(error);
                    }
                }
            }
            Verdict::GiveUp(state) => {
                if power_fault::give_up(ctx, node, state, &reason(reading)).await? {
                    summary.given_up += 1;
                    self.counts.lock().await.clear(&node.uuid);
                }
            }
        }
        Ok(())
    }
}

/// This conductor's nodes, also those that a pass leaves out for now.
async fn candidates(ctx: &Context) -> Result<Vec<NodeRef>> {
    let filter = NodeFilter {
        maintenance: Some(false),
        include_children: true,
        ..NodeFilter::default()
    };
    let mut nodes = ctx.db.nodes_owned_candidates(&filter).await?;
    nodes.retain(|node| ctx.ring.owns(node));
    Ok(nodes)
}

fn summarise(all: &[Seen]) -> Summary {
    let mut summary = Summary::default();
    for Seen { node, reading, .. } in all {
        match reading {
            Reading::NotAsked => continue,
            Reading::DriverFault(_) => summary.driver_faults += 1,
            Reading::State(_) | Reading::NoAnswer(_) => summary.read += 1,
        }
        if is_trouble(node.power_state, reading) {
            summary.troubled += 1;
        }
    }
    summary
}

/// Writes what was seen, unless somebody holds the node or it changed. Answers whether it was written.
async fn observe(ctx: &Context, node: &NodeRef, seen: &Observation) -> bool {
    match ctx.db.observe(&node.uuid, node.fence, seen).await {
        Ok(written) => written,
        Err(error) => {
            tracing::warn!(node = %node.uuid, error = %chain(&error), "what power sync saw could not be written");
            false
        }
    }
}

fn reason(reading: &Reading) -> String {
    match reading {
        Reading::NoAnswer(reason) | Reading::DriverFault(reason) => reason.clone(),
        Reading::State(PowerState::Error) => {
            "the machine says that its power is in an error state".to_owned()
        }
        Reading::State(state) => {
            format!("the machine stays '{state}' although it was told otherwise")
        }
        Reading::NotAsked => String::new(),
    }
}
