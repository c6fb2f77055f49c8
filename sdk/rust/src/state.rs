//! What the package remembers of this node (capability `state`).
//!
//! Values are whatever serde can write as JSON, at most 64 KiB each. Writes need an exclusive lock, and last only if the call
//! returns well.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, bindings::imports::ironbark::driver::state};

/// The value under `key`; `None` if there is none. Sees what this call wrote.
///
/// # Errors
/// What the host returns; `other` with code `state` if the value is not a `T`.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    let Some(json) = state::get(key)? else {
        return Ok(None);
    };
    serde_json::from_str(&json)
        .map(Some)
        .map_err(|error| Error::other("state", format!("the note '{key}' can't be read: {error}")))
}

/// Sets the value under `key` (1 to 255 bytes).
///
/// # Errors
/// What the host returns, `denied` without an exclusive lock or the capability.
pub fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<()> {
    state::set(key, &serde_json::to_string(value)?)
}

/// Forgets `key`. No error if there is none.
///
/// # Errors
/// What the host returns.
pub fn delete(key: &str) -> Result<()> {
    state::delete(key)
}

/// All keys, sorted.
///
/// # Errors
/// What the host returns.
pub fn keys() -> Result<Vec<String>> {
    state::keys()
}

/// Stores the cursor of the step that is running, and what was written so far, at once: after an interruption a step that
/// declares `"on_interrupt": "resume"` is called with it.
///
/// # Errors
/// What the host returns, `denied` outside a step.
pub fn checkpoint<T: Serialize + ?Sized>(cursor: &T) -> Result<()> {
    state::checkpoint(&serde_json::to_string(cursor)?)
}
