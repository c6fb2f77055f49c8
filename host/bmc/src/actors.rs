//! One actor per BMC: found or started when a job comes, gone when it has been idle.
//!
//! The protocols say what an actor does; here is who exists, how many may, and how all of them end.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::sync::lock;

/// The actors of one client, by what they talk to. When it is dropped, they finish their queues and end.
pub(crate) struct Actors<K, J> {
    runtime: Handle,
    max_queued: usize,
    max_actors: usize,
    directory: Mutex<Directory<K, J>>,
    /// How many actors run.
    running: watch::Sender<usize>,
}

struct Directory<K, J> {
    by_key: HashMap<K, Reference<J>>,
    next_id: u64,
    shutting_down: bool,
}

struct Reference<J> {
    id: u64,
    jobs: mpsc::Sender<J>,
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many jobs wait for this actor.
    QueueFull,
    /// There are too many actors.
    TooMany,
    /// The client is going.
    ShuttingDown,
}

/// An actor's end: its jobs, and its leave.
pub(crate) struct Mailbox<K: Eq + Hash, J> {
    key: K,
    id: u64,
    jobs: mpsc::Receiver<J>,
    home: Weak<Actors<K, J>>,
}

impl<K, J> Actors<K, J>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    J: Send + 'static,
{
    /// Actors will run on the current runtime.
    pub(crate) fn new(max_queued: usize, max_actors: usize) -> Arc<Self> {
        Arc::new(Self {
            runtime: Handle::current(),
            max_queued: max_queued.max(1),
            max_actors,
            directory: Mutex::new(Directory {
                by_key: HashMap::new(),
                next_id: 0,
                shutting_down: false,
            }),
            running: watch::Sender::new(0),
        })
    }

    /// Gives a job to the actor of `key`, which `start` makes if there is none.
    pub(crate) fn submit<F>(
        self: &Arc<Self>,
        key: &K,
        job: J,
        start: impl FnOnce(Mailbox<K, J>) -> F,
    ) -> Result<(), Refused>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut directory = lock(&self.directory);
        if directory.shutting_down {
            return Err(Refused::ShuttingDown);
        }
        let job = match directory.by_key.get(key) {
            Some(actor) => match actor.jobs.try_send(job) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => return Err(Refused::QueueFull),
                // It ended unasked, which only a fault in it can do: a new one takes over.
                Err(mpsc::error::TrySendError::Closed(job)) => job,
            },
            None if directory.by_key.len() >= self.max_actors => return Err(Refused::TooMany),
            None => job,
        };
        let (sender, jobs) = mpsc::channel(self.max_queued);
        // Can't fail: the channel is new and has room.
        let _ = sender.try_send(job);
        let id = directory.next_id;
        directory.next_id += 1;
        directory
            .by_key
            .insert(key.clone(), Reference { id, jobs: sender });
        drop(directory);
        let actor = start(Mailbox {
            key: key.clone(),
            id,
            jobs,
            home: Arc::downgrade(self),
        });
        let counted = Running::new(&self.running);
        self.runtime.spawn(async move {
            actor.await;
            drop(counted);
        });
        Ok(())
    }

    /// Lets these actors go: each does the jobs that wait, closes what it opened, and ends.
    pub(crate) fn forget(&self, matches: impl Fn(&K) -> bool) {
        lock(&self.directory).by_key.retain(|key, _| !matches(key));
    }

    /// Refuses new jobs and lets all actors go; whether they were gone in time.
    pub(crate) async fn shutdown(&self, within: Duration) -> bool {
        {
            let mut directory = lock(&self.directory);
            directory.shutting_down = true;
            directory.by_key.clear();
        }
        let mut running = self.running.subscribe();
        let gone = running.wait_for(|running| *running == 0);
        self.within(within, gone).await.is_some()
    }

    /// How many actors run.
    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits for a future, for at most so long. The caller may be on a runtime without timers, or on one whose threads are kept busy.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let timer = {
            let _runtime = self.runtime.enter();
            sleep_until(Instant::now() + limit)
        };
        tokio::select! {
            biased;
            value = future => Some(value),
            () = timer => None,
        }
    }
}

impl<K: Eq + Hash, J> Mailbox<K, J> {
    /// The next job; `None` if there will never be one again.
    pub(crate) async fn recv(&mut self) -> Option<J> {
        self.jobs.recv().await
    }

    /// Whether no job waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Takes an idle actor off the list, unless a job came in just now. True if the actor may end.
    pub(crate) fn retire(&self) -> bool {
        let Some(home) = self.home.upgrade() else {
            return self.jobs.is_empty();
        };
        // Under the lock nobody can send it another job.
        let mut directory = lock(&home.directory);
        if !self.jobs.is_empty() {
            return false;
        }
        if directory
            .by_key
            .get(&self.key)
            .is_some_and(|actor| actor.id == self.id)
        {
            directory.by_key.remove(&self.key);
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
