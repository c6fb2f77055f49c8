//! The `driver_info` keys that say which controller behind the BMC a node's commands are for.

use serde_json::{Map, Value};

use crate::{
    TargetError,
    driver_info::{invalid, text},
};

/// The way from the BMC to a controller behind it. Every command of the node is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bridge {
    /// Our own address on the bus, as which messages are passed on. The BMC's, 20h, unless it has to be another.
    pub local_address: u8,
    /// A controller in between, for dual bridging.
    pub transit: Option<Hop>,
    /// The node's controller.
    pub target: Hop,
}

/// One controller on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The channel of the controller before it, 0 to 15 (IPMI 2.0 §6.3).
    pub channel: u8,
    /// Its slave address on that channel: even.
    pub address: u8,
}

/// The BMC's own address (IPMB 1.0 §4).
const LOCAL_ADDRESS: u8 = 0x20;
const BRIDGING: &str = "no, single or dual is expected";
const CHANNEL: &str = "a channel from 0 to 15 is expected, such as 0x7 or 7; bridging needs it";
const ADDRESS: &str =
    "an even slave address from 0x02 to 0xfe is expected, such as 0x72 or 114; bridging needs it";

impl Bridge {
    /// Reads `ipmi_bridging`, and what it needs; without bridging the other keys mean nothing.
    pub(super) fn from_driver_info(
        driver_info: &Map<String, Value>,
    ) -> Result<Option<Self>, TargetError> {
        let bridging = match driver_info.get("ipmi_bridging") {
            // YAML tools turn `no` into false.
            Some(Value::Bool(false)) => None,
            _ => text(driver_info, "ipmi_bridging", BRIDGING)?,
        };
        let is_dual = match bridging.as_deref() {
            None | Some("no") => return Ok(None),
            Some("single") => false,
            Some("dual") => true,
            Some(_) => return Err(invalid("ipmi_bridging", BRIDGING)),
        };
        let transit = if is_dual {
            Some(Hop {
                channel: needed(driver_info, "ipmi_transit_channel", CHANNEL, channel)?,
                address: needed(driver_info, "ipmi_transit_address", ADDRESS, address)?,
            })
        } else {
            None
        };
        let local = byte(driver_info, "ipmi_local_address", ADDRESS, address)?;
        Ok(Some(Self {
            local_address: local.unwrap_or(LOCAL_ADDRESS),
            transit,
            target: Hop {
                channel: needed(driver_info, "ipmi_target_channel", CHANNEL, channel)?,
                address: needed(driver_info, "ipmi_target_address", ADDRESS, address)?,
            },
        }))
    }
}

fn channel(number: u8) -> bool {
    number <= 0x0f
}

fn address(number: u8) -> bool {
    number != 0 && number.is_multiple_of(2)
}

fn needed(
    driver_info: &Map<String, Value>,
    key: &'static str,
    expected: &'static str,
    holds: impl Fn(u8) -> bool,
) -> Result<u8, TargetError> {
    byte(driver_info, key, expected, holds)?.ok_or(TargetError::Missing { key, expected })
}

/// A byte as `ipmitool` takes it: decimal, or hexadecimal after `0x`.
fn byte(
    driver_info: &Map<String, Value>,
    key: &'static str,
    expected: &'static str,
    holds: impl Fn(u8) -> bool,
) -> Result<Option<u8>, TargetError> {
    let Some(value) = text(driver_info, key, expected)? else {
        return Ok(None);
    };
    let value = value.trim();
    let (digits, radix) = match value.strip_prefix("0x").or(value.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (value, 10),
    };
    let number = u8::from_str_radix(digits, radix)
        .ok()
        .filter(|_| !digits.starts_with('+'));
    number
        .filter(|number| holds(*number))
        .map(Some)
        .ok_or(invalid(key, expected))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn parse(keys: Value) -> Result<Option<Bridge>, TargetError> {
        Bridge::from_driver_info(keys.as_object().unwrap())
    }

    #[test]
    fn without_bridging_the_other_keys_mean_nothing() {
        for keys in [
            json!({}),
            json!({"ipmi_bridging": "no", "ipmi_target_channel": "nonsense"}),
            json!({"ipmi_bridging": false}),
            json!({"ipmi_bridging": null}),
        ] {
            assert_eq!(parse(keys).unwrap(), None);
        }
    }

    #[test]
    fn single_and_dual_bridging_name_their_controllers() {
        let mut keys = json!({"ipmi_bridging": "single", "ipmi_target_channel": "0x7", "ipmi_target_address": "0x72",
            "ipmi_transit_channel": 99});
        let target = Hop {
            channel: 7,
            address: 0x72,
        };
        let single = Bridge {
            local_address: 0x20,
            transit: None,
            target,
        };
        assert_eq!(parse(keys.clone()).unwrap(), Some(single));
        keys["ipmi_bridging"] = json!("dual");
        keys["ipmi_transit_channel"] = json!(0);
        keys["ipmi_transit_address"] = json!("130");
        keys["ipmi_local_address"] = json!("0x22");
        let dual = Bridge {
            local_address: 0x22,
            transit: Some(Hop {
                channel: 0,
                address: 0x82,
            }),
            target,
        };
        assert_eq!(parse(keys).unwrap(), Some(dual));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let complete = json!({"ipmi_bridging": "dual", "ipmi_target_channel": 1, "ipmi_target_address": 2,
            "ipmi_transit_channel": 1, "ipmi_transit_address": 2});
        for key in [
            "ipmi_target_channel",
            "ipmi_target_address",
            "ipmi_transit_channel",
            "ipmi_transit_address",
        ] {
            let mut keys = complete.clone();
            keys.as_object_mut().unwrap().remove(key);
            assert!(
                matches!(parse(keys), Err(TargetError::Missing { key: missing, .. }) if missing == key)
            );
        }
        for (key, value) in [
            ("ipmi_bridging", json!("triple")),
            ("ipmi_bridging", json!(true)),
            ("ipmi_target_channel", json!(16)),
            ("ipmi_target_channel", json!(-1)),
            ("ipmi_target_address", json!(0)),
            ("ipmi_target_address", json!("0x21")),
            ("ipmi_target_address", json!("0x+2")),
            ("ipmi_transit_address", json!(256)),
            ("ipmi_local_address", json!("x")),
        ] {
            let mut keys = complete.clone();
            keys[key] = value;
            assert_eq!(parse(keys).unwrap_err().key(), key);
        }
    }
}
