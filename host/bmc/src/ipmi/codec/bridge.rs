//! Commands to controllers behind the BMC, passed on by Send Message (IPMI 2.0 §6.13, §22.7), once or twice.

use super::lan::{self, Reply};
use crate::ipmi::{Bridge, Request, Response};

const NETFN_APP: u8 = 0x06;
const SEND_MESSAGE: u8 = 0x34;
/// The controller that passes a message on remembers whom its answer is for (IPMI 2.0 table 22-10).
const TRACKED: u8 = 0x40;

/// What a reply to a command says, which may have been passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The controller's answer.
    Answer(Response),
    /// A controller on the way could not pass it on: its completion code.
    NotPassedOn(u8),
    /// Nothing to this command, or only that it was passed on.
    Nothing,
}

/// Whether a request is Send Message itself.
pub fn is_send_message(request: &Request) -> bool {
    (request.netfn, request.command) == (NETFN_APP, SEND_MESSAGE)
}

/// A request as an IPMI message to the BMC, which passes it on if it is for somebody behind it.
///
/// All layers have the same sequence number: BMCs differ in which of them their answers bear.
pub fn encode_request(request: &Request, sequence: u8, bridge: Option<&Bridge>) -> Vec<u8> {
    let Some(bridge) = bridge else {
        return lan::encode_request(request, sequence);
    };
    let own = bridge.local_address;
    let message = lan::encode_message(bridge.target.address, own, request, sequence);
    let send = send_message(bridge.target.channel, &message);
    let send = match bridge.transit {
        None => send,
        Some(transit) => {
            let message = lan::encode_message(transit.address, own, &send, sequence);
            send_message(transit.channel, &message)
        }
    };
    lan::encode_request(&send, sequence)
}

fn send_message(channel: u8, message: &[u8]) -> Request {
    let mut data = Vec::with_capacity(message.len() + 1);
    data.push(TRACKED | (channel & 0x0f));
    data.extend_from_slice(message);
    Request::new(NETFN_APP, SEND_MESSAGE, data)
}

/// Reads a reply to `request`, sent with `sequence`.
///
/// BMCs confirm Send Message and send the answer as a message of its own, or they put it into the confirmation.
pub fn read(reply: Reply, request: &Request, sequence: u8, bridge: Option<&Bridge>) -> Reading {
    let mut reply = reply;
    let layers = match bridge {
        None => 0,
        Some(Bridge { transit: None, .. }) => 1,
        Some(_) => 2,
    };
    for _ in 0..layers {
        let confirms = reply.netfn == NETFN_APP | 1
            && reply.command == SEND_MESSAGE
            && reply.sequence == sequence;
        if !confirms {
            break;
        }
        if reply.response.completion_code != 0 {
            return Reading::NotPassedOn(reply.response.completion_code);
        }
        match lan::decode_response(&reply.response.data) {
            Ok(inner) => reply = inner,
            Err(_) => return Reading::Nothing,
        }
    }
    if reply.answers(request, sequence) {
        Reading::Answer(reply.response)
    } else {
        Reading::Nothing
    }
}
