//! The contract's types as the rest of the service sees them.

use ironbark_model::PowerState;
use serde_json::Value;

/// How the node is held during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Others may call at the same time; `state` can't be written.
    Shared,
    /// This call alone may change the node.
    Exclusive,
}

/// What a driver says about a machine's power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PowerReading {
    /// It has power.
    On,
    /// It has no power.
    Off,
    /// The machine reports a power fault.
    Error,
    /// Not known, and why. Never "off".
    Unknown(String),
}

impl PowerReading {
    /// The state to record; `None` if it isn't known.
    pub fn state(&self) -> Option<PowerState> {
        match self {
            Self::On => Some(PowerState::On),
            Self::Off => Some(PowerState::Off),
            Self::Error => Some(PowerState::Error),
            Self::Unknown(_) => None,
        }
    }
}

/// What a machine boots from next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootDevice {
    /// `pxe`, `disk`, …; `None` if it isn't known.
    pub device: Option<String>,
    /// Holds for every boot; `None` if it isn't known.
    pub persistent: Option<bool>,
}

/// How a piece of work ended that may take longer than one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It goes on outside: store the cursor, and call again.
    Wait(Wait),
}

/// What a piece of work waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// When to call again.
    pub on: WaitOn,
    /// After how many seconds from now the work has failed: 1 to 86,400.
    pub deadline: u32,
    /// What the next call needs to know: at most 64 KiB of JSON.
    pub cursor: Value,
    /// What an operator may want to read meanwhile.
    pub message: Option<String>,
}

/// When to call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOn {
    /// At the agent's next heartbeat.
    Agent,
    /// After so many seconds: 1 to 3,600.
    PollAfter(u32),
    /// After an event from outside.
    External,
}
