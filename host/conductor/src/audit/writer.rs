//! The one task that writes this conductor's chain: many rows in one transaction.

use std::sync::Arc;
use std::time::Duration;

use ironbark_db::Database;
use ironbark_model::Timestamp;
use ironbark_model::audit::{AuditEntry, AuditRepeats, NOT_SENT, hour_of};
use ironbark_sandbox::NotRecorded;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::gate::Gate;
use super::repeats::Repeats;
use super::share::Shares;
use super::{Item, Queued, answer_to};

/// How long a row that nobody waits for stays in memory before it is written. With the time that writing takes, less than a second is
/// lost; where writing takes longer, reads wait for it ([`Audit::caught_up`](super::Audit)).
const LAZY: Duration = Duration::from_millis(500);
/// Rows, or counts, that are held before they are written at once, and while the database fails.
const BATCH: usize = 1024;
/// After the database failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Counts that become rows in one transaction.
const SEALED: u32 = 500;

/// What is to be written, and who waits for it.
pub(super) struct Writer {
    db: Database,
    chain: String,
    queue: mpsc::Receiver<Queued>,
    shares: Arc<Shares>,
    gate: Gate,
    rows: Vec<AuditEntry>,
    /// By the index of their row.
    waiting: Vec<(usize, oneshot::Sender<Result<i64, NotRecorded>>)>,
    flushes: Vec<oneshot::Sender<()>>,
    repeats: Repeats,
    /// When what is held must be written.
    due: Option<Instant>,
    /// Since when the oldest of what is held is there, for those who wait for it.
    unwritten: watch::Sender<Option<Instant>>,
    /// What is in the queue was sent after this.
    emptied: Instant,
    /// The last write failed.
    failing: bool,
    /// Counts of hours before this one are rows.
    sealed: i64,
    seal_at: Instant,
}

impl Writer {
    pub(super) fn new(
        db: Database,
        chain: &str,
        queue: mpsc::Receiver<Queued>,
        shares: Arc<Shares>,
        unwritten: watch::Sender<Option<Instant>>,
    ) -> Self {
        Self {
            db,
            chain: chain.to_owned(),
            queue,
            shares,
            gate: Gate::default(),
            rows: Vec::new(),
            waiting: Vec::new(),
            flushes: Vec::new(),
            repeats: Repeats::default(),
            due: None,
            unwritten,
            emptied: Instant::now(),
            failing: false,
            sealed: i64::MIN,
            seal_at: Instant::now() + LAZY,
        }
    }

    /// Works until nobody can send anything any more.
    pub(super) async fn run(mut self) {
        let mut items = Vec::new();
        loop {
            let was_empty = self.queue.is_empty();
            let wake = self.due.map_or(self.seal_at, |due| due.min(self.seal_at));
            // While nothing can be written the queue fills up, and who wants to act is turned away.
            let open = tokio::select! {
                biased;
                count = self.queue.recv_many(&mut items, BATCH), if !self.is_full() => count > 0,
                () = sleep_until(wake) => true,
            };
            let now = Instant::now();
            // What came while something was written is as old as that.
            let sent = if was_empty { now } else { self.emptied };
            if items.len() < BATCH {
                self.emptied = now;
            }
            for queued in items.drain(..) {
                self.take(queued.item, sent);
            }
            let pressing = !self.waiting.is_empty() || !self.flushes.is_empty();
            let full = self.is_full() && !self.failing;
            if !open || pressing || full || self.due.is_some_and(|due| due <= now) {
                self.write().await;
            }
            if self.seal_at <= now {
                self.seal().await;
            }
            if !open {
                return;
            }
        }
    }

    /// `sent`: the earliest that it can have been.
    fn take(&mut self, item: Item, sent: Instant) {
        match item {
            Item::Row(entry) => self.push(entry.tidy()),
            Item::Awaited(entry, told) => {
                self.waiting.push((self.rows.len(), told));
                self.rows.push(entry.tidy());
            }
            Item::Repeated { entry, answer } => {
                if let Some(entry) = self.repeats.take(entry.tidy(), answer) {
                    self.push(entry);
                }
            }
            Item::Flush(done) => self.flushes.push(done),
        }
        self.due.get_or_insert_with(|| sent + LAZY);
        self.unwritten.send_if_modified(|since| {
            let is_first = since.is_none();
            since.get_or_insert(sent);
            is_first
        });
    }

    /// A row, or one more of those that get none.
    fn push(&mut self, entry: AuditEntry) {
        if self.gate.admits(&entry, Instant::now()) {
            self.rows.push(entry);
        } else {
            self.repeats.add(AuditRepeats::more_of(&entry));
        }
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= BATCH || self.repeats.len() >= BATCH
    }

    async fn write(&mut self) {
        for refused in self.shares.take_uncounted() {
            self.repeats.add(refused);
        }
        if !self.rows.is_empty() || !self.repeats.is_empty() {
            let counts = self.repeats.counts();
            let written = self.db.audit_append(&self.chain, &self.rows, &counts).await;
            match written {
                Ok(first) => self.written(first),
                Err(error) => {
                    tracing::error!(
                        error = &error as &(dyn std::error::Error + 'static),
                        rows = self.rows.len(),
                        "the audit can't be written: nothing is sent to BMCs until it can"
                    );
                    self.failed();
                    return;
                }
            }
        }
        self.due = (!self.rows.is_empty()).then(|| Instant::now() + LAZY);
        // What came meanwhile is seen when it is taken, which is next.
        self.unwritten.send_replace(None);
        for done in self.flushes.drain(..) {
            let _ = done.send(());
        }
    }

    fn written(&mut self, first: i64) {
        let rows = std::mem::take(&mut self.rows);
        self.repeats.written();
        self.failing = false;
        for (index, told) in self.waiting.drain(..) {
            let seq = i64::try_from(index).map_or(i64::MAX, |index| first.saturating_add(index));
            // Nobody waited so long: what was to follow doesn't.
            if told.send(Ok(seq)).is_err()
                && let Some(entry) = rows.get(index)
            {
                self.rows.push(answer_to(entry, seq, NOT_SENT));
            }
        }
    }

    /// What somebody waited for isn't going to happen; all else is kept for the next try.
    fn failed(&mut self) {
        for (index, told) in self.waiting.drain(..).rev() {
            self.rows.remove(index);
            let _ = told.send(Err(NotRecorded));
        }
        self.failing = true;
        self.due = Some(Instant::now() + PAUSE);
    }

    /// Makes rows of the counts of hours that are over.
    async fn seal(&mut self) {
        let now = Timestamp::now();
        let hour = hour_of(now);
        while self.sealed < hour {
            match self.db.audit_seal(&self.chain, hour, SEALED).await {
                Ok(0) => self.sealed = hour,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "counts of the audit could not be made rows; the next try comes soon");
                    self.seal_at = Instant::now() + PAUSE;
                    return;
                }
            }
        }
        self.seal_at = Instant::now() + until_next_hour(now);
    }
}

/// A little longer than the hour lasts.
fn until_next_hour(now: Timestamp) -> Duration {
    const HOUR: i64 = 3_600_000_000;
    let left = HOUR - now.0.rem_euclid(HOUR);
    Duration::from_micros(left.unsigned_abs()) + PAUSE
}
