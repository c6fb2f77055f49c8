//! A transaction of whoever holds a node: the only way to change one.

use std::sync::Arc;

use ironbark_model::history::HistoryEntry;
use ironbark_model::{Error, Node, Operation, Port, Result, Timestamp};
use sqlx::{Any, AnyConnection, Transaction};

use crate::error::{FenceLost, told, told_of_write};
use crate::nodes::{
    By, duplicate, insert_traits, node_select, node_update, node_update_held, node_with_traits_from,
};
use crate::sql::{Columns, Statement, within};
use crate::{Database, Reservation, chassis, history, notes, operations, ports};

/// A transaction that changes one node and what belongs to it, under a reservation.
///
/// Its first statement is an UPDATE of the node's row by the reservation's fence: it makes sure that the node is still
/// held, and keeps everybody else out until the end. Dropped without a commit, it changes nothing. It holds SQLite's only
/// writer: nothing but database work may be awaited while it lives, above all no driver and no BMC.
#[derive(Debug)]
pub struct ReservedTx {
    transaction: Transaction<'static, Any>,
    reservation: Reservation,
    node_id: i64,
    /// Its first statement let the node go, which is true as soon as it is committed.
    released: bool,
}

/// What becomes of the reservation when a transaction that begins by writing the node is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The node stays reserved.
    Keep,
    /// The node is let go.
    Release,
}

impl Database {
    /// Begins a transaction on the node that is held.
    ///
    /// # Errors
    /// One that [`crate::is_fence_lost`] knows, if the node isn't held by this reservation any more.
    pub async fn reserved(&self, reservation: &Reservation) -> Result<ReservedTx> {
        let mut transaction = self.begin().await?;
        Ok(ReservedTx {
            node_id: fenced(&mut transaction, reservation).await?,
            transaction,
            reservation: reservation.clone(),
            released: false,
        })
    }

    /// Begins a transaction on the node that is held by writing the node: what [`Database::reserved`] and
    /// [`ReservedTx::save_node`] do, in one statement less.
    ///
    /// # Errors
    /// Those of both.
    pub async fn reserved_saving(
        &self,
        reservation: &Reservation,
        node: &Node,
        afterwards: Afterwards,
    ) -> Result<ReservedTx> {
        let mut transaction = self.begin().await?;
        let released = afterwards == Afterwards::Release;
        Ok(ReservedTx {
            node_id: save_held(&mut transaction, reservation, &touched(node), released).await?,
            transaction,
            reservation: reservation.clone(),
            released,
        })
    }

    /// Writes the node that is held, and lets it go: a whole transaction in one statement. Answers what was written; traits
    /// are those of `node`, which aren't.
    ///
    /// # Errors
    /// Those of [`Database::reserved_saving`].
    pub async fn node_save_and_release(
        &self,
        reservation: &Reservation,
        node: &Node,
    ) -> Result<Node> {
        let mut connection = self.writer().await?;
        let written = touched(node);
        save_held(&mut connection, reservation, &written, true).await?;
        Ok(Node {
            reservation: None,
            fence: reservation.fence,
            traits: node.traits.clone(),
            ..written
        })
    }
}

impl ReservedTx {
    /// The reservation that this transaction works under.
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// The node as it is now, with its traits.
    pub async fn node(&mut self) -> Result<Node> {
        let row = node_select(By::Id)
            .bind(self.node_id)
            .row(&mut self.transaction)
            .await
            .map_err(told)?
            .ok_or_else(|| Error::node_not_found(&self.reservation.node_uuid))?;
        node_with_traits_from(&row)
    }

