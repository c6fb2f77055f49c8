//! Network function Chassis: power and boot options (IPMI 2.0 §28).

use std::time::Instant;

use super::{DATA_TOO_SHORT, INVALID_COMMAND, Outcome, done};
use crate::bmc::State;

/// Completion code of an unknown boot option.
const PARAMETER_NOT_SUPPORTED: u8 = 0x80;

pub(super) fn execute(state: &mut State, number: u8, data: &[u8]) -> Outcome {
    match number {
        // Get Chassis Capabilities: a diagnostic interrupt can be raised; all devices are the BMC.
        0x00 => done([0x04, 0x20, 0x20, 0x20, 0x20]),
        0x01 => {
            let power = state.reported_power();
            // Power restore policy: previous. Last event: by IPMI command.
            done([0x20 | u8::from(power), 0x10, 0x00])
        }
        0x02 => {
            let [action] = *data else {
                return Err(DATA_TOO_SHORT);
            };
            let fault = state.faults.power;
            state
                .machine
                .control(action & 0x0f, fault, Instant::now())?;
            done([])
        }
        // Chassis Identify; Set Power Restore Policy: "previous" only.
        0x04 => done([]),
        0x06 => done([0x02]),
        // Get System Restart Cause: Chassis Control.
        0x07 => done([0x01, 0x01]),
        0x08 => {
            let (parameter, value) = data.split_first().ok_or(DATA_TOO_SHORT)?;
            // Without a value only the lock bit is set, which we ignore.
            if value.is_empty() || state.machine.set_boot_option(parameter & 0x7f, value) {
                done([])
            } else {
                Err(PARAMETER_NOT_SUPPORTED)
            }
        }
        0x09 => {
            let (parameter, _selectors) = data.split_first().ok_or(DATA_TOO_SHORT)?;
            let parameter = parameter & 0x7f;
            let value = state
                .machine
                .boot_option(parameter)
                .ok_or(PARAMETER_NOT_SUPPORTED)?;
            done([&[0x01, parameter], value].concat())
        }
        _ => Err(INVALID_COMMAND),
    }
}
