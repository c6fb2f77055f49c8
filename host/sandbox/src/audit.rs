//! What a driver does to a BMC, or may not do, is seen by somebody who keeps a record.
//!
//! The record has no place for data, answers or messages. What can't be recorded doesn't happen.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;

use crate::capabilities::RedfishMethod;
use crate::error::DriverError;
use crate::imports::ipmi_is_read;

/// Something that a driver asked for, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A capability as a whole.
    Capability(&'static str),
    /// An IPMI command.
    Ipmi {
        /// Network function.
        netfn: u8,
        /// Command.
        command: u8,
    },
    /// A Redfish request.
    Redfish {
        /// HTTP method.
        method: RedfishMethod,
        /// Canonical path, without a query.
        path: String,
    },
    /// One of the operator's commands on a hypervisor, by the name of its template.
    Ssh {
        /// The template's name.
        template: String,
    },
}

impl Operation {
    /// It may change something on the machine. What isn't known to change nothing, may.
    pub fn is_mutating(&self) -> bool {
        match self {
            Self::Capability(_) => false,
            Self::Ipmi { netfn, command } => !ipmi_is_read(*netfn, *command),
            Self::Redfish { method, .. } => *method != RedfishMethod::Get,
            Self::Ssh { .. } => true,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(name) => write!(formatter, "capability {name}"),
            Self::Ipmi { netfn, command } => {
                write!(formatter, "ipmi 0x{netfn:02x} 0x{command:02x}")
            }
            Self::Redfish { method, path } => {
                write!(formatter, "redfish {} {path}", method.as_str())
            }
            Self::Ssh { template } => write!(formatter, "ssh {template}"),
        }
    }
}

/// Records what one call does.
#[async_trait]
pub trait Audit: Send + Sync {
    /// An operation is about to be sent, and is only if this returns well. One that [may change something](Operation::is_mutating)
    /// is recorded by then. Runs on the I/O runtime.
    async fn begin(&self, operation: &Operation) -> Result<Box<dyn OpenRecord>, NotRecorded>;

    /// Something was refused; nothing was sent. Never waits.
    fn denied(&self, operation: &Operation) -> Result<(), NotRecorded>;
}

/// The record of an operation that has begun. Dropped without an end, it says that nobody knows how it ended.
pub trait OpenRecord: Send {
    /// It ended.
    fn end(self: Box<Self>, ended: Ended);
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `ok`, a completion code, or the kind of an error.
    pub outcome: String,
    /// The driver's call was over before.
    pub abandoned: bool,
    /// Equal for equal answers, within this process: tells polls that brought nothing new.
    pub answer: u64,
}

/// The record has no room now, or can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit can't take more now")]
pub struct NotRecorded;

/// No record: for calls that can reach nothing.
pub(crate) struct NoAudit;

#[async_trait]
impl Audit for NoAudit {
    async fn begin(&self, _: &Operation) -> Result<Box<dyn OpenRecord>, NotRecorded> {
        Ok(Box::new(Self))
    }

    fn denied(&self, _: &Operation) -> Result<(), NotRecorded> {
        Ok(())
    }
}

impl OpenRecord for NoAudit {
    fn end(self: Box<Self>, _: Ended) {}
}

/// An answer of a BMC, as far as the record wants to know it.
pub(crate) trait Answer {
    /// What the BMC says went wrong, in its own numbers, if anything.
    fn refusal(&self) -> Option<String>;
    /// What tells it from other answers. Not recorded.
    fn bytes(&self) -> &[u8];
}

/// How an operation with this result ended.
pub(crate) fn ended<T: Answer>(result: &Result<T, DriverError>, abandoned: bool) -> Ended {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let (outcome, bytes): (String, &[u8]) = match result {
        Ok(answer) => {
            let refusal = answer.refusal();
            (refusal.unwrap_or_else(|| "ok".to_owned()), answer.bytes())
        }
        Err(error) => (error.kind().to_owned(), &[]),
    };
    Ended {
        answer: KEY.hash_one((&outcome, bytes)),
        outcome,
        abandoned,
    }
}

/// Held by a driver's call while it waits for an operation: dropped, the call is over.
pub(crate) struct Caller(Arc<AtomicBool>);

impl Caller {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Tells whether the call is over.
    pub(crate) fn is_gone(&self) -> impl Fn() -> bool + Send + use<> {
        let gone = Arc::clone(&self.0);
        move || gone.load(Ordering::Relaxed)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
