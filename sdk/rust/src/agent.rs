//! Commands to the agent that runs on this node, in a ramdisk (capability `agent`).
//!
//! Its address, TLS certificate and token are the host's. The agent runs one command at a time.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, bindings::imports::ironbark::driver::agent};

pub use agent::{Command, CommandError, CommandStatus, Heartbeat};

/// The last heartbeat; `None` if none came since the ramdisk was started.
///
/// # Errors
/// What the host returns.
pub fn last_heartbeat() -> Result<Option<Heartbeat>> {
    agent::last_heartbeat()
}

/// Gives the agent a command, waits for its end for up to `wait` (10 s at most), and says how far it is then. `name` is
/// `<extension>.<command>`.
///
/// # Errors
/// What the host returns: `busy` if another command is running, `unreachable` without an agent.
pub fn run<T: Serialize + ?Sized>(name: &str, params: &T, wait: Duration) -> Result<Command> {
    agent::run(name, &serde_json::to_string(params)?, seconds(wait))
}

/// A command, after waiting for its end for up to `wait` (10 s at most).
///
/// # Errors
/// What the host returns.
pub fn get_command(id: &str, wait: Duration) -> Result<Command> {
    agent::get_command(id, seconds(wait))
}

/// All commands since the agent was started, the oldest first.
///
/// # Errors
/// What the host returns.
pub fn list_commands() -> Result<Vec<Command>> {
    agent::list_commands()
}

impl Command {
    /// What a command that succeeded returned; `None` while it goes on.
    ///
    /// # Errors
    /// `failed` with the agent's message if it failed; `protocol` if the result is not a `T`.
    pub fn result<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        match self.status {
            CommandStatus::Running => Ok(None),
            CommandStatus::Succeeded => {
                serde_json::from_str(self.command_result.as_deref().unwrap_or("null"))
                    .map(Some)
                    .map_err(|error| {
                        Error::protocol(format!(
                            "the result of '{}' can't be read: {error}",
                            self.name
                        ))
                    })
            }
            CommandStatus::Failed | CommandStatus::VersionMismatch => {
                let said = self
                    .command_error
                    .as_ref()
                    .map(|error| error.message.as_str());
                Err(Error::failed(format!(
                    "the agent's command '{}' failed: {}",
                    self.name,
                    said.unwrap_or("its steps have changed")
                )))
            }
        }
    }
}

fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs()).unwrap_or(u32::MAX)
}
