//! The client: finds or starts the actor of a BMC, and waits for its answer.

use std::time::Duration;

use super::{ClientConfig, IpmiError, Request, Response, Target};

/// Sends IPMI commands to any number of BMCs. Clones share their sessions.
#[derive(Debug, Clone)]
pub struct Client {
    config: ClientConfig,
}

impl Client {
    /// Makes a client whose sockets, sessions and timers live on the current runtime.
    pub fn new(config: ClientConfig) -> Self {
        Self { config }
    }

    /// Sends one command and waits for its answer.
    pub async fn request(
        &self,
        target: &Target,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, IpmiError> {
        let _ = (&self.config, target, request, deadline);
        Err(IpmiError::ShuttingDown)
    }

    /// Closes every session with this target's BMC.
    pub fn forget(&self, target: &Target) {
        let _ = target;
    }

    /// Refuses new commands and closes every session, for at most `within`.
    pub async fn shutdown(&self, within: Duration) {
        let _ = within;
    }
}
