//! The client: finds or starts the actor of a BMC, and waits for its answer.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use super::{
    ClientConfig, IpmiError, Request, Response, Target,
    actor::{Actor, Job},
    shared::Shared,
    transport::{Transport, lock},
};

/// Sends IPMI commands to any number of BMCs. Clones share their sessions.
///
/// When the last clone is dropped, the actors close their sessions and end; [`Client::shutdown`] does the same and waits for it.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Handle,
    shared: Arc<Shared>,
    actors: Mutex<Actors>,
    /// How many actors run.
    running: watch::Sender<usize>,
}

#[derive(Default)]
struct Actors {
    by_target: HashMap<Target, Reference>,
    next_id: u64,
    shutting_down: bool,
}

struct Reference {
    id: u64,
    jobs: mpsc::Sender<Job>,
}

impl Client {
    /// Makes a client whose sockets, sessions and timers live on the current runtime.
    ///
    /// Its futures may be awaited on any other. Must be called inside a tokio runtime with I/O and time enabled.
    pub fn new(config: ClientConfig) -> Self {
        let runtime = Handle::current();
        let transport = Transport::new(runtime.clone(), config.sockets);
        Self {
            inner: Arc::new(Inner {
                runtime,
                shared: Arc::new(Shared::new(config, transport)),
                actors: Mutex::default(),
                running: watch::Sender::new(0),
            }),
        }
    }

    /// Sends one command and waits for its answer, for at most `deadline`.
    ///
    /// The session is opened if there is none, and opened anew if the BMC lost it. An unanswered command is sent again,
    /// so a BMC whose replies get lost may execute it more than once. A completion code other than 0 is a normal answer,
    /// but for "node busy" (C0h), which is retried and then [`IpmiError::Busy`].
    ///
    /// Dropping the future, or reaching the deadline, leaves the session intact: a command not yet sent is skipped; one that
    /// was sent is not sent again, its answer is waited for a little, and it is logged as abandoned.
    pub async fn request(
        &self,
        target: &Target,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, IpmiError> {
        check(request)?;
        let (reply, answer) = oneshot::channel();
        let sent = Arc::new(AtomicBool::new(false));
        let job = Job {
            request: request.clone(),
            reply,
            sent: Arc::clone(&sent),
        };
        self.inner.submit(target, job)?;
        let timer = {
            // The caller may be on a runtime without timers, or on one whose threads are kept busy.
            let _runtime = self.inner.runtime.enter();
            sleep_until(Instant::now() + deadline)
        };
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(IpmiError::ShuttingDown)),
            () = timer => Err(IpmiError::Deadline { sent: sent.load(Ordering::Relaxed) }),
        }
    }

    /// Closes every session with this target's BMC, whoever the user, and forgets what was learnt about it.
    ///
    /// To be called with the old target when a node's address or credentials change, or the node goes. Commands
    /// that already wait are still sent as they were asked for.
    pub fn forget(&self, target: &Target) {
        let same_bmc = |other: &Target| other.host == target.host && other.port == target.port;
        lock(&self.inner.actors)
            .by_target
            .retain(|other, _| !same_bmc(other));
        self.inner.shared.forget(target);
    }

    /// Refuses new commands, finishes those that wait, and closes every session, for at most `within`.
    pub async fn shutdown(&self, within: Duration) {
        {
            let mut actors = lock(&self.inner.actors);
            actors.shutting_down = true;
            // An actor without a sender finishes its queue, closes its session and ends.
            actors.by_target.clear();
        }
        let mut running = self.inner.running.subscribe();
        let timer = {
            let _runtime = self.inner.runtime.enter();
            sleep_until(Instant::now() + within)
        };
        tokio::select! {
            _ = running.wait_for(|running| *running == 0) => {}
            () = timer => tracing::warn!("some IPMI sessions could not be closed in time"),
        }
    }

    /// How many BMCs have an actor now, idle warm sessions counted.
    pub fn bmcs_in_use(&self) -> usize {
        *self.inner.running.borrow()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("bmcs_in_use", &self.bmcs_in_use())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn submit(self: &Arc<Self>, target: &Target, job: Job) -> Result<(), IpmiError> {
        let config = &self.shared.config;
        let mut actors = lock(&self.actors);
        if actors.shutting_down {
            return Err(IpmiError::ShuttingDown);
        }
        let job = match actors.by_target.get(target) {
            Some(actor) => match actor.jobs.try_send(job) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    return Err(IpmiError::Overloaded {
                        what: "commands for this BMC",
                    });
                }
                // It ended unasked, which only a fault in it can do: a new one takes over.
                Err(mpsc::error::TrySendError::Closed(job)) => job,
            },
            None if actors.by_target.len() >= config.max_bmcs => {
                return Err(IpmiError::Overloaded { what: "BMCs" });
            }
            None => job,
        };
        let (sender, jobs) = mpsc::channel(config.max_queued.max(1));
        // Can't fail: the channel is new and has room.
        let _ = sender.try_send(job);
        let id = actors.next_id;
        actors.next_id += 1;
        actors
            .by_target
            .insert(target.clone(), Reference { id, jobs: sender });
        drop(actors);
        self.start(target.clone(), id, jobs);
        Ok(())
    }

    fn start(self: &Arc<Self>, target: Target, id: u64, jobs: mpsc::Receiver<Job>) {
        let actor = Actor::new(target.clone(), Arc::clone(&self.shared), jobs);
        let inner = Arc::downgrade(self);
        let retire = move |jobs: &mpsc::Receiver<Job>| match inner.upgrade() {
            Some(inner) => inner.retire(&target, id, jobs),
            None => jobs.is_empty(),
        };
        let counted = Running::new(&self.running);
        self.runtime.spawn(async move {
            actor.run(retire).await;
            drop(counted);
        });
    }

    /// Takes an idle actor off the list, unless a job came in just now.
    fn retire(&self, target: &Target, id: u64, jobs: &mpsc::Receiver<Job>) -> bool {
        // Under the lock nobody can send it another job.
        let mut actors = lock(&self.actors);
        if !jobs.is_empty() {
            return false;
        }
        if actors
            .by_target
            .get(target)
            .is_some_and(|actor| actor.id == id)
        {
            actors.by_target.remove(target);
        }
        true
    }
}

/// Counts an actor for as long as it lives.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(running: &watch::Sender<usize>) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0
            .send_modify(|running| *running = running.saturating_sub(1));
    }
}

fn check(request: &Request) -> Result<(), IpmiError> {
    let reason = if request.netfn > 0x3e || !request.netfn.is_multiple_of(2) {
        "the network function must be an even number from 0 to 62"
    } else if request.lun > 3 {
        "the logical unit must be 0 to 3"
    } else if request.data.len() > Request::MAX_DATA {
        "there are too many data bytes"
    } else {
        return Ok(());
    };
    Err(IpmiError::InvalidRequest { reason })
}