    /// Writes every column of the node but its id, UUID, `created_at`, reservation, fence and traits; `updated_at`
    /// becomes now. A name or instance UUID that another node has is a conflict, after which this transaction can only
    /// be dropped.
    pub async fn save_node(&mut self, node: &Node) -> Result<()> {
        self.must_be_this_node(&node.uuid)?;
        let node = touched(node);
        node_update(&node, self.node_id)?
            .run(&mut self.transaction)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(&node, column)))?;
        Ok(())
    }

    /// Replaces all traits.
    pub async fn set_traits(&mut self, traits: &[String]) -> Result<()> {
        Statement::new("DELETE FROM node_traits WHERE node_id = $1")
            .bind(self.node_id)
            .run(&mut self.transaction)
            .await
            .map_err(told)?;
        insert_traits(&mut self.transaction, self.node_id, traits).await
    }

    /// Adds a port to this node. Its number is the database's, `created_at` is now. A MAC address, name or UUID that
    /// another port has is a conflict, after which this transaction can only be dropped.
    pub async fn port_create(&mut self, port: &Port) -> Result<Port> {
        self.must_be_this_node(&port.node_uuid)?;
        let now = Timestamp::now();
        let id = ports::insert(&mut self.transaction, self.node_id, port, now).await?;
        Ok(Port {
            id,
            created_at: Some(now),
            updated_at: None,
            ..port.clone()
        })
    }

    /// Changes a port of this node; `updated_at` becomes now.
    pub async fn port_update(&mut self, port: &Port) -> Result<Port> {
        self.must_be_this_node(&port.node_uuid)?;
        self.write_port(port, self.node_id).await
    }

    /// As [`ReservedTx::port_update`], and moves the port to the node that is held by `target`: that one changes too.
    pub async fn port_move(&mut self, port: &Port, target: &Reservation) -> Result<Port> {
        let to_node = self.fence_too(&port.node_uuid, target).await?;
        self.write_port(port, to_node).await
    }

    /// Deletes a port of this node; false if it has no such port.
    pub async fn port_delete(&mut self, port_uuid: &str) -> Result<bool> {
        let deleted = Statement::new("DELETE FROM ports WHERE uuid = $1 AND node_id = $2")
            .bind(port_uuid)
            .bind(self.node_id)
            .run(&mut self.transaction)
            .await
            .map_err(told)?;
        Ok(deleted > 0)
    }

    /// Makes sure that this chassis is there, for a node that gets it, and keeps it until this transaction ends.
    ///
    /// # Errors
    /// `InvalidParameter` if there is none.
    pub async fn chassis_hold(&mut self, uuid: &str) -> Result<()> {
        chassis::hold_for_node(&mut self.transaction, uuid).await
    }

    /// Deletes the node with its ports, port groups, volumes, traits, history, notes and operation.
    pub async fn delete_node(&mut self) -> Result<()> {
        Statement::new("DELETE FROM nodes WHERE id = $1")
            .bind(self.node_id)
            .run(&mut self.transaction)
            .await
            .map_err(told)?;
        Ok(())
    }

    /// The node's open operation.
    pub async fn operation(&mut self) -> Result<Option<Operation>> {
        operations::of_node(&mut self.transaction, self.node_id).await
    }

    /// Opens an operation. One that is open already is a conflict, after which this transaction can only be dropped.
    pub async fn operation_open(&mut self, operation: &Operation) -> Result<()> {
        self.must_be_this_node(&operation.node_uuid)?;
        operations::insert(&mut self.transaction, self.node_id, operation).await
    }

    /// Writes the journal; the row's `updated_at` becomes now.
    pub async fn operation_update(&mut self, operation: &Operation) -> Result<()> {
        operations::update(&mut self.transaction, self.node_id, operation).await
    }

    /// Ends an operation: its row is deleted.
    pub async fn operation_close(&mut self, operation_uuid: &str) -> Result<()> {
        operations::delete(&mut self.transaction, self.node_id, operation_uuid).await
    }

    /// Adds a record to the node's history. Without a UUID or time it gets one.
    pub async fn history_add(&mut self, entry: &HistoryEntry) -> Result<()> {
        history::insert(&mut self.transaction, self.node_id, entry).await
    }

    /// Writes what a package keeps of the node, JSON text; `None` deletes a note.
    pub async fn notes_write(
        &mut self,
        package: &str,
        notes: &[(String, Option<Arc<str>>)],
    ) -> Result<()> {
        notes::write(&mut self.transaction, self.node_id, package, notes).await
    }

    /// Deletes one note; false if there was none.
    pub(crate) async fn note_delete(&mut self, package: &str, key: &str) -> Result<bool> {
        let deleted = Statement::new(
            "DELETE FROM driver_notes WHERE node_id = $1 AND package = $2 AND note_key = $3",
        )
        .bind(self.node_id)
        .bind(package)
        .bind(key)
        .run(&mut self.transaction)
        .await
        .map_err(told)?;
        Ok(deleted > 0)
    }

    /// Makes all of it true at once. The node stays reserved, unless this began by letting it go.
    pub async fn commit(self) -> Result<()> {
        within(self.transaction.commit()).await.map_err(told)
    }

    /// Makes all of it true at once, and lets the node go.
    pub async fn commit_and_release(mut self) -> Result<()> {
        if self.released {
            return self.commit().await;
        }
        Statement::new(
            "UPDATE nodes SET reservation = NULL, revision = revision + 1 WHERE id = $1",
        )
        .bind(self.node_id)
        .run(&mut self.transaction)
        .await
        .map_err(told)?;
        self.commit().await
    }

    /// The database's number of the node.
    pub(crate) fn node_id(&self) -> i64 {
        self.node_id
    }

    /// What statements of this transaction run on.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    async fn write_port(&mut self, port: &Port, to_node: i64) -> Result<Port> {
        let now = Timestamp::now();
        if !ports::update(&mut self.transaction, self.node_id, to_node, port, now).await? {
            return Err(Error::not_found(format!(
                "Port {} could not be found.",
                port.uuid
            )));
        }
        Ok(Port {
            updated_at: Some(now),
            ..port.clone()
        })
    }

    /// What is written with, and the node's number.
    pub(crate) fn parts(&mut self) -> (&mut AnyConnection, i64) {
        (&mut self.transaction, self.node_id)
    }

    pub(crate) fn must_be_this_node(&self, uuid: &str) -> Result<()> {
        must_be(uuid, &self.reservation)
    }

    /// The number of the node `uuid`, which is another one that changes in this transaction, and held by `target`.
    pub(crate) async fn fence_too(&mut self, uuid: &str, target: &Reservation) -> Result<i64> {
        must_be(uuid, target)?;
        fenced(&mut self.transaction, target).await
    }

    /// The number of the node `uuid`: this one, or the one that is held by `target`.
    pub(crate) async fn destination(
        &mut self,
        uuid: &str,
        target: Option<&Reservation>,
    ) -> Result<i64> {
        match target {
            Some(target) => self.fence_too(uuid, target).await,
            None => {
                self.must_be_this_node(uuid)?;
                Ok(self.node_id)
            }
        }
    }
}

