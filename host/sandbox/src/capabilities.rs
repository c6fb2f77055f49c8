//! What a call is given, what it may reach, and what it leaves behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ironbark_model::Secret;
use serde_json::Value;

use crate::audit::{Answer, Audit, NoAudit};
use crate::error::DriverError;
use crate::types::Lock;

/// A change to what a package remembers of a node: a key, and its new value or `None` if it is forgotten.
pub type Write = (String, Option<Value>);

/// The way to one node's BMC over IPMI. Address, credentials and session are the implementor's.
#[async_trait]
pub trait IpmiAccess: Send + Sync {
    /// Sends one command and waits for its answer, for at most `deadline`.
    ///
    /// Runs on the I/O runtime, and to its end even if the driver's call is cancelled meanwhile. `netfn` is even, 0 to 62,
    /// `lun` 0 to 3, `data` at most 1,024 bytes; the commands were checked against the grants.
    async fn request(
        &self,
        netfn: u8,
        lun: u8,
        command: u8,
        data: Vec<u8>,
        deadline: Duration,
    ) -> Result<IpmiResponse, DriverError>;
}

/// A BMC's answer to one IPMI command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpmiResponse {
    /// 0 is success (IPMI 2.0, section 5.2).
    pub completion_code: u8,
    /// What follows the completion code.
    pub data: Vec<u8>,
}

impl Answer for IpmiResponse {
    fn outcome(&self) -> String {
        match self.completion_code {
            0 => "ok".to_owned(),
            code => format!("0x{code:02x}"),
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.data
    }
}

/// What one package remembers of one node.
#[async_trait]
pub trait StateAccess: Send + Sync {
    /// All of it.
    async fn load(&self) -> Result<BTreeMap<String, Value>, DriverError>;

    /// Stores the running step's cursor and these writes at once, in one transaction.
    async fn checkpoint(&self, cursor: Value, writes: Vec<Write>) -> Result<(), DriverError>;
}

/// What a call may reach. What isn't there, or wasn't granted to the package, answers `denied`.
#[derive(Clone, Default)]
pub struct Capabilities {
    /// The node's BMC.
    pub ipmi: Option<Arc<dyn IpmiAccess>>,
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
    /// Who records what the call does to a BMC.
    pub audit: Arc<dyn Audit>,
    /// Values that are removed from the driver's messages and log lines.
    pub secrets: Arc<[Secret]>,
}

impl CallContext {
    /// A call without a node, without capabilities and therefore without a record, with the default deadline.
    pub fn without_node(request_id: impl Into<Arc<str>>) -> Self {
        Self {
            node: None,
            node_label: "".into(),
            request_id: request_id.into(),
            deadline: Duration::ZERO,
            lock: Lock::Shared,
            capabilities: Capabilities::default(),
            audit: Arc::new(NoAudit),
            secrets: Arc::new([]),
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
    /// How often a capability was refused.
    pub denied: u64,
    /// Most linear memory that the instance had, in bytes.
    pub memory: usize,
}
