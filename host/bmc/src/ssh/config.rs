//! What an operator can tune about SSH.

use std::time::Duration;

use super::{KnownHosts, Templates};
use crate::AllowedNetworks;

/// Settings of a [`Client`](super::Client).
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Where hypervisors may lie; checked after name resolution, before the first packet.
    pub allowed_networks: AllowedNetworks,
    /// The commands that may be run.
    pub templates: Templates,
    /// The host keys of hypervisors for which a node pins none. Default none: then every node must pin its own.
    pub known_hosts: Option<KnownHosts>,
    /// Least time between two commands to the same hypervisor. Default 0.
    pub pacing: Duration,
    /// Most commands that run on one hypervisor at a time, whoever's. Default 4, at least 1; OpenSSH allows 10 per connection.
    pub concurrency: usize,
    /// A hypervisor without a command for so long is disconnected from. Default 60 s.
    pub idle_timeout: Duration,
    /// How long connecting may take, with the check of the host key and the login. Default 8 s.
    pub connect_timeout: Duration,
    /// The longest that one command may take, with connecting: after that nothing more is sent for it. Default 15 s, which the
    /// conductor's fencing relies on: don't raise it.
    pub command_limit: Duration,
    /// Most that a command may write, in bytes. Default 256 KiB.
    pub max_stdout: usize,
    /// Most that a command may complain, in bytes. Default 64 KiB.
    pub max_stderr: usize,
    /// Most commands that wait for one hypervisor and user; one more is [`Overloaded`](super::SshError::Overloaded). Default 256:
    /// a hypervisor has many machines.
    pub max_queued: usize,
    /// Most connections at the same time, idle ones counted. Default 1,000.
    pub max_connections: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            allowed_networks: AllowedNetworks::default(),
            templates: Templates::default(),
            known_hosts: None,
            pacing: Duration::ZERO,
            concurrency: 4,
            idle_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(8),
            command_limit: Duration::from_secs(15),
            max_stdout: 256 * 1024,
            max_stderr: 64 * 1024,
            max_queued: 256,
            max_connections: 1_000,
        }
    }
}
