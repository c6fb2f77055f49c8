//! What a BMC does when it is told to: one file per network function.

mod app;
mod chassis;
mod opening;
mod sensor;
mod storage;

use std::{net::SocketAddr, time::Duration};

use crate::{
    Command,
    bmc::{BmcConfig, State},
};

const INVALID_COMMAND: u8 = 0xc1;
pub(crate) const DATA_TOO_SHORT: u8 = 0xc7;
const INVALID_FIELD: u8 = 0xcc;
const NOT_PRESENT: u8 = 0xcb;
const INSUFFICIENT_PRIVILEGE: u8 = 0xd4;

const USER: u8 = 2;
const OPERATOR: u8 = 3;
const ADMINISTRATOR: u8 = 4;

/// Data of a command carried out, or the completion code of one refused.
pub(crate) type Outcome = Result<Done, u8>;

/// A command carried out.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) data: Vec<u8>,
    pub(crate) after: After,
}

/// What happens once the answer has left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum After {
    #[default]
    Nothing,
    Close(u32),
    /// Another message of the BMC's.
    Say(Vec<u8>),
    Reboot(Duration),
}

/// Where a command came from.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a BmcConfig,
    /// The BMC's id of the session; none outside of sessions.
    pub(crate) session: Option<u32>,
    /// From where.
    pub(crate) peer: SocketAddr,
    /// Cipher suites that the BMC offers.
    pub(crate) suites: &'a [u8],
}

/// Carries out a command.
pub(crate) fn execute(
    state: &mut State,
    context: &Context<'_>,
    command: Command,
    data: &[u8],
) -> Outcome {
    let privilege = context
        .session
        .and_then(|id| state.sessions.active(id))
        .map_or(0, |session| session.privilege);
    if privilege < needed(command) {
        return Err(INSUFFICIENT_PRIVILEGE);
    }
    match command.netfn {
        0x00 => chassis::execute(state, command.number, data),
        0x04 => sensor::execute(state, command.number, data),
        0x06 => app::execute(state, context, command.number, data),
        0x0a => storage::execute(state, command.number, data),
        _ => Err(INVALID_COMMAND),
    }
}

/// The least privilege for a command (IPMI 2.0 appendix G).
fn needed(command: Command) -> u8 {
    match (command.netfn, command.number) {
        // Get System GUID, Get Channel Authentication Capabilities, Get Session Challenge, Activate Session, Get Channel Cipher
        // Suites.
        (0x06, 0x37..=0x3a | 0x54) => 0,
        (0x00, 0x02 | 0x04 | 0x06 | 0x08 | 0x09) => OPERATOR,
        (0x06, 0x02 | 0x03) => ADMINISTRATOR,
        _ => USER,
    }
}

impl From<Vec<u8>> for Done {
    fn from(data: Vec<u8>) -> Self {
        Self {
            data,
            after: After::Nothing,
        }
    }
}

fn done(data: impl Into<Vec<u8>>) -> Outcome {
    Ok(data.into().into())
}
