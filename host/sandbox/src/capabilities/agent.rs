//! The agent: what the sandbox needs of whoever talks to it.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::error::DriverError;

/// The way to the agent that runs on one node. Address, TLS certificate and token are the implementor's.
///
/// All methods run on the I/O runtime, and to their end even if the driver's call is cancelled meanwhile; none takes longer than
/// `deadline`.
#[async_trait]
pub trait AgentAccess: Send + Sync {
    /// The last heartbeat since the ramdisk was started. Asks nobody.
    async fn last_heartbeat(
        &self,
        deadline: Duration,
    ) -> Result<Option<AgentHeartbeat>, DriverError>;

    /// Gives the agent a command, waits for its end for up to `wait`, and says how far it is then. `params` is an object and may
    /// hold secrets.
    async fn run(
        &self,
        name: &str,
        params: Value,
        wait: Duration,
        deadline: Duration,
    ) -> Result<AgentCommand, DriverError>;

    /// A command, after waiting for its end for up to `wait`.
    async fn get_command(
        &self,
        id: &str,
        wait: Duration,
        deadline: Duration,
    ) -> Result<AgentCommand, DriverError>;

    /// All commands since the agent was started, the oldest first.
    async fn list_commands(&self, deadline: Duration) -> Result<Vec<AgentCommand>, DriverError>;
}

/// An agent's sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentHeartbeat {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub at: u64,
    /// The agent's version.
    pub version: String,
}

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentStatus {
    /// It goes on.
    Running,
    /// It did what it was asked to.
    Succeeded,
    /// It failed.
    Failed,
    /// It was made for other steps than the agent has.
    VersionMismatch,
}

/// A command that the agent was given.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentCommand {
    /// The agent's identifier of it.
    pub id: String,
    /// Its name, without the extension.
    pub name: String,
    /// How far it is.
    pub status: AgentStatus,
    /// What it returned.
    pub result: Option<Value>,
    /// Why it failed: the agent's word for it, and a message.
    pub error: Option<(String, String)>,
}
