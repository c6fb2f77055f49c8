//! Locks that a panic elsewhere can't spoil.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing here panics while it holds a lock, so a poisoned one is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
