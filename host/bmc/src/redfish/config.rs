//! What an operator can tune about Redfish.

use std::time::Duration;

use crate::AllowedNetworks;

/// Settings of a [`Client`](super::Client). The defaults suit a conductor with thousands of BMCs.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Where BMCs may lie; checked after name resolution, before the first packet.
    pub allowed_networks: AllowedNetworks,
    /// Least time between two requests to the same BMC. Default 0.
    pub pacing: Duration,
    /// Most requests that one BMC is sent at a time, whoever sends them. Default 4, at least 1.
    pub concurrency: usize,
    /// A service without a request for so long is logged out of and disconnected from. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a BMC may take to accept a connection, its TLS handshake included. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a BMC may stay silent while an answer is waited for. Default 12 s.
    pub read_timeout: Duration,
    /// The longest that one command may keep its BMC, with logging in, retries and pauses: after that nothing more
    /// is sent for it. Default 15 s, which the conductor's fencing relies on: don't raise it.
    pub command_limit: Duration,
    /// How often a read is sent before the BMC counts as unreachable or busy. Default 3, at least 1.
    pub attempts: u32,
    /// The pause before a read is sent again; doubled each time. Default 250 ms.
    pub backoff: Duration,
    /// The largest answer, in bytes. Default 2 MiB.
    pub max_answer: usize,
    /// Most requests that wait for one service; one more is [`Overloaded`](super::RedfishError::Overloaded). Default 64:
    /// a service may hold many systems.
    pub max_queued: usize,
    /// Most services that are talked to at the same time, idle ones counted. Default 20,000.
    pub max_services: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            allowed_networks: AllowedNetworks::default(),
            pacing: Duration::ZERO,
            concurrency: 4,
            idle_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(12),
            command_limit: Duration::from_secs(15),
            attempts: 3,
            backoff: Duration::from_millis(250),
            max_answer: 2 * 1024 * 1024,
            max_queued: 64,
            max_services: 20_000,
        }
    }
}
