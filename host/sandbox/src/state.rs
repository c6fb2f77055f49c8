//! What belongs to one call: the store's data.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::audit::{Answer, Caller, NotRecorded, Operation, ended};
use crate::bindings::ironbark::driver::types as wit;
use crate::capabilities::{CallContext, Capabilities, Write};
use crate::driver::{Granted, Package};
use crate::error::DriverError;
use crate::imports::{KnownResources, Notes};
use crate::limits::{Limits, StoreLimiter, Tripped};
use crate::usage::Counters;

/// Most resources (sessions, pollables, streams) that a guest may hold at a time.
const MAX_RESOURCES: usize = 256;
/// Most bytes that a guest gets from the random source at once.
const MAX_RANDOM: u64 = 64 * 1024;

/// The data of the store in which one call runs.
pub(crate) struct State {
    pub(crate) package: Arc<Package>,
    pub(crate) implementation: Arc<str>,
    pub(crate) context: CallContext,
    pub(crate) limits: Arc<Limits>,
    /// Where the host's side of imports runs.
    pub(crate) io: Handle,
    pub(crate) deadline: Instant,
    pub(crate) meter: Arc<Meter>,
    /// `state.checkpoint` makes sense in this call.
    pub(crate) may_checkpoint: bool,
    pub(crate) notes: Notes,
    /// What the call found out of the node's Redfish resources.
    pub(crate) redfish: Option<KnownResources>,
    pub(crate) limiter: StoreLimiter,
    pub(crate) open_sessions: u32,
    pub(crate) table: ResourceTable,
    host_calls: u32,
    wasi: Option<Box<WasiCtx>>,
}

/// What the caller's side may want to know of a call that is still running.
pub(crate) struct Meter {
    /// What all calls of the package count.
    package: Arc<Counters>,
    /// The guest waits for the host or the BMC.
    waiting: AtomicBool,
    /// Something couldn't be recorded.
    unrecorded: AtomicBool,
    cpu_nanoseconds: AtomicU64,
}

impl Meter {
    pub(crate) fn new(package: Arc<Counters>) -> Self {
        Self {
            package,
            waiting: AtomicBool::default(),
            unrecorded: AtomicBool::default(),
            cpu_nanoseconds: AtomicU64::default(),
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Time in which the guest computed, its current turn not included.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu_nanoseconds.load(Ordering::Relaxed))
    }

    /// Adds a turn. Waiting isn't part of any turn, and so costs nothing.
    pub(crate) fn add_turn(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.cpu_nanoseconds
            .fetch_add(nanoseconds, Ordering::Relaxed);
        self.package.computed(duration);
    }

    /// Something wasn't done because it couldn't be recorded.
    pub(crate) fn is_unrecorded(&self) -> bool {
        self.unrecorded.load(Ordering::Relaxed)
    }
}

/// What a call needs to know besides its context.
pub(crate) struct Setup {
    pub(crate) package: Arc<Package>,
    pub(crate) implementation: Arc<str>,
    pub(crate) io: Handle,
    pub(crate) deadline: Instant,
    pub(crate) meter: Arc<Meter>,
    pub(crate) may_checkpoint: bool,
}

