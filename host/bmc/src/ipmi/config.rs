//! What an operator can tune about IPMI.

use std::time::Duration;

use crate::AllowedNetworks;

/// Settings of a [`Client`](super::Client). The defaults suit a conductor with thousands of BMCs.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Where BMCs may lie; checked after name resolution, before the first packet.
    pub allowed_networks: AllowedNetworks,
    /// Whether IPMI 1.5 is spoken with targets that want it: nothing is encrypted then. Default false.
    pub allow_v1_5: bool,
    /// Least time between the end of one command and the start of the next on the same BMC. Default 0.
    pub pacing: Duration,
    /// Whether a session stays open for the next command. Default true; a target may turn it off for itself.
    pub warm_sessions: bool,
    /// A warm session without a command for so long is closed. Default 60 s.
    pub idle_timeout: Duration,
    /// A warm session without a packet for so long gets a keep-alive, as BMCs drop sessions after
    /// 60 s of silence (IPMI 2.0 §6.12.15). Default 30 s.
    pub keep_alive: Duration,
    /// How long the first transmission of a packet waits for its answer; each further one waits
    /// twice as long, at most 4 times the first. Default 1 s.
    pub retransmit_after: Duration,
    /// How often a packet is sent before the BMC counts as unreachable. Default 4, at least 1.
    pub transmissions: u32,
    /// The longest that one command may keep its BMC, with the session set up for it: after that nothing
    /// more is sent for it. Default 15 s, which the conductor's fencing relies on: don't raise it.
    pub command_limit: Duration,
    /// Most commands that wait for one BMC; one more is [`Overloaded`](super::IpmiError::Overloaded). Default 32.
    pub max_queued: usize,
    /// Most BMCs that are talked to at the same time, idle warm sessions counted. Default 20,000.
    pub max_bmcs: usize,
    /// Most serial consoles that are open at the same time. Default 64.
    pub max_consoles: usize,
    /// UDP sockets per address family, shared by all BMCs. Default 8, at least 1.
    pub sockets: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            allowed_networks: AllowedNetworks::default(),
            allow_v1_5: false,
            pacing: Duration::ZERO,
            warm_sessions: true,
            idle_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(30),
            retransmit_after: Duration::from_secs(1),
            transmissions: 4,
            command_limit: Duration::from_secs(15),
            max_queued: 32,
            max_bmcs: 20_000,
            max_consoles: 64,
            sockets: 8,
        }
    }
}