/// Makes sure that the node is held by this reservation, and keeps everybody else out of it until the transaction ends.
/// Answers the node's number.
async fn fenced(connection: &mut AnyConnection, reservation: &Reservation) -> Result<i64> {
    let row = Statement::new(
        "UPDATE nodes SET revision = revision + 1 WHERE uuid = $1 AND fence = $2 AND reservation = $3 RETURNING id",
    )
    .bind(reservation.node_uuid.as_str())
    .bind(reservation.fence)
    .bind(reservation.host.as_str())
    .row(connection)
    .await
    .map_err(told)?
    .ok_or_else(|| lost(reservation))?;
    Columns::of(&row).int()
}

/// As [`fenced`], and writes the node, which is [touched].
async fn save_held(
    connection: &mut AnyConnection,
    reservation: &Reservation,
    node: &Node,
    release: bool,
) -> Result<i64> {
    must_be(&node.uuid, reservation)?;
    let row = node_update_held(node, reservation, release)?
        .row(connection)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(node, column)))?
        .ok_or_else(|| lost(reservation))?;
    Columns::of(&row).int()
}

/// The node as it is written now.
fn touched(node: &Node) -> Node {
    Node {
        updated_at: Some(Timestamp::now()),
        traits: Vec::new(),
        ..node.clone()
    }
}

fn lost(reservation: &Reservation) -> Error {
    FenceLost {
        node_uuid: reservation.node_uuid.clone(),
        host: reservation.host.clone(),
        fence: reservation.fence,
    }
    .into_error()
}

fn must_be(uuid: &str, reservation: &Reservation) -> Result<()> {
    if uuid == reservation.node_uuid {
        return Ok(());
    }
    Err(Error::internal(format!(
        "Node {uuid} can't be changed under the reservation of node {}.",
        reservation.node_uuid
    )))
}