impl State {
    pub(crate) fn new(setup: Setup, context: CallContext) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self {
            limiter: StoreLimiter::new(&setup.package.limits, Arc::clone(&setup.package.counters)),
            limits: Arc::clone(&setup.package.limits),
            package: setup.package,
            implementation: setup.implementation,
            context,
            io: setup.io,
            deadline: setup.deadline,
            meter: setup.meter,
            may_checkpoint: setup.may_checkpoint,
            notes: Notes::default(),
            redfish: None,
            open_sessions: 0,
            table,
            host_calls: 0,
            wasi: None,
        }
    }

    /// Time that is left of the call.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// How long the import call that begins now may take.
    pub(crate) fn host_call_limit(&self) -> Duration {
        self.limits.host_call_deadline.min(self.remaining())
    }

    /// A capability of this call, if it was granted and is there. `has` says whether it is among what was granted.
    pub(crate) fn lent<T: ?Sized>(
        &self,
        name: &str,
        has: impl Fn(&Granted) -> bool,
        wanted: &Operation,
        find: impl FnOnce(&Capabilities) -> &Option<Arc<T>>,
    ) -> Result<Arc<T>, DriverError> {
        if !has(&self.package.granted) {
            let reason = format!(
                "capability '{name}' is not granted to driver package '{}': grant it, or use another driver",
                self.package.name.name
            );
            return Err(self.denied(wanted, reason, has));
        }
        find(&self.context.capabilities).clone().ok_or_else(|| {
            DriverError::Unsupported(format!(
                "there is no '{name}' in this call (no node, or validation)"
            ))
        })
    }

    /// Counts a call of one of the contract's imports.
    pub(crate) fn count_host_call(&mut self) -> Result<(), Tripped> {
        if self.host_calls >= self.limits.host_calls {
            return Err(Tripped::HostCalls("too many calls of imports"));
        }
        self.host_calls += 1;
        self.package.counters.host_call();
        self.package.pace.take();
        Ok(())
    }

    pub(crate) fn host_calls(&self) -> u32 {
        self.host_calls
    }

    /// Ends the call if the guest has computed for too long.
    pub(crate) fn check_cpu(&self) -> Result<(), Tripped> {
        if self.meter.cpu() > self.limits.cpu {
            return Err(Tripped::Cpu(self.limits.cpu));
        }
        Ok(())
    }

    /// The answer of an import whose capability isn't there. Recorded, and counted as over-reaching unless it would be `allowed`
    /// with all that the package asks for: what an operator withholds is no fault of the package.
    pub(crate) fn denied(
        &self,
        operation: &Operation,
        reason: String,
        allowed: impl Fn(&Granted) -> bool,
    ) -> DriverError {
        let withheld = self.package.granted.asked.as_deref().is_some_and(allowed);
        if !withheld {
            self.context.denied.fetch_add(1, Ordering::Relaxed);
        }
        match self.context.audit.denied(operation) {
            Ok(()) => DriverError::Denied(reason),
            Err(full) => self.unrecorded(full),
        }
    }

    /// Does something to the node's BMC: recorded, on the I/O runtime, for at most `limit`, and to its end even if the
    /// call is cancelled meanwhile.
    pub(crate) async fn operate<T: Answer + Send + 'static>(
        &mut self,
        operation: Operation,
        limit: Duration,
        work: impl Future<Output = Result<T, DriverError>> + Send + 'static,
    ) -> Result<T, DriverError> {
        let audit = Arc::clone(&self.context.audit);
        let until = Instant::now() + limit;
        let caller = Caller::new();
        let is_gone = caller.is_gone();
        let outcome = self
            .on_io_task(async move {
                let record = audit.begin(&operation).await?;
                let left = until.saturating_duration_since(Instant::now());
                let result = within(left, work).await;
                record.end(ended(&result, is_gone()));
                Ok(result)
            })
            .await;
        drop(caller);
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(full)) => Err(self.unrecorded(full)),
            Err(error) => Err(error),
        }
    }

    fn unrecorded(&self, full: NotRecorded) -> DriverError {
        self.meter.unrecorded.store(true, Ordering::Relaxed);
        DriverError::Busy {
            message: full.to_string(),
            retry_after: Some(5),
        }
    }

    /// Runs the host's side of an import on the I/O runtime, for at most the host-call deadline.
    ///
    /// If the call is cancelled meanwhile, what runs there is finished all the same.
    pub(crate) async fn on_io<T: Send + 'static>(
        &mut self,
        limit: Duration,
        work: impl Future<Output = Result<T, DriverError>> + Send + 'static,
    ) -> Result<T, DriverError> {
        self.on_io_task(within(limit, work)).await?
    }

    async fn on_io_task<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, DriverError> {
        let _waiting = Waiting::new(&self.meter);
        self.io.spawn(work).await.map_err(|error| {
            tracing::error!(%error, "the host's side of a driver's import failed");
            DriverError::Failed(
                "the host failed while it served this driver; see its log".to_owned(),
            )
        })
    }

    /// Waits on the I/O runtime's clock. Counts as the guest's own waiting.
    pub(crate) async fn sleep(&mut self, duration: Duration) {
        let sleep = {
            let _io = self.io.enter();
            tokio::time::sleep(duration)
        };
        sleep.await;
    }

    /// Ends the call: what is to be stored with its outcome.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        self.notes.take_writes()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Most calls never use WASI, and making its context costs as much as a small call.
        let ctx = self.wasi.get_or_insert_with(|| Box::new(empty_wasi()));
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

impl wit::Host for State {}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DriverError>>,
) -> Result<T, DriverError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(DriverError::Unreachable(format!(
            "no answer within {:.1} s",
            limit.as_secs_f32()
        )))
    })
}

/// Marks the guest as waiting for the host.
struct Waiting<'a>(&'a Meter);

impl<'a> Waiting<'a> {
    fn new(meter: &'a Meter) -> Self {
        meter.waiting.store(true, Ordering::Relaxed);
        Self(meter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.store(false, Ordering::Relaxed);
    }
}

/// No files, no environment, no arguments, no sockets; input is at its end and output goes nowhere.
fn empty_wasi() -> WasiCtx {
    WasiCtxBuilder::new()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .allow_blocking_current_thread(false)
        .max_random_size(MAX_RANDOM)
        .build()
}
