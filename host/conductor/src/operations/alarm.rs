//! When waiting operations are to be looked at again.
//!
//! Only a hint: whether there is anything to do is read from the database when the alarm rings, and whoever looks after open
//! operations sets the alarms that a former process had.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironbark_model::Timestamp;
use tokio::sync::Notify;

use crate::context::Context;
use crate::holdings::Claim;
use crate::operations::wake;

/// How long to wait for a free worker, or for a node that somebody holds.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How long to leave an operation alone that our own database or standing stopped.
pub(crate) const STRANDED: Duration = Duration::from_secs(5);

/// The alarm clock of a conductor.
#[derive(Default)]
pub struct Alarm {
    due: Mutex<Due>,
    changed: Notify,
    /// Nodes that this process holds, but whose work stopped: no worker is at them.
    stranded: Mutex<HashMap<String, Claim>>,
}

#[derive(Default)]
struct Due {
    order: BTreeSet<(Timestamp, String)>,
    by_node: HashMap<String, Timestamp>,
}

impl Alarm {
    /// Looks at the node's operation at `at`; an earlier alarm for the same node stays.
    pub fn set(&self, at: Timestamp, node_uuid: &str) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        match due.by_node.get(node_uuid) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => {
                let later = *later;
                due.order.remove(&(later, node_uuid.to_owned()));
            }
            None => {}
        }
        due.by_node.insert(node_uuid.to_owned(), at);
        due.order.insert((at, node_uuid.to_owned()));
        let first = due.order.first().is_some_and(|(first, _)| *first == at);
        drop(due);
        if first {
            self.changed.notify_one();
        }
    }

    /// Looks at the node's operation `after` this long.
    pub fn set_after(&self, after: Duration, node_uuid: &str) {
        self.set(Timestamp::now().plus(after), node_uuid);
    }

    /// This process still holds the node, but stopped working on it: it is looked at soon, as if somebody had died.
    pub(crate) fn strand(&self, reservation: Claim) {
        let node = reservation.node_uuid.clone();
        self.stranded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node.clone(), reservation);
        self.set_after(STRANDED, &node);
    }

    /// How the node is held, if work on it stopped.
    pub(crate) fn take_stranded(&self, node_uuid: &str) -> Option<Claim> {
        self.stranded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(node_uuid)
    }

    fn take_due(&self, now: Timestamp) -> Vec<String> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while let Some((at, node)) = due.order.pop_first() {
            if at > now {
                due.order.insert((at, node));
                break;
            }
            due.by_node.remove(&node);
            taken.push(node);
        }
        taken
    }

    fn next(&self) -> Option<Timestamp> {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.order.first().map(|(at, _)| *at)
    }

    /// Waits until something is due.
    async fn rung(&self) {
        loop {
            let changed = self.changed.notified();
            let now = Timestamp::now();
            match self.next() {
                Some(at) if at <= now => return,
                Some(at) => {
                    // Long sleeps are cut, so that a wall clock that was set forward is noticed.
                    let rest = now.age_at(at).min(Duration::from_secs(60));
                    tokio::select! {
                        () = tokio::time::sleep(rest) => {}
                        () = changed => {}
                    }
                }
                None => changed.await,
            }
        }
    }
}

/// Starts looking at operations when their time comes, until the conductor stops.
pub fn spawn_alarm(ctx: &Arc<Context>) {
    let ctx = Arc::clone(ctx);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = ctx.shutdown.cancelled() => return,
                () = ctx.alarm.rung() => {}
            }
            for node in ctx.alarm.take_due(Timestamp::now()) {
                match ctx.workers.permit() {
                    Ok(permit) => {
                        let shared = Arc::clone(&ctx);
                        permit.spawn(async move { wake::look_at(&shared, &node).await });
                    }
                    Err(_) => ctx.alarm.set_after(TRY_AGAIN, &node),
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_in_order_once_for_each_node_and_at_the_earliest_time() {
        let alarm = Alarm::default();
        alarm.set(Timestamp(30), "b");
        alarm.set(Timestamp(10), "b");
        alarm.set(Timestamp(50), "b");
        alarm.set(Timestamp(20), "a");
        alarm.set(Timestamp(90), "c");
        assert_eq!(alarm.next(), Some(Timestamp(10)));
        assert_eq!(alarm.take_due(Timestamp(40)), ["b", "a"]);
        assert!(alarm.take_due(Timestamp(80)).is_empty());
        assert_eq!(alarm.take_due(Timestamp(90)), ["c"]);
        assert_eq!(alarm.next(), None);
    }

    #[tokio::test]
    async fn a_new_earlier_alarm_ends_the_sleep() {
        let alarm = Arc::new(Alarm::default());
        alarm.set_after(Duration::from_secs(3600), "later");
        let waiting = tokio::spawn({
            let alarm = Arc::clone(&alarm);
            async move { alarm.rung().await }
        });
        tokio::task::yield_now().await;
        alarm.set(Timestamp(1), "now");
        assert!(
            tokio::time::timeout(Duration::from_secs(5), waiting)
                .await
                .is_ok()
        );
        assert_eq!(alarm.take_due(Timestamp::now()), ["now"]);
    }
}
