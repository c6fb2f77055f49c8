//! One operation under way: the node, its journal, and what the last driver call left to be stored.
//!
//! While a node is held nobody else changes it, so that the copy here is what the database has. Everything is committed
//! together: node, notes of drivers, history and journal. No transaction is open while a driver is called.

use std::sync::Arc;

use ironbark_db::{Afterwards, ReservedTx, is_fence_lost};
use ironbark_model::hardware::Inventory;
use ironbark_model::history::HistoryEntry;
use ironbark_model::operation::Wait;
use ironbark_model::{
    Error, ErrorKind, Event, InterfaceKind, Node, Operation, Port, PowerState, Timestamp,
};
use ironbark_sandbox::{Lock, PowerReading};

use crate::call::{Called, NodeCall, Notes, NotesSeen, Patience, Ports, is_ours};
use crate::context::Context;
use crate::failure;
use crate::operations::caches::Readings;
use crate::operations::{due_at, forget_ramdisk, leaves_ramdisk, states};
use crate::reserve::Held;

/// Why work can't go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It failed, and the node shall say so.
    Failed(Error),
    /// Somebody else holds the node: everything that was not committed is void.
    Lost,
    /// Our own database, bounds or standing fail us: the journal says what remains, to be looked at again soon.
    Stranded(Error),
}

/// What comes after a phase.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next phase.
    Phase,
    /// Nothing for now: it is over, or waits without holding the node.
    Parted,
}

