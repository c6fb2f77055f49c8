//! What one driver call does.

use std::sync::Arc;

use async_trait::async_trait;
use ironbark_model::Timestamp;
use ironbark_model::audit::{ABANDONED, AuditEntry, AuditKind, BEGUN, DENIED, INTERRUPTED};
use ironbark_sandbox::{Ended, NotRecorded, OpenRecord, Operation};
use tokio::time::Instant;

use super::{Audit, Item, Place, Share};

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Somebody asked for it, or work goes on: every operation is a row.
    Work,
    /// The clock: operations that bring nothing new are counted.
    Poll,
}

/// Who calls, for whom.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) package: String,
    pub(crate) digest: String,
    /// The node's UUID; none for calls without a node.
    pub(crate) node: Option<String>,
    pub(crate) request_id: String,
    /// The user of the API who asked for it, where there is one.
    pub(crate) actor: Option<String>,
    pub(crate) purpose: Purpose,
}

/// Records one call's operations.
pub(crate) struct CallAudit {
    audit: Audit,
    share: Arc<Share>,
    who: Arc<Who>,
}

impl CallAudit {
    pub(crate) fn new(audit: Audit, who: Who) -> Self {
        Self {
            share: audit.shares.of(&who.package),
            audit,
            who: Arc::new(who),
        }
    }
}

#[async_trait]
impl ironbark_sandbox::Audit for CallAudit {
    async fn begin(&self, operation: &Operation) -> Result<Box<dyn OpenRecord>, NotRecorded> {
        // Room for the outcome first: what was sent must not go without one.
        let place = self.audit.place_of(&self.share).await?;
        let (at, intent) = if operation.is_mutating() {
            let at = Timestamp::now();
            let entry = self.who.entry(at, AuditKind::Intent, operation, BEGUN);
            (at, Some(self.audit.write(entry).await?))
        } else {
            self.audit.caught_up().await?;
            (Timestamp::now(), None)
        };
        Ok(Box::new(Open {
            place: Some(place),
            who: Arc::clone(&self.who),
            operation: operation.clone(),
            at,
            began: Instant::now(),
            intent,
        }))
    }

    fn denied(&self, operation: &Operation) -> Result<(), NotRecorded> {
        let now = Timestamp::now();
        let entry = self.who.entry(now, AuditKind::Denied, operation, DENIED);
        let place = self.share.place_for_refusal().and_then(|of_share| {
            let of_queue = self.audit.queue.clone().try_reserve_owned().ok()?;
            Some(Place {
                of_queue,
                of_share: Some(of_share),
            })
        });
        match place {
            Some(place) => place.send(Item::Repeated { entry, answer: 0 }),
            None if self.audit.queue.is_closed() => return Err(NotRecorded),
            None => self.share.count(&entry),
        }
        Ok(())
    }
}

impl Who {
    fn entry(
        &self,
        at: Timestamp,
        kind: AuditKind,
        operation: &Operation,
        outcome: &str,
    ) -> AuditEntry {
        let mut entry = AuditEntry::new(at, kind, operation.to_string(), outcome);
        entry.node.clone_from(&self.node);
        entry.package = Some(self.package.clone());
        entry.digest = Some(self.digest.clone());
        entry.request_id = Some(self.request_id.clone());
        entry.actor.clone_from(&self.actor);
        entry
    }
}

/// An operation that has begun, with its place in the queue.
struct Open {
    place: Option<Place>,
    who: Arc<Who>,
    operation: Operation,
    at: Timestamp,
    began: Instant,
    intent: Option<i64>,
}

impl Open {
    fn close(&mut self, ended: Ended) {
        let Some(place) = self.place.take() else {
            return;
        };
        let (outcome, detail) = if ended.abandoned {
            (ABANDONED.to_owned(), Some(ended.outcome))
        } else {
            (ended.outcome, None)
        };
        let kind = match self.intent {
            Some(_) => AuditKind::Outcome,
            None => AuditKind::Read,
        };
        let mut entry = self.who.entry(self.at, kind, &self.operation, &outcome);
        entry.detail = detail;
        entry.refers_to = self.intent;
        entry.duration_us = i64::try_from(self.began.elapsed().as_micros()).ok();
        let is_poll = self.who.purpose == Purpose::Poll && self.intent.is_none();
        place.send(if is_poll && !ended.abandoned {
            Item::Repeated {
                entry,
                answer: ended.answer,
            }
        } else {
            Item::Row(entry)
        });
    }
}

impl OpenRecord for Open {
    fn end(mut self: Box<Self>, ended: Ended) {
        self.close(ended);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close(Ended {
            outcome: INTERRUPTED.to_owned(),
            abandoned: false,
            answer: 0,
        });
    }
}
