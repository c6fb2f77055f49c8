//! What a package version has used, of all its calls together, since this process first loaded it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::driver::PackageName;

/// What a package version has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageUsage {
    /// Calls that run or wait inside of it now.
    pub live_calls: usize,
    /// Calls that found no place in time.
    pub refused: u64,
    /// Time in which it computed.
    pub cpu: Duration,
    /// Most memory that one instance had, in bytes.
    pub peak_memory: usize,
    /// Calls of the contract's imports.
    pub host_calls: u64,
    /// Time in which calls waited because the package calls the host too often.
    pub throttled: Duration,
    /// Log lines that were dropped because there were too many.
    pub log_lines_dropped: u64,
}

/// Counts as it happens.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    refused: AtomicU64,
    cpu_nanoseconds: AtomicU64,
    peak_memory: AtomicUsize,
    host_calls: AtomicU64,
    throttled_nanoseconds: AtomicU64,
    log_lines_dropped: AtomicU64,
}

impl Counters {
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn computed(&self, duration: Duration) {
        add(&self.cpu_nanoseconds, duration);
    }

    pub(crate) fn memory(&self, bytes: usize) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn host_call(&self) {
        self.host_calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttled(&self, duration: Duration) {
        add(&self.throttled_nanoseconds, duration);
    }

    pub(crate) fn log_line_dropped(&self) {
        self.log_lines_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, live_calls: usize) -> PackageUsage {
        let duration =
            |nanoseconds: &AtomicU64| Duration::from_nanos(nanoseconds.load(Ordering::Relaxed));
        PackageUsage {
            live_calls,
            refused: self.refused.load(Ordering::Relaxed),
            cpu: duration(&self.cpu_nanoseconds),
            peak_memory: self.peak_memory.load(Ordering::Relaxed),
            host_calls: self.host_calls.load(Ordering::Relaxed),
            throttled: duration(&self.throttled_nanoseconds),
            log_lines_dropped: self.log_lines_dropped.load(Ordering::Relaxed),
        }
    }
}

fn add(total: &AtomicU64, duration: Duration) {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    total.fetch_add(nanoseconds, Ordering::Relaxed);
}

type NameAndVersion = (Arc<str>, Arc<str>);

/// The counters of all versions that are loaded: one that is loaded anew, with other grants, counts on.
#[derive(Debug, Default)]
pub(crate) struct Book {
    counters: Mutex<HashMap<NameAndVersion, Weak<Counters>>>,
}

impl Book {
    pub(crate) fn of(&self, package: &PackageName) -> Arc<Counters> {
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, counters| counters.strong_count() > 0);
        let key = (Arc::clone(&package.name), Arc::clone(&package.version));
        if let Some(counters) = all.get(&key).and_then(Weak::upgrade) {
            return counters;
        }
        let counters = Arc::new(Counters::default());
        all.insert(key, Arc::downgrade(&counters));
        counters
    }
}
