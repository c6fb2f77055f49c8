//! The engine: wasmtime, the guest runtime, and the bounds on all calls together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::admission::Room;
use crate::bindings::Everything;
use crate::compile::Compiler;
use crate::limits::Limits;
use crate::state::State;
use crate::ticker::Ticker;
use crate::usage::Book;

/// Bytes of native stack for a guest and the imports that it calls; the rest is the host's.
const WASM_STACK: usize = 256 * 1024;
const CALL_STACK: usize = 1024 * 1024;
/// Room for the engine's own record of one component instance.
const INSTANCE_RECORD: usize = 1024 * 1024;

/// Settings of the sandbox.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Most calls that run or wait inside of a driver at a time, on this process. Default 1,000.
    pub max_live_calls: u32,
    /// Most calls of one package that wait for one of these to end. Default 4,096.
    pub max_queued_calls: usize,
    /// How long a call waits for that before it fails as overloaded. Default 10 s.
    pub queue_timeout: Duration,
    /// Most guests of one package that compute at a time. Default: twice the guest runtime's workers.
    pub max_runnable_per_package: Option<NonZeroUsize>,
    /// Where compiled code is kept, with access for this user only; `None` compiles anew at every start.
    pub cache_folder: Option<PathBuf>,
    /// Bounds on every call.
    pub limits: Limits,
    /// Bounds on the calls of single packages instead, by the package's name.
    pub limits_of: BTreeMap<String, Limits>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_live_calls: 1_000,
            max_queued_calls: 4_096,
            queue_timeout: Duration::from_secs(10),
            max_runnable_per_package: None,
            cache_folder: None,
            limits: Limits::default(),
            limits_of: BTreeMap::new(),
        }
    }
}

/// Why the sandbox can't start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refuses the configuration, or the machine.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// A thread or runtime can't be made.
    #[error("the sandbox's threads can't start")]
    Threads(#[source] std::io::Error),
    /// The cache folder can't be used.
    #[error("the folder for compiled drivers, {}, can't be used", folder.display())]
    Cache {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Compiles and runs drivers. One for a process; clones share everything.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) ticker: Arc<Ticker>,
    limits: Arc<Limits>,
    limits_of: BTreeMap<String, Arc<Limits>>,
    pub(crate) book: Book,
    pub(crate) io: Handle,
    pub(crate) guests: Handle,
    pub(crate) compiler: Compiler,
    pub(crate) runnable_per_package: usize,
    pub(crate) room: Room,
    max_live: usize,
    pub(crate) max_queued: usize,
    pub(crate) queue_timeout: Duration,
    /// Only there to be shut down.
    runtime: Option<Runtime>,
}

impl Engine {
    /// Starts the sandbox. `io` is the runtime on which everything happens that isn't guest code.
    pub fn new(config: EngineConfig, io: Handle) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(&wasmtime_config(&config)?).map_err(engine_error)?;
        let ticker = Ticker::start(wasmtime.weak()).map_err(EngineError::Threads)?;
        let workers = std::thread::available_parallelism()
            .map_or(1, |cores| cores.get().saturating_sub(1).max(1));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("guest")
            // A turn is 1 ms: what comes from outside is looked at after each of them.
            .event_interval(1)
            .global_queue_interval(1)
            // For WASI's own clock only; whatever the host waits for is on the I/O runtime.
            .enable_time()
            .build()
            .map_err(EngineError::Threads)?;
        let mut linker = Linker::new(&wasmtime);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(engine_error)?;
        Everything::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)
            .map_err(engine_error)?;
        Ok(Self {
            inner: Arc::new(Inner {
                linker,
                ticker: Arc::new(ticker),
                limits: Arc::new(config.limits),
                limits_of: config
                    .limits_of
                    .into_iter()
                    .map(|(name, limits)| (name, Arc::new(limits)))
                    .collect(),
                book: Book::default(),
                io,
                guests: runtime.handle().clone(),
                compiler: Compiler::start().map_err(EngineError::Threads)?,
                runnable_per_package: config
                    .max_runnable_per_package
                    .map_or(2 * workers, NonZeroUsize::get),
                room: Room::new(config.max_live_calls as usize, config.max_queued_calls),
                max_live: config.max_live_calls as usize,
                max_queued: config.max_queued_calls,
                queue_timeout: config.queue_timeout,
                runtime: Some(runtime),
                wasmtime,
            }),
        })
    }

    /// The bounds on every call of packages that have none of their own.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Calls that could begin now without waiting.
    pub fn free_calls(&self) -> usize {
        self.inner.room.free()
    }
}

impl Inner {
    /// The bounds on calls of the package of this name.
    pub(crate) fn limits_of(&self, package: &str) -> Arc<Limits> {
        Arc::clone(self.limits_of.get(package).unwrap_or(&self.limits))
    }

    /// Whether the operator gave this package bounds of its own.
    pub(crate) fn has_limits_of(&self, package: &str) -> bool {
        self.limits_of.contains_key(package)
    }

    /// How many calls of a package with these bounds there may be at a time.
    pub(crate) fn live_calls(&self, limits: &Limits) -> usize {
        limits.live_calls.map_or_else(
            || (self.max_live / 2).max(1),
            |own| own.get().min(self.max_live.max(1)),
        )
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // May happen on an asynchronous task, where waiting for threads isn't allowed.
            runtime.shutdown_background();
        }
    }
}

fn wasmtime_config(config: &EngineConfig) -> Result<Config, EngineError> {
    let mut settings = Config::new();
    settings
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(CALL_STACK)
        // Compilation has one thread of low priority.
        .parallel_compilation(false)
        // A memory that can grow over its bound would only take address space.
        .memory_may_move(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    if let Some(folder) = &config.cache_folder {
        settings.cache(Some(open_cache(folder)?));
    }
    Ok(settings)
}

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let calls = config.max_live_calls.max(1);
    let all = || config.limits_of.values().chain([&config.limits]);
    let most = |of: fn(&Limits) -> u32| all().map(of).max().unwrap_or(1);
    let most_of = |of: fn(&Limits) -> usize| all().map(of).max().unwrap_or(1);
    let (instances, memories, tables) = (
        most(|limits| limits.instances),
        most(|limits| limits.memories),
        most(|limits| limits.tables),
    );
    let mut pool = PoolingAllocationConfig::new();
    // Enough for as many calls as are admitted if each takes all that it may: one package can't use up what others need.
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(instances))
        .total_memories(calls.saturating_mul(memories))
        .total_tables(calls.saturating_mul(tables))
        .total_stacks(calls)
        .max_component_instance_size(INSTANCE_RECORD)
        .max_core_instance_size(INSTANCE_RECORD)
        .max_core_instances_per_component(instances)
        .max_memories_per_component(memories)
        .max_tables_per_component(tables)
        .max_memory_size(most_of(|limits| limits.memory))
        .table_elements(most_of(|limits| limits.table_elements))
        // Small guests come and go: setting the pages that they wrote to zero is cheaper than giving them back.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(256 * 1024)
        .table_keep_resident(16 * 1024);
    pool
}

/// Opens the cache of compiled code. What lies there is run as it is, so nobody else may write to it.
fn open_cache(folder: &Path) -> Result<Cache, EngineError> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

    let failed = |source| EngineError::Cache {
        folder: folder.to_owned(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    let mut cache = CacheConfig::new();
    cache.with_directory(folder);
    Cache::new(cache).map_err(engine_error)
}

fn engine_error(error: wasmtime::Error) -> EngineError {
    EngineError::Engine(format!("{error:#}"))
}
