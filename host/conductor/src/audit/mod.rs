//! The record of what drivers do to BMCs and operators to packages.
//!
//! Everything goes through one bounded queue to one [writer](writer): what changes a machine is waited for, what only reads is
//! written with others within a second, and polls that bring nothing new are counted ([`repeats`]). Who finds no room in the queue
//! waits a moment and is then turned away: nothing is done unrecorded. One package has only a part of the queue ([`share`]), and its
//! reads and refusals become only so many rows ([`gate`]): a flood holds up nobody and pushes nothing out. `docs/audit.md` says it for operators.

mod action;
mod askers;
mod call;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod flood_tests;
mod gate;
mod repeats;
mod share;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use ironbark_db::Database;
use ironbark_model::audit::AuditEntry;
use ironbark_model::{Error, Result};
use ironbark_sandbox::NotRecorded;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::Instant;

pub(crate) use action::Action;
use askers::Askers;
pub(crate) use call::{CallAudit, Purpose, Who};
use share::{Share, Shares};
use writer::Writer;

/// Rows, and operations under way, that the queue has room for.
const QUEUE: usize = 4096;
/// How long one waits for room.
const ROOM: Duration = Duration::from_secs(1);
/// How long one waits for a row to be written.
const WRITTEN: Duration = Duration::from_secs(5);
/// How old the oldest row that isn't written may be while reads go on: what a kill can take with it is never more than a second of
/// them, however slow the disk is.
const BEHIND: Duration = Duration::from_millis(800);
/// Among so many of the newest rows a former process's operations without an outcome are looked for.
const LOOKED_BACK: u32 = 5000;

/// Where this conductor's rows go. Clones are the same audit.
#[derive(Clone)]
pub(crate) struct Audit {
    queue: mpsc::Sender<Queued>,
    shares: Arc<Shares>,
    /// Who asked for what is done.
    pub(crate) askers: Askers,
    /// Since when the oldest of what isn't written is there.
    unwritten: watch::Receiver<Option<Instant>>,
    chain: String,
}

/// Something for the writer.
enum Item {
    /// A row.
    Row(AuditEntry),
    /// A row that somebody waits for, who is told its number.
    Awaited(AuditEntry, oneshot::Sender<Result<i64, NotRecorded>>),
    /// A row, unless the last of its kind brought the same answer: then it is counted.
    Repeated { entry: AuditEntry, answer: u64 },
    /// Somebody waits until everything before this is written.
    Flush(oneshot::Sender<()>),
}

/// An item in the queue, with the place that it takes of its package's share until the writer has it.
struct Queued {
    item: Item,
    _of_share: Option<OwnedSemaphorePermit>,
}

/// Room for one item.
struct Place {
    of_queue: mpsc::OwnedPermit<Queued>,
    of_share: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn send(self, item: Item) {
        self.of_queue.send(Queued {
            item,
            _of_share: self.of_share,
        });
    }
}

impl Audit {
    /// Begins to write rows into this chain. Ends when all clones are gone. Must be called inside a runtime.
    pub(crate) fn new(db: Database, chain: &str) -> Self {
        Self::with_room(db, chain, QUEUE)
    }

    fn with_room(db: Database, chain: &str, room: usize) -> Self {
        let (sender, receiver) = mpsc::channel(room);
        let (unwritten, watched) = watch::channel(None);
        let shares = Arc::new(Shares::new(room));
        let writer = Writer::new(db, chain, receiver, Arc::clone(&shares), unwritten);
        tokio::spawn(writer.run());
        Self {
            queue: sender,
            shares,
            askers: Askers::default(),
            unwritten: watched,
            chain: chain.to_owned(),
        }
    }

    /// Waits until the operations under way have ended and everything is written, for at most `within`.
    pub(crate) async fn flush(&self, within: Duration) {
        let all = async {
            // All of the room is free when nothing is under way and the writer has taken everything.
            drop(self.queue.reserve_many(self.queue.max_capacity()).await);
            let (done, written) = oneshot::channel();
            let flush = Queued {
                item: Item::Flush(done),
                _of_share: None,
            };
            if self.queue.send(flush).await.is_ok() {
                let _ = written.await;
            }
        };
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!("the audit could not be brought up to date in time");
        }
    }

    /// Says of what a former process began, under this host name, that nobody knows how it ended.
    pub(crate) async fn settle(&self, db: &Database) -> Result<()> {
        let open = db.audit_unanswered(&self.chain, LOOKED_BACK).await?;
        let entries: Vec<AuditEntry> = open
            .into_iter()
            .map(|(seq, entry)| answer_to(&entry, seq, ironbark_model::audit::INTERRUPTED))
            .collect();
        db.audit_append(&self.chain, &entries, &[]).await.map(drop)
    }

    /// Waits for room.
    async fn place(&self) -> Result<Place, NotRecorded> {
        match self.queue.clone().try_reserve_owned() {
            Ok(of_queue) => Ok(Place {
                of_queue,
                of_share: None,
            }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NotRecorded),
            Err(mpsc::error::TrySendError::Full(queue)) => {
                let of_queue = tokio::time::timeout(ROOM, queue.reserve_owned())
                    .await
                    .map_err(|_| NotRecorded)?
                    .map_err(|_| NotRecorded)?;
                Ok(Place {
                    of_queue,
                    of_share: None,
                })
            }
        }
    }

    /// Waits for room for one operation of a package, from its beginning until the writer has its end.
    async fn place_of(&self, share: &Share) -> Result<Place, NotRecorded> {
        let operations = Arc::clone(&share.operations);
        let of_share = match Arc::clone(&operations).try_acquire_owned() {
            Ok(of_share) => of_share,
            Err(_) => tokio::time::timeout(ROOM, operations.acquire_owned())
                .await
                .map_err(|_| NotRecorded)?
                .map_err(|_| NotRecorded)?,
        };
        Ok(Place {
            of_share: Some(of_share),
            ..self.place().await?
        })
    }

    /// Waits while too much that nobody waited for isn't written yet.
    async fn caught_up(&self) -> Result<(), NotRecorded> {
        let is_well = |since: &Option<Instant>| since.is_none_or(|since| since.elapsed() < BEHIND);
        if is_well(&self.unwritten.borrow()) {
            return Ok(());
        }
        let mut unwritten = self.unwritten.clone();
        match tokio::time::timeout(WRITTEN, unwritten.wait_for(is_well)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotRecorded),
        }
    }

    /// Writes a row and waits until it is there; answers with its number.
    async fn write(&self, entry: AuditEntry) -> Result<i64, NotRecorded> {
        let (told, written) = oneshot::channel();
        self.place().await?.send(Item::Awaited(entry, told));
        match tokio::time::timeout(WRITTEN, written).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(NotRecorded),
        }
    }
}

/// The row that says how what the row `seq` began has ended.
fn answer_to(begun: &AuditEntry, seq: i64, outcome: &str) -> AuditEntry {
    use ironbark_model::audit::AuditKind;
    AuditEntry {
        at: ironbark_model::Timestamp::now(),
        kind: match begun.kind {
            AuditKind::Intent => AuditKind::Outcome,
            other => other,
        },
        outcome: outcome.to_owned(),
        refers_to: Some(seq),
        ..begun.clone()
    }
}

/// For whoever asked for what can't be recorded.
fn refused(full: NotRecorded) -> Error {
    Error::overloaded("The audit can't be written now, and nothing is done without it; try again.")
        .retry_after(5)
        .caused_by(full)
}
