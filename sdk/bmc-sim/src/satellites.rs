//! Controllers behind a BMC, which it passes messages on to (IPMI 2.0 §6.13, §22.7).

use std::mem;

use crate::{
    Command,
    bmc::State,
    commands::{self, After, Context, DATA_TOO_SHORT, Done, Outcome},
    machine::Machine,
    wire,
};

/// Send Message: nobody took it.
const NOT_ACKNOWLEDGED: u8 = 0x83;

/// A controller behind a BMC, or behind another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Satellite {
    /// The channel of the controller before it.
    pub channel: u8,
    /// Its slave address on that channel: even.
    pub address: u8,
    /// Those behind it.
    pub behind: Vec<Satellite>,
}

/// The same with the machine that it controls.
pub(crate) struct Controller {
    channel: u8,
    address: u8,
    pub(crate) machine: Machine,
    pub(crate) behind: Vec<Controller>,
}

impl Controller {
    pub(crate) fn new(satellite: &Satellite) -> Self {
        Self {
            channel: satellite.channel,
            address: satellite.address,
            machine: Machine::new(false),
            behind: satellite.behind.iter().map(Self::new).collect(),
        }
    }

    /// The machine at the end of a way of channels and addresses.
    pub(crate) fn find<'a>(all: &'a [Self], way: &[(u8, u8)]) -> Option<&'a Self> {
        let (first, rest) = way.split_first()?;
        let found = all
            .iter()
            .find(|controller| (controller.channel, controller.address) == *first)?;
        if rest.is_empty() {
            Some(found)
        } else {
            Self::find(&found.behind, rest)
        }
    }
}

/// Send Message to one of the BMC's own satellites.
pub(crate) fn send_message(state: &mut State, context: &Context<'_>, data: &[u8]) -> Outcome {
    let mut satellites = mem::take(&mut state.satellites);
    let outcome = pass_on(state, context, &mut satellites, data);
    state.satellites = satellites;
    let reply = outcome?;
    if state.faults.answers_apart {
        return Ok(Done {
            data: Vec::new(),
            after: After::Say(reply),
        });
    }
    Ok(reply.into())
}

/// What the controller replies, as a message.
fn pass_on(
    state: &mut State,
    context: &Context<'_>,
    controllers: &mut [Controller],
    data: &[u8],
) -> Result<Vec<u8>, u8> {
    let (channel, message) = data.split_first().ok_or(DATA_TOO_SHORT)?;
    let address = *message.first().ok_or(DATA_TOO_SHORT)?;
    let request = wire::decode_request(message).ok_or(NOT_ACKNOWLEDGED)?;
    let controller = controllers
        .iter_mut()
        .find(|controller| (controller.channel, controller.address) == (channel & 0x0f, address))
        .ok_or(NOT_ACKNOWLEDGED)?;
    let command = Command::new(request.netfn, request.command);
    let outcome = if command == Command::SEND_MESSAGE {
        pass_on(state, context, &mut controller.behind, request.data)
    } else {
        mem::swap(&mut state.machine, &mut controller.machine);
        let outcome = commands::execute(state, context, command, request.data);
        mem::swap(&mut state.machine, &mut controller.machine);
        outcome.map(|done| done.data)
    };
    Ok(match outcome {
        Ok(data) => request.reply(0, &data),
        Err(code) => request.reply(code, &[]),
    })
}
