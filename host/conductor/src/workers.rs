//! Room for work that goes on after its request was answered: so many at once, and no queue.
//!
//! A request takes its place before anything changes. When there is none it is refused with 503 and the node is as it was.

use std::future::Future;
use std::sync::Arc;

use ironbark_model::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A bounded set of tasks.
pub struct Workers {
    places: Arc<Semaphore>,
    bound: usize,
    tasks: TaskTracker,
    cancel: CancellationToken,
    runtime: Handle,
}

impl Workers {
    /// At most `bound` tasks at once, on the current runtime. Must be called inside a runtime.
    pub fn new(bound: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(bound)),
            bound,
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
            runtime: Handle::current(),
        }
    }

    /// A place for one task; [`ErrorKind::Overloaded`](ironbark_model::ErrorKind::Overloaded) if all are taken.
    pub fn permit(&self) -> Result<Permit> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Error::overloaded(
                "The conductor has no free worker for this now; try again in some seconds.",
            )
            .retry_after(2)
        })?;
        Ok(Permit {
            place,
            tasks: self.tasks.clone(),
            cancel: self.cancel.clone(),
            runtime: self.runtime.clone(),
        })
    }

    /// How many places are taken.
    pub fn busy(&self) -> usize {
        self.bound.saturating_sub(self.places.available_permits())
    }

    /// Waits until no task runs, if no new ones come.
    pub async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Drops every task where it stands. What they did is in the journal, and is carried on by whoever owns the node next.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Runs something short that holds no place and must not be cut off by a dropped caller, such as giving a reservation back.
    pub(crate) fn detach(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.tasks.spawn_on(work, &self.runtime)
    }
}

/// A place for one task.
#[derive(Debug)]
pub struct Permit {
    place: OwnedSemaphorePermit,
    tasks: TaskTracker,
    cancel: CancellationToken,
    runtime: Handle,
}

impl Permit {
    /// Starts `work`, which keeps the place until it ends.
    pub fn spawn(self, work: impl Future<Output = ()> + Send + 'static) {
        let Self {
            place,
            tasks,
            cancel,
            runtime,
        } = self;
        tasks.spawn_on(
            async move {
                let _place = place;
                cancel.run_until_cancelled(work).await;
            },
            &runtime,
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn one_more_than_the_bound_is_refused_until_a_task_ends() {
        let workers = Workers::new(1);
        let (end, ended) = oneshot::channel::<()>();
        workers.permit().unwrap().spawn(async move {
            let _ = ended.await;
        });
        assert_eq!(workers.busy(), 1);
        let refused = workers.permit().unwrap_err();
        assert_eq!(refused.kind(), ironbark_model::ErrorKind::Overloaded);
        end.send(()).unwrap();
        workers.idle().await;
        assert_eq!(workers.busy(), 0);
        assert!(workers.permit().is_ok());
    }

    #[tokio::test]
    async fn cancelling_ends_tasks_that_would_never_end() {
        let workers = Workers::new(2);
        workers.permit().unwrap().spawn(std::future::pending());
        workers.cancel();
        workers.idle().await;
        assert_eq!(workers.busy(), 0);
    }
}
