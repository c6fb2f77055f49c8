//! What a call is given, what it may reach, and what it leaves behind.
//!
//! What a capability needs of the service is a small trait, one file each: conductors implement them.

mod agent;
mod boot_media;
mod ipmi;
mod redfish;
mod ssh;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use ironbark_model::Secret;
use serde_json::Value;

use crate::error::DriverError;
use crate::types::Lock;

pub use agent::{AgentAccess, AgentCommand, AgentHeartbeat, AgentStatus};
pub use boot_media::{
    BootImage, BootLoader, BootMediaAccess, BootMedium, BootParameter, BootPurpose,
};
pub use ipmi::{IpmiAccess, IpmiResponse};
pub use redfish::{
    MAX_REDFISH_ANSWER, RedfishAccess, RedfishMethod, RedfishRequest, RedfishResources,
    RedfishResponse,
};
pub use ssh::{MAX_SSH_STDERR, MAX_SSH_STDOUT, SshAccess, SshOutput};

/// A change to what a package remembers of a node: a key, and its new value as JSON text, or `None` if it is forgotten.
pub type Write = (String, Option<Arc<str>>);

/// What one package remembers of one node.
#[async_trait]
pub trait StateAccess: Send + Sync {
    /// All of it, values as JSON text.
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError>;

    /// Stores the running step's cursor and these writes at once, in one transaction.
    async fn checkpoint(&self, cursor: Value, writes: Vec<Write>) -> Result<(), DriverError>;
}

/// What a call may reach. What isn't there, or wasn't granted to the package, answers `denied`.
#[derive(Clone, Default)]
pub struct Capabilities {
    /// The node's BMC over IPMI.
    pub ipmi: Option<Arc<dyn IpmiAccess>>,
    /// The Redfish service that manages the node.
    pub redfish: Option<Arc<dyn RedfishAccess>>,
    /// The node's hypervisor.
    pub ssh: Option<Arc<dyn SshAccess>>,
    /// The agent that runs on the node.
    pub agent: Option<Arc<dyn AgentAccess>>,
    /// What the node boots from.
    pub boot_media: Option<Arc<dyn BootMediaAccess>>,
    /// The package's notes on the node.
    pub state: Option<Arc<dyn StateAccess>>,
}

/// One call: about what, for whom, for how long, with what.
#[derive(Clone)]
pub struct CallContext {
    /// The masked node document, JSON; `None` for calls that have no node.
    pub node: Option<Arc<str>>,
    /// How log lines name the node: name or UUID; empty without a node.
    pub node_label: Arc<str>,
    /// `req-…`
    pub request_id: Arc<str>,
    /// How long the call may take; zero means the default. Never longer than [`Limits::max_deadline`](crate::Limits).
    pub deadline: Duration,
    /// How the node is held.
    pub lock: Lock,
    /// What the call may reach.
    pub capabilities: Capabilities,
    /// Values that are removed from the driver's messages and log lines, and from answers that it gets.
    pub secrets: Arc<[Secret]>,
    /// Counts how often the call was refused a capability. The caller's, so that it can be read however the call ends.
    pub denied: Arc<AtomicU64>,
    /// What `{"$secret": "ref"}` stands for in what the driver sends.
    pub secret_refs: Arc<BTreeMap<String, Secret>>,
}

impl CallContext {
    /// A call without a node, without capabilities, with the default deadline.
    pub fn without_node(request_id: impl Into<Arc<str>>) -> Self {
        Self {
            node: None,
            node_label: "".into(),
            request_id: request_id.into(),
            deadline: Duration::ZERO,
            lock: Lock::Shared,
            capabilities: Capabilities::default(),
            secrets: Arc::new([]),
            denied: Arc::default(),
            secret_refs: Arc::default(),
        }
    }
}

/// What a call that went well leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed<T> {
    /// What it returned.
    pub value: T,
    /// What it wrote through `state` and didn't checkpoint: to be committed together with the outcome.
    pub writes: Vec<Write>,
    /// What it cost.
    pub usage: Usage,
}

impl<T> Completed<T> {
    /// A value that cost nothing: from an implementation of the host's own.
    pub fn free(value: T) -> Self {
        Self {
            value,
            writes: Vec::new(),
            usage: Usage::default(),
        }
    }

    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Completed<U> {
        Completed {
            value: change(self.value),
            writes: self.writes,
            usage: self.usage,
        }
    }
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time in which the guest ran, what the imports themselves did included; waiting not.
    pub cpu: Duration,
    /// From the start of the call to its end, waiting included.
    pub wall: Duration,
    /// Calls of the contract's imports.
    pub host_calls: u32,
    /// Most linear memory that the instance had, in bytes.
    pub memory: usize,
}
