//! Holding a node: everything that changes one does it through [`Held`].
//!
//! A reservation that was acquired is given back on every way out, also when the future that held it is dropped.
//! The exception is work with an open operation ([`Held::keep`]): when its worker is dropped (a stop, a crash) the reservation
//! stays, and recovery takes it over together with the journal.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use ironbark_db::{Afterwards, Reservation, ReservedTx};
use ironbark_model::{ErrorKind, Node, Result};
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::holdings::Claim;

/// First and longest pause before a node that couldn't be given back is given back again.
const RELEASE_AGAIN: Duration = Duration::from_secs(1);
const RELEASE_AGAIN_LONGEST: Duration = Duration::from_secs(30);

/// Longest that an answer waits for nodes to be given back.
const RELEASE_BEFORE_ANSWER: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// Nodes that are being given back because the request that held them was refused.
    static RELEASES: RefCell<Vec<JoinHandle<()>>>;
}

/// Does `work`, and waits until the nodes that it dropped are given back: so that a client that was refused finds them free.
pub(crate) async fn giving_back<Work: Future>(work: Work) -> Work::Output {
    let whole = async {
        let output = work.await;
        let releases = RELEASES.with(RefCell::take);
        if !releases.is_empty() {
            // What takes longer goes on in the background.
            let _ = tokio::time::timeout(RELEASE_BEFORE_ANSWER, join_all(releases)).await;
        }
        output
    };
    RELEASES.scope(RefCell::default(), whole).await
}

/// The right to change one node, for as long as this lives.
pub struct Held {
    ctx: Arc<Context>,
    reservation: Option<Claim>,
    uuid: String,
    keep: bool,
}

impl Held {
    /// Acquires the node of this UUID and reads it, trying again as often as configured while somebody else holds it (3 times, 1 s
    /// apart).
    pub async fn acquire_and_read(ctx: &Arc<Context>, uuid: &str) -> Result<(Self, Node)> {
        let attempts = ctx.config.node_locked_retry_attempts.max(1);
        let mut attempt = 1;
        loop {
            match Self::try_acquire_and_read(ctx, uuid).await {
                Err(error) if error.kind() == ErrorKind::NodeLocked && attempt < attempts => {
                    attempt += 1;
                    tokio::time::sleep(ctx.config.node_locked_retry_interval).await;
                }
                other => return other,
            }
        }
    }

    /// As [`Held::acquire_and_read`], for who doesn't need the node.
    pub async fn acquire(ctx: &Arc<Context>, uuid: &str) -> Result<Self> {
        let (held, _) = Self::acquire_and_read(ctx, uuid).await?;
        Ok(held)
    }

    /// Acquires the node of this UUID and reads it, or says at once that somebody else holds it.
    pub async fn try_acquire_and_read(ctx: &Arc<Context>, uuid: &str) -> Result<(Self, Node)> {
        let (reservation, node) = ctx.db.node_reserve_and_read(uuid, ctx.host()).await?;
        Ok((Self::of(ctx, reservation), node))
    }

    /// As [`Held::try_acquire_and_read`], for who doesn't need the node.
    pub async fn try_acquire(ctx: &Arc<Context>, uuid: &str) -> Result<Self> {
        let (held, _) = Self::try_acquire_and_read(ctx, uuid).await?;
        Ok(held)
    }

    /// Takes the node over from a conductor that is dead; `None` if it is not held with that fence any more.
    pub async fn take_over(
        ctx: &Arc<Context>,
        uuid: &str,
        from_host: &str,
        fence: i64,
    ) -> Result<Option<Self>> {
        let taken = ctx
            .db
            .node_reservation_take_over(uuid, from_host, fence, ctx.host())
            .await?;
        Ok(taken.map(|reservation| Self::of(ctx, reservation)))
    }

    /// The node.
    pub fn node_uuid(&self) -> &str {
        &self.uuid
    }

    /// Who shares this.
    pub fn context(&self) -> &Arc<Context> {
        &self.ctx
    }

    /// From now on the reservation outlives this value: recovery will find it, and the open operation if there is one.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Undoes [`Held::keep`]: what was to be found by recovery is over.
    pub(crate) fn keep_no_longer(&mut self) {
        self.keep = false;
    }

    /// What the database knows this holding by.
    pub fn reservation(&self) -> Result<&Reservation> {
        self.reservation.as_deref().ok_or_else(|| {
            ironbark_model::Error::internal("the node's reservation was already given back")
        })
    }

    /// The work on the node stopped, with its journal in the database: it is looked at again soon, as if somebody had died.
    pub(crate) fn strand(&self) {
        if let Some(claim) = &self.reservation {
            self.ctx.alarm.strand(claim.clone());
        }
    }

    /// Begins a transaction that only works as long as the node is held.
    pub async fn begin(&self) -> Result<ReservedTx> {
        self.ctx.db.reserved(self.reservation()?).await
    }

    /// Begins a transaction that only works as long as the node is held, by writing the node.
    pub async fn begin_saving(&self, node: &Node, afterwards: Afterwards) -> Result<ReservedTx> {
        let reservation = self.reservation()?;
        self.ctx
            .db
            .reserved_saving(reservation, node, afterwards)
            .await
    }

    /// Writes the node and gives it back; answers how it is stored.
    pub async fn save_and_release(mut self, node: &Node) -> Result<Node> {
        let reservation = self.reservation()?;
        let stored = self.ctx.db.node_save_and_release(reservation, node).await?;
        self.reservation = None;
        Ok(stored)
    }

    /// Commits, and gives the node back in the same transaction.
    pub async fn commit_and_release(mut self, tx: ReservedTx) -> Result<()> {
        self.commit_and_give_back(tx).await
    }

    /// As [`Held::commit_and_release`], for owners that can't part with this value.
    pub(crate) async fn commit_and_give_back(&mut self, tx: ReservedTx) -> Result<()> {
        tx.commit_and_release().await?;
        self.reservation = None;
        Ok(())
    }

    /// The node is gone or somebody else's: there is nothing to give back.
    pub(crate) fn forget(mut self) {
        self.reservation = None;
    }

    /// Gives the node back. If that fails it is tried again in the background.
    pub async fn release(mut self) -> Result<()> {
        if let Some(reservation) = &self.reservation {
            self.ctx.db.node_release(reservation).await?;
        }
        self.reservation = None;
        Ok(())
    }

    fn of(ctx: &Arc<Context>, reservation: Reservation) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            uuid: reservation.node_uuid.clone(),
            reservation: Some(ctx.holdings.claim(reservation)),
            keep: false,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        if self.keep {
            return;
        }
        let ctx = Arc::clone(&self.ctx);
        let releasing = self.ctx.workers.detach(async move {
            let mut pause = RELEASE_AGAIN;
            // Nobody else would ever do it: a node that a living conductor holds is being worked on, for all that others know.
            while let Err(error) = ctx.db.node_release(&reservation).await {
                tracing::error!(node = %reservation.node_uuid, error = %error, "the node's reservation could not be given back; this is tried again");
                tokio::select! {
                    // Recovery does it after the next start.
                    () = ctx.shutdown.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(RELEASE_AGAIN_LONGEST);
            }
        });
        // Outside a request nobody waits for it.
        let _ = RELEASES.try_with(|releases| releases.borrow_mut().push(releasing));
    }
}
