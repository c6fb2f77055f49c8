//! IPMI commands to this node's own BMC (capability `ipmi`).
//!
//! Address, credentials, session and retransmission are the host's. Sections are those of the *IPMI v2.0 specification, revision 1.1*.

use std::time::Duration;

use crate::{Error, Result, bindings::imports::ironbark::driver::ipmi, clock};

pub use ipmi::Response;

/// Network function Chassis (IPMI 2.0 §5.1).
pub const CHASSIS: u8 = 0x00;
/// Network function Sensor/Event.
pub const SENSOR: u8 = 0x04;
/// Network function Application.
pub const APP: u8 = 0x06;
/// Network function Storage.
pub const STORAGE: u8 = 0x0a;

/// How often a command is sent that a busy BMC refuses, and how long to wait before the second time; then twice as long each time.
const BUSY_TRIES: u32 = 4;
const BUSY_PAUSE: Duration = Duration::from_millis(250);

/// A way to this node's BMC. Dropping it gives it back.
#[derive(Debug)]
pub struct Session(ipmi::Session);

impl Session {
    /// The way to the BMC that the node's `driver_info` names. Nothing is sent yet.
    ///
    /// # Errors
    /// What the host returns: `denied` without the capability, or what is wrong with the connection keys.
    pub fn open() -> Result<Self> {
        ipmi::open().map(Self)
    }

    /// Sends one command to LUN 0, and gives the data of its answer. A BMC that says that it is busy is asked again a few times.
    ///
    /// # Errors
    /// What the host returns, or what the completion code means ([`completion_error`]).
    pub fn request(&self, netfn: u8, command: u8, data: &[u8]) -> Result<Vec<u8>> {
        let mut pause = BUSY_PAUSE;
        let mut response = self.raw(netfn, 0, command, data)?;
        for _ in 1..BUSY_TRIES {
            if response.completion_code != NODE_BUSY {
                break;
            }
            clock::sleep(pause);
            pause *= 2;
            response = self.raw(netfn, 0, command, data)?;
        }
        match response.completion_code {
            0 => Ok(response.data),
            code => Err(completion_error(netfn, command, code)),
        }
    }

    /// Sends one command as it is. `netfn` is the request's network function (even, 0 to 62), `lun` 0 to 3.
    ///
    /// # Errors
    /// What the host returns. A completion code other than 0 is an answer.
    pub fn raw(&self, netfn: u8, lun: u8, command: u8, data: &[u8]) -> Result<Response> {
        self.0.request(netfn, lun, command, data)
    }
}

/// Completion code "node busy".
const NODE_BUSY: u8 = 0xc0;

/// What a completion code means for the caller (IPMI 2.0 §5.2, table 5-2). Codes 01h to BEh mean what the command or the vendor defines.
pub fn completion_error(netfn: u8, command: u8, code: u8) -> Error {
    let what = |meaning: &str| {
        format!(
            "the BMC refused IPMI command {netfn:02x}h/{command:02x}h: {meaning} (completion code {code:02x}h)"
        )
    };
    match code {
        NODE_BUSY => Error::busy(what("node busy"), Some(5)),
        0xc1 => Error::unsupported(what("it does not have this command")),
        0xc2 => Error::unsupported(what("it does not have this command on this LUN")),
        0xc3 => Error::busy(what("it timed out while processing"), Some(5)),
        0xc4 => Error::busy(what("it is out of space"), Some(5)),
        0xc5 => Error::busy(what("the reservation was cancelled"), Some(1)),
        0xc6 => Error::protocol(what("request data truncated")),
        0xc7 => Error::protocol(what("request data length invalid")),
        0xc8 => Error::protocol(what("request data field length limit exceeded")),
        0xc9 => Error::failed(what("parameter out of range")),
        0xca => Error::failed(what("it cannot return so many bytes")),
        0xcb => Error::failed(what("the sensor, data or record is not present")),
        0xcc => Error::unsupported(what("invalid data field in the request")),
        0xcd => Error::unsupported(what("illegal for this sensor or record type")),
        0xce => Error::failed(what("no response could be provided")),
        0xcf => Error::busy(what("it is still executing the same request"), Some(1)),
        0xd0 => Error::busy(what("its SDR repository is being updated"), Some(30)),
        0xd1 => Error::busy(what("its firmware is being updated"), Some(60)),
        0xd2 => Error::busy(what("it is still starting"), Some(30)),
        0xd3 => Error::unreachable(what("the destination is unavailable")),
        0xd4 => Error::auth_failed(what(
            "insufficient privilege: give the BMC's user a higher one, or set ipmi_priv_level",
        )),
        0xd5 => Error::failed(what("not possible in its present state")),
        0xd6 => Error::unsupported(what("the function is disabled or unavailable")),
        0xff => Error::failed(what("unspecified error")),
        _ => Error::failed(what("an error that the command or the vendor defines")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_which_command_and_which_code() {
        for code in 1..=u8::MAX {
            let error = completion_error(APP, 0x01, code);
            let message = error.message();
            assert!(message.contains("06h/01h"), "{message}");
            assert!(message.contains(&format!("{code:02x}h)")), "{message}");
        }
    }

    #[test]
    fn only_passing_conditions_are_busy() {
        let busy = |code| matches!(completion_error(0, 0, code), Error::Busy(_));
        assert!(
            [0xc0, 0xc3, 0xc4, 0xc5, 0xcf, 0xd0, 0xd1, 0xd2]
                .into_iter()
                .all(busy)
        );
        assert!(!([0xc1, 0xcc, 0xd4, 0xd5, 0xff, 0x80].into_iter().any(busy)));
    }

    #[test]
    fn a_missing_privilege_is_about_credentials() {
        assert!(matches!(completion_error(0, 2, 0xd4), Error::AuthFailed(_)));
    }
}
