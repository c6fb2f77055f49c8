//! Network function Sensor/Event: readings (IPMI 2.0 §35).

use super::{DATA_TOO_SHORT, INVALID_COMMAND, NOT_PRESENT, Outcome, done};
use crate::{bmc::State, sensors::Sensor};

pub(super) fn execute(state: &mut State, number: u8, data: &[u8]) -> Outcome {
    if !matches!(number, 0x25 | 0x27 | 0x2d) {
        return Err(INVALID_COMMAND);
    }
    let sensor = data.first().ok_or(DATA_TOO_SHORT)?;
    let sensor = Sensor::by_number(*sensor).ok_or(NOT_PRESENT)?;
    match number {
        // Get Sensor Hysteresis: none.
        0x25 => done([0, 0]),
        0x27 => done(sensor.thresholds()),
        _ => done(sensor.reading(state.reported_power())),
    }
}
