//! The one thread, of low priority, on which components are compiled: compiling must not hold up calls.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::oneshot;

/// Most components that wait to be compiled.
const QUEUE: usize = 64;
/// How much less important than everything else (nice levels).
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Handle on the thread, which ends when the handle is dropped.
pub(crate) struct Compiler {
    jobs: SyncSender<Job>,
}

impl Compiler {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        thread::Builder::new()
            .name("driver-compiler".to_owned())
            .spawn(move || {
                // On Linux this is about the calling thread alone. Only a matter of politeness, so failure is no error.
                if let Err(error) = rustix::process::nice(NICE) {
                    tracing::debug!(%error, "the compiler's thread keeps its normal priority");
                }
                for job in queue {
                    job();
                }
            })?;
        Ok(Self { jobs })
    }

    /// Runs `work` on the thread. `None` if too much is waiting, or if `work` panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            if let Ok(done) = done {
                // The one who asked may have gone.
                let _ = answer.send(done);
            }
        });
        match self.jobs.try_send(job) {
            Ok(()) => result.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}
