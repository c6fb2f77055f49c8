//! Raw commands, restarting the BMC, its event log and its inventory.

use std::time::Duration;

use ironbark_driver::{
    Error, Outcome, Request, Result, Step, Steps, Vendor, call,
    ipmi::{APP, Session, completion_error},
    log,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    fru,
    raw::{RawCommand, hexadecimal},
    sel,
};

/// IPMI 2.0 §20.2.
const COLD_RESET: u8 = 0x02;
/// IPMI 2.0 §20.3.
const WARM_RESET: u8 = 0x03;
/// IPMI 2.0 §20.1.
const GET_DEVICE_ID: u8 = 0x01;

/// What is left of a call when no further entry is read.
const RESERVE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct SendRaw {
    raw_bytes: String,
}

#[derive(Deserialize)]
struct BmcReset {
    #[serde(default)]
    warm: Option<Value>,
}

pub(crate) struct IpmiVendor;

impl Vendor for IpmiVendor {
    fn validate(&self, request: &Request) -> Result<()> {
        Method::read(request).map(drop)
    }

    fn call(&self, request: &Request) -> Result<Value> {
        match Method::read(request)? {
            Method::SendRaw(command) => send_raw(&command),
            Method::BmcReset { warm } => reset(&Session::open()?, warm).map(|()| Value::Null),
            Method::GetSel => sel::read(&Session::open()?, || call::time_left() < RESERVE),
            Method::GetFru => fru::read(&Session::open()?),
        }
    }
}

pub(crate) struct IpmiSteps;

impl Steps for IpmiSteps {
    fn execute_step(&self, step: &Step, _cursor: Option<&str>) -> Result<Outcome> {
        if step.name != "send_raw" {
            return step.unknown();
        }
        let args = step.read_args::<SendRaw>()?;
        send_raw(&RawCommand::parse(&args.raw_bytes)?)?;
        Ok(Outcome::Done)
    }
}

/// What is asked, with arguments that make sense.
#[derive(Debug, PartialEq)]
enum Method {
    SendRaw(RawCommand),
    BmcReset { warm: bool },
    GetSel,
    GetFru,
}

impl Method {
    fn read(request: &Request) -> Result<Self> {
        match request.method.as_str() {
            "send_raw" => {
                let message = request.read::<Value>()?;
                if message.get("raw_bytes").is_none_or(Value::is_null) {
                    return Err(Error::missing_parameter(
                        "the method 'send_raw' needs 'raw_bytes'",
                    ));
                }
                let message = request.read::<SendRaw>()?;
                RawCommand::parse(&message.raw_bytes).map(Self::SendRaw)
            }
            "bmc_reset" => Ok(Self::BmcReset {
                warm: warm(request.read::<BmcReset>()?.warm)?,
            }),
            "get_sel" => Ok(Self::GetSel),
            "get_fru" => Ok(Self::GetFru),
            _ => request.unknown_method(),
        }
    }
}

/// Warm unless told otherwise, by a boolean or the word for it.
fn warm(value: Option<Value>) -> Result<bool> {
    match value {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Bool(warm)) => Ok(warm),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(Error::invalid_parameter("'warm' must be true or false")),
    }
}

fn send_raw(command: &RawCommand) -> Result<Value> {
    let RawCommand {
        netfn,
        command,
        data,
    } = command;
    let response = Session::open()?.raw(*netfn, 0, *command, data)?;
    if response.completion_code != 0 {
        return Err(completion_error(*netfn, *command, response.completion_code));
    }
    let answer = hexadecimal(&response.data);
    log::info(format_args!(
        "raw command {netfn:#04x} {command:#04x} answered: {answer}"
    ));
    Ok(json!({"completion_code": 0, "data": answer}))
}

fn reset(bmc: &Session, warm: bool) -> Result<()> {
    // A BMC may restart without answering: so make sure that it answers before.
    bmc.request(APP, GET_DEVICE_ID, &[])?;
    let command = if warm { WARM_RESET } else { COLD_RESET };
    match bmc.request(APP, command, &[]) {
        Err(Error::Unreachable(why)) => {
            log::info(format_args!("the BMC restarts, it seems: {why}"));
            Ok(())
        }
        other => other.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, body: &str) -> Result<Method> {
        Method::read(&Request {
            method: method.to_owned(),
            http_method: "POST".to_owned(),
            body: body.to_owned(),
        })
    }

    #[test]
    fn a_reset_is_warm_by_default() {
        for (body, expected) in [
            ("{}", true),
            (r#"{"warm": true}"#, true),
            (r#"{"warm": false}"#, false),
            (r#"{"warm": "False"}"#, false),
        ] {
            assert_eq!(
                read("bmc_reset", body),
                Ok(Method::BmcReset { warm: expected }),
                "{body}"
            );
        }
        assert!(matches!(
            read("bmc_reset", r#"{"warm": 1}"#),
            Err(Error::InvalidParameter(_))
        ));
    }

    #[test]
    fn raw_bytes_are_needed() {
        assert!(matches!(
            read("send_raw", "{}"),
            Err(Error::MissingParameter(_))
        ));
        assert!(matches!(
            read("send_raw", r#"{"raw_bytes": 7}"#),
            Err(Error::InvalidParameter(_))
        ));
        let command = RawCommand {
            netfn: 6,
            command: 1,
            data: Vec::new(),
        };
        assert_eq!(
            read("send_raw", r#"{"raw_bytes": "0x06 0x01"}"#),
            Ok(Method::SendRaw(command))
        );
    }

    #[test]
    fn other_methods_are_not_supported() {
        assert!(matches!(read("explode", "{}"), Err(Error::Unsupported(_))));
    }
}
