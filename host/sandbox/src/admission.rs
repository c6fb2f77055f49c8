//! Who may begin a call: so many at a time, and so many that wait, of all packages together and of each alone.
//!
//! The bound for each package is what keeps one whose calls don't end from taking the place of all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::CallError;

/// Places for calls that run, and for calls that wait for one.
pub(crate) struct Room {
    places: Arc<Semaphore>,
    size: usize,
    queued: AtomicUsize,
    max_queued: usize,
}

/// Leave to run one call: a place among all, and one among its package's.
pub(crate) struct Admitted {
    _all: OwnedSemaphorePermit,
    _package: OwnedSemaphorePermit,
}

impl Room {
    pub(crate) fn new(places: usize, max_queued: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            size: places,
            queued: AtomicUsize::new(0),
            max_queued,
        }
    }

    /// Places that are free.
    pub(crate) fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.size.saturating_sub(self.free())
    }

    /// A place: at once, or after waiting in a bounded queue.
    async fn enter(&self) -> Result<OwnedSemaphorePermit, CallError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _queued = Queued::join(&self.queued, self.max_queued)?;
        Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| CallError::Overloaded)
    }
}

/// Waits for both places for at most `limit`. The package's comes first: so a package has no more calls in the queue for all
/// than may run of it.
pub(crate) async fn admit(
    all: &Room,
    package: &Room,
    limit: Duration,
    io: &Handle,
) -> Result<Admitted, CallError> {
    let entering = async {
        let package = package.enter().await?;
        Ok(Admitted {
            _all: all.enter().await?,
            _package: package,
        })
    };
    let entering = {
        let _io = io.enter();
        tokio::time::timeout(limit, entering)
    };
    entering.await.unwrap_or(Err(CallError::Overloaded))
}

/// A place in the queue.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn join(queued: &'a AtomicUsize, most: usize) -> Result<Self, CallError> {
        let place = Self(queued);
        if queued.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(CallError::Overloaded);
        }
        Ok(place)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
