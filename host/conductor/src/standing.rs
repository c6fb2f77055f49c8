//! Whether this conductor may still act on hardware.
//!
//! Others take a conductor's nodes over when its registration is 60 s old. So that two never act on one machine, a
//! conductor that couldn't renew its registration for `fence_after` (40 s; one BMC command takes at most 15 s more)
//! sends no further command and drops its calls. Time is measured on the monotonic clock: setting the wall clock
//! neither fences a conductor nor keeps it alive.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ironbark_model::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a conductor knows of its own registration. Cheap to clone; clones are the same standing.
#[derive(Clone, Debug)]
pub struct Standing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fence_after: Duration,
    state: RwLock<State>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Never registered.
    New,
    /// Renewed by a request that was sent at this time.
    Renewed(Instant),
    /// Another process registered under the same host name: for good.
    Superseded,
}

impl Standing {
    /// The standing of a conductor that hasn't registered yet: it may not act.
    pub fn new(fence_after: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                fence_after,
                state: RwLock::new(State::New),
                changed: Notify::new(),
            }),
        }
    }

    /// The database confirmed the registration. `sent_at` is when it was asked, not when it answered: the answer may
    /// have been on its way for long.
    pub fn renewed(&self, sent_at: Instant) {
        let mut state = self
            .shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Superseded => {}
            State::Renewed(before) if before >= sent_at => {}
            State::New | State::Renewed(_) => *state = State::Renewed(sent_at),
        }
    }

    /// Another process registered under this host name. There is no way back but a restart.
    pub fn superseded(&self) {
        *self
            .shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner) = State::Superseded;
        self.shared.changed.notify_waiters();
    }

    /// Whether another process took this conductor's place.
    pub fn is_superseded(&self) -> bool {
        matches!(self.state(), State::Superseded)
    }

    /// Whether a command may be sent to hardware now.
    pub fn may_act(&self) -> bool {
        self.acts_until()
            .is_some_and(|until| Instant::now() < until)
    }

    /// [`Standing::may_act`] as an error that says what is wrong; 503, since another conductor will answer soon.
    pub fn check(&self) -> Result<()> {
        if self.may_act() {
            return Ok(());
        }
        let message = match self.state() {
            State::Superseded => {
                "Another process registered under this conductor's host name; this one acts no more."
            }
            State::New => "This conductor isn't registered yet.",
            State::Renewed(_) => {
                "This conductor couldn't renew its registration in the database in time and acts no more until it can."
            }
        };
        Err(Error::new(ErrorKind::NoConductor, message))
    }

    /// Resolves when this conductor may no longer act; at once if it may not now. Race a driver call against it.
    pub async fn lapsed(&self) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Registered before the state is read: a change in between isn't missed.
            changed.as_mut().enable();
            let Some(until) = self.acts_until() else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {
                    if !self.may_act() {
                        return;
                    }
                }
                () = changed => {}
            }
        }
    }

    fn acts_until(&self) -> Option<Instant> {
        match self.state() {
            State::Renewed(at) => Some(at + self.shared.fence_after),
            State::New | State::Superseded => None,
        }
    }

    fn state(&self) -> State {
        *self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FENCE: Duration = Duration::from_secs(40);

    /// So long ago on the monotonic clock.
    fn ago(seconds: u64) -> Instant {
        Instant::now() - Duration::from_secs(seconds)
    }

    #[test]
    fn acts_only_while_renewed() {
        let standing = Standing::new(FENCE);
        assert!(!standing.may_act(), "not registered yet");
        standing.renewed(ago(41));
        assert!(!standing.may_act());
        assert!(standing.check().is_err());
        standing.renewed(ago(39));
        assert!(standing.may_act(), "a late renewal by the same process");
        assert!(standing.check().is_ok());
    }

    #[test]
    fn a_slow_answer_does_not_undo_a_newer_one() {
        let standing = Standing::new(FENCE);
        standing.renewed(ago(10));
        standing.renewed(ago(50));
        assert!(standing.may_act());
    }

    #[tokio::test]
    async fn a_superseded_conductor_never_acts_again() {
        let standing = Standing::new(FENCE);
        standing.renewed(Instant::now());
        let waiting = tokio::spawn({
            let standing = standing.clone();
            async move { standing.lapsed().await }
        });
        tokio::task::yield_now().await;
        standing.superseded();
        tokio::time::timeout(Duration::from_secs(5), waiting)
            .await
            .expect("told at once")
            .unwrap();
        standing.renewed(Instant::now());
        assert!(!standing.may_act());
        assert!(standing.is_superseded());
    }

    #[tokio::test]
    async fn calls_are_dropped_when_standing_lapses_and_not_before() {
        let standing = Standing::new(Duration::from_millis(200));
        let began = Instant::now();
        standing.renewed(began);
        let renewed_at = began + Duration::from_millis(100);
        let lapsed = standing.lapsed();
        tokio::pin!(lapsed);
        assert!(futures::FutureExt::now_or_never(lapsed.as_mut()).is_none());
        standing.renewed(renewed_at);
        lapsed.await;
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
}