/// Result of a phase, or of a part of one.
pub(crate) type Phase<T = Next> = Result<T, Trouble>;

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if is_fence_lost(&error) {
            Self::Lost
        } else if error.kind() == ErrorKind::NoConductor || is_ours(&error) {
            Self::Stranded(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// One operation under way.
pub(crate) struct Run {
    pub(crate) held: Held,
    pub(crate) node: Node,
    pub(crate) op: Operation,
    ports: Ports,
    notes: Vec<Notes>,
    seen: NotesSeen,
    new_ports: Vec<Port>,
    changed_ports: Vec<Port>,
    traits: Option<Vec<String>>,
    inventory: Option<Inventory>,
    history: Vec<HistoryEntry>,
    pub(super) readings: Readings,
}

impl Run {
    /// An operation that the database already has.
    pub(crate) fn of(mut held: Held, node: Node, op: Operation, ports: Ports) -> Self {
        held.keep();
        Self {
            held,
            node,
            op,
            ports,
            notes: Vec::new(),
            seen: NotesSeen::default(),
            new_ports: Vec::new(),
            changed_ports: Vec::new(),
            traits: None,
            inventory: None,
            history: Vec::new(),
            readings: Readings::default(),
        }
    }

    pub(crate) fn ctx(&self) -> &Arc<Context> {
        self.held.context()
    }

    /// A way to the node's drivers, under the exclusive lock.
    pub(crate) fn call(&self) -> NodeCall<'_> {
        NodeCall {
            ctx: self.held.context(),
            node: &self.node,
            ports: &self.ports,
            request_id: &self.op.request_id,
            lock: Lock::Exclusive,
            reservation: self.held.reservation().ok(),
            pending: &self.notes,
            seen: Some(&self.seen),
            deadline: None,
            patience: Patience::Operation,
        }
    }

    /// Keeps what a call wrote until the next commit, and gives out what it returned. Calls that follow see it.
    pub(crate) fn keep<T>(&mut self, called: Called<T>) -> T {
        self.notes.extend(called.notes);
        called.value
    }

    /// As [`Run::keep`], and stores what was written at once: for calls that others follow, which an interruption may keep
    /// away for long.
    pub(crate) async fn settle<T>(&mut self, called: Called<T>) -> Result<T, Trouble> {
        let value = self.keep(called);
        self.store_kept().await?;
        Ok(value)
    }

    /// Stores what calls wrote and isn't stored yet.
    pub(crate) async fn store_kept(&mut self) -> Result<(), Trouble> {
        if self.notes.is_empty() {
            return Ok(());
        }
        self.commit().await
    }

    /// The node's power now, as its driver says. Doesn't change the node.
    pub(crate) async fn read_power(&mut self) -> Result<PowerReading, Trouble> {
        let called = self.call().power_state().await?;
        Ok(self.keep(called))
    }

    /// As [`Run::read_power`], but not knowing is an error.
    pub(crate) async fn known_power(&mut self) -> Result<PowerState, Trouble> {
        match self.read_power().await? {
            PowerReading::On => Ok(PowerState::On),
            PowerReading::Off => Ok(PowerState::Off),
            PowerReading::Error => Ok(PowerState::Error),
            PowerReading::Unknown(reason) => Err(Trouble::Failed(Error::new(
                ErrorKind::BadGateway,
                format!("The node's power state is not known: {reason}"),
            ))),
        }
    }

    /// Moves the node by `event`; not committed yet.
    pub(crate) fn raise(&mut self, event: Event) -> Result<(), Trouble> {
        states::advance(&mut self.node, event).map_err(Trouble::Failed)
    }

    /// Adds to the node's history with the next commit.
    pub(crate) fn record(&mut self, entry: HistoryEntry) {
        self.history.push(entry);
    }

    /// Stores what an inspection found with the next commit: ports that are new, and the inventory if it has one.
    pub(crate) fn found(&mut self, new_ports: Vec<Port>, inventory: Option<Inventory>) {
        self.new_ports = new_ports;
        self.inventory = inventory;
    }

    /// Stores what became of ports that the node has, and its traits if they are others now, with the next commit.
    pub(crate) fn changed(&mut self, ports: Vec<Port>, traits: Option<Vec<String>>) {
        self.changed_ports = ports;
        self.traits = traits;
    }

    /// Writes down the package that an operation which is one call after another begins with, before the first one: it keeps
    /// it, as a step does.
    pub(crate) async fn pin(&mut self, kind: InterfaceKind) -> Result<(), Trouble> {
        if self.op.package_digest.is_some() || self.op.cursor.is_some() {
            return Ok(());
        }
        self.op.package_digest = self.call().package_in_use(kind)?;
        if self.op.package_digest.is_none() {
            return Ok(());
        }
        self.commit().await
    }

    /// Goes on to `phase`; not committed yet.
    pub(crate) fn enter(&mut self, phase: &str) {
        phase.clone_into(&mut self.op.phase);
    }

    /// Stores everything; the node stays held.
    pub(crate) async fn commit(&mut self) -> Result<(), Trouble> {
        let tx = self.write(true, Afterwards::Keep).await?;
        tx.commit().await.map_err(storing)?;
        Ok(())
    }

    /// Stores everything but the journal's end: the operation is over, and the node is given back. An operation that waited
    /// beneath it waits on.
    pub(crate) async fn finish(&mut self) -> Phase {
        let parked = match self.op.parked() {
            Ok(parked) => parked,
            // It would be as unreadable the next time.
            Err(error) => {
                let host = self.ctx().host().to_owned();
                let entry = failure::lose_parked(&mut self.node, &error, &host);
                self.record(entry);
                None
            }
        };
        if !leaves_ramdisk(self.op.kind) {
            forget_ramdisk(&mut self.node);
        }
        let mut tx = self.write(false, Afterwards::Release).await?;
        tx.operation_close(&self.op.uuid).await.map_err(storing)?;
        if let Some(parked) = &parked {
            tx.operation_open(parked).await.map_err(storing)?;
        }
        self.held.commit_and_give_back(tx).await.map_err(storing)?;
        if let Some(at) = parked.as_ref().and_then(due_at) {
            self.ctx().alarm.set(at, &self.op.node_uuid);
        }
        Ok(Next::Parted)
    }

    /// Stores everything and gives the node back; the operation stays open and waits.
    pub(crate) async fn part(&mut self, wait: Wait) -> Phase {
        let ring_at = wait.poll_at.unwrap_or(wait.deadline).min(wait.deadline);
        self.op.wait = Some(wait);
        let tx = self.write(true, Afterwards::Release).await?;
        self.held.commit_and_give_back(tx).await.map_err(storing)?;
        self.ctx().alarm.set(ring_at, &self.op.node_uuid);
        Ok(Next::Parted)
    }

    /// Closes this operation and opens `next` on the same node, in one transaction.
    pub(crate) async fn become_operation(&mut self, next: Operation) -> Result<(), Trouble> {
        let mut tx = self.write(false, Afterwards::Keep).await?;
        tx.operation_close(&self.op.uuid).await.map_err(storing)?;
        tx.operation_open(&next).await.map_err(storing)?;
        tx.commit().await.map_err(storing)?;
        self.op = next;
        Ok(())
    }

    async fn write(
        &mut self,
        with_journal: bool,
        afterwards: Afterwards,
    ) -> Result<ReservedTx, Trouble> {
        let begun = self.held.begin_saving(&self.node, afterwards).await;
        let mut tx = begun.map_err(storing)?;
        for notes in self.notes.drain(..) {
            if !notes.writes.is_empty() {
                tx.notes_write(&notes.package, &notes.writes)
                    .await
                    .map_err(storing)?;
                self.seen.stored(&notes.package, &notes.writes);
            }
        }
        for port in self.new_ports.drain(..) {
            tx.port_create(&port).await.map_err(storing)?;
        }
        for port in self.changed_ports.drain(..) {
            tx.port_update(&port).await.map_err(storing)?;
        }
        if let Some(traits) = self.traits.take() {
            tx.set_traits(&traits).await.map_err(storing)?;
        }
        if let Some(inventory) = self.inventory.take() {
            tx.inventory_write(&inventory).await.map_err(storing)?;
        }
        if let Some(settings) = self.readings.bios.take() {
            tx.bios_settings_write(&settings).await.map_err(storing)?;
        }
        if let Some((components, flashed)) = self.readings.firmware.take() {
            tx.firmware_components_write(&components, flashed)
                .await
                .map_err(storing)?;
        }
        for entry in self.history.drain(..) {
            tx.history_add(&entry).await.map_err(storing)?;
        }
        if with_journal {
            self.op.updated_at = Timestamp::now();
            tx.operation_update(&self.op).await.map_err(storing)?;
        }
        Ok(tx)
    }
}

/// An error of the database is never the node's failure.
fn storing(error: Error) -> Trouble {
    if is_fence_lost(&error) {
        Trouble::Lost
    } else {
        Trouble::Stranded(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_node_or_its_driver_did_fails_the_node() {
        for (kind, fails) in [
            (ErrorKind::BadGateway, true),
            (ErrorKind::GatewayTimeout, true),
            (ErrorKind::Busy, true),
            (ErrorKind::InvalidParameter, true),
            (ErrorKind::Overloaded, false),
            (ErrorKind::Internal, false),
            (ErrorKind::NoConductor, false),
        ] {
            let trouble = Trouble::from(Error::new(kind, "no"));
            assert_eq!(matches!(trouble, Trouble::Failed(_)), fails, "{kind:?}");
        }
    }
}
