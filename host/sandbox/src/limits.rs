//! What a call may use, and the guard that the engine asks.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::usage::Counters;

/// Bounds on the calls of a package. Those without "of the package" hold for each call alone.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Linear memory of one instance, in bytes. Default 24 MiB: handing memory out and clearing it away holds up the guests'
    /// workers for about a millisecond per MiB, and a driver that takes all it can get must not be felt by others.
    pub memory: usize,
    /// Entries of one table. Default 20,000.
    pub table_elements: usize,
    /// Core instances in one component. Default 32: a Rust driver has 3, one in Python 20.
    pub instances: u32,
    /// Linear memories in one component. Default 2: drivers have one. Each takes address space for as many calls as there may be.
    pub memories: u32,
    /// Tables in one component. Default 4: a Rust driver has 2.
    pub tables: u32,
    /// Time in which the guest may compute; waiting doesn't count. Default 5 s.
    pub cpu: Duration,
    /// Wall-clock time of a call that doesn't ask for another. Default 60 s.
    pub default_deadline: Duration,
    /// Longest wall-clock time that a call may ask for. Default 300 s.
    pub max_deadline: Duration,
    /// Calls of the package that run or wait inside of it at a time. Default: half of all that there may be.
    pub live_calls: Option<NonZeroUsize>,
    /// Calls of the contract's imports. Default 10,000.
    pub host_calls: u32,
    /// Calls of the contract's imports in one second, of the package as a whole; over it the package waits. A second's calls may come
    /// at once. Default 50,000; 0 for no bound. A power poll takes about 5, so that this is enough for 10,000 polls a second.
    pub host_calls_per_second: u32,
    /// Data that one import call may carry in, or an export return, in bytes. Default 4 MiB.
    pub transfer: usize,
    /// Longest that one import call may take (`clock.sleep` excepted). Default 15 s: fencing relies on it.
    pub host_call_deadline: Duration,
    /// Log lines of one package in one second; more are dropped and counted. Default 200.
    pub log_lines_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 24 * 1024 * 1024,
            table_elements: 20_000,
            instances: 32,
            memories: 2,
            tables: 4,
            cpu: Duration::from_secs(5),
            default_deadline: Duration::from_secs(60),
            max_deadline: Duration::from_secs(300),
            live_calls: None,
            host_calls: 10_000,
            host_calls_per_second: 50_000,
            transfer: 4 * 1024 * 1024,
            host_call_deadline: Duration::from_secs(15),
            log_lines_per_second: 200,
        }
    }
}

/// A bound that was reached. Travels through the engine as an error, and ends the call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Tripped {
    #[error("CPU limit of {0:?}")]
    Cpu(Duration),
    #[error("{0}")]
    HostCalls(&'static str),
}

/// Counts the memory of one store, and refuses what is over the bound.
pub(crate) struct StoreLimiter {
    memory_limit: usize,
    table_limit: usize,
    instances: usize,
    memories: usize,
    tables: usize,
    memory: usize,
    counters: Arc<Counters>,
    /// Growth was refused: a crash that follows is for want of memory.
    refused: bool,
}

impl StoreLimiter {
    pub(crate) fn new(limits: &Limits, counters: Arc<Counters>) -> Self {
        Self {
            memory_limit: limits.memory,
            table_limit: limits.table_elements,
            instances: limits.instances as usize,
            memories: limits.memories as usize,
            tables: limits.tables as usize,
            memory: 0,
            counters,
            refused: false,
        }
    }

    /// Bytes of linear memory, all of the store's memories together. They never shrink.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// The limit, if something was refused because of it.
    pub(crate) fn refused(&self) -> Option<usize> {
        self.refused.then_some(self.memory_limit)
    }
}

impl ResourceLimiter for StoreLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The bound is on the sum: a component could have many small memories.
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        if total > self.memory_limit {
            self.refused = true;
            return Ok(false);
        }
        self.memory = total;
        self.counters.memory(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_limit {
            self.refused = true;
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
