//! Network function Storage: the sensor data repository (IPMI 2.0 §33).

use super::{DATA_TOO_SHORT, INVALID_COMMAND, NOT_PRESENT, Outcome, done};
use crate::{bmc::State, sensors::SENSORS};

const RESERVATION_CANCELLED: u8 = 0xc5;
const OUT_OF_RANGE: u8 = 0xc9;
const CANT_RETURN_SO_MANY: u8 = 0xca;
/// "The whole record", and the id after the last record.
const ALL: u8 = 0xff;
const NO_MORE: u16 = 0xffff;
/// As many bytes of a record as one answer holds; real BMCs have such a limit, so clients must know how to read in parts.
const LARGEST_PART: usize = 64;

pub(super) fn execute(state: &mut State, number: u8, data: &[u8]) -> Outcome {
    match number {
        // Get SDR Repository Info: version 1.5, records, no free space, never changed, reservation supported.
        0x20 => {
            let [low, high] = u16::try_from(SENSORS.len()).unwrap_or(0).to_le_bytes();
            done([0x51, low, high, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02])
        }
        0x22 => {
            state.reservation = state.reservation.checked_add(1).unwrap_or(1);
            done(state.reservation.to_le_bytes())
        }
        0x23 => get_record(state, data),
        _ => Err(INVALID_COMMAND),
    }
}

fn get_record(state: &State, data: &[u8]) -> Outcome {
    let ([r0, r1, i0, i1, offset, count], _) =
        data.split_first_chunk::<6>().ok_or(DATA_TOO_SHORT)?;
    let offset = usize::from(*offset);
    if offset > 0 && u16::from_le_bytes([*r0, *r1]) != state.reservation {
        return Err(RESERVATION_CANCELLED);
    }
    let wanted = u16::from_le_bytes([*i0, *i1]);
    // 0 is the first record, FFFFh the last.
    let index = match wanted {
        0 => Some(0),
        NO_MORE => SENSORS.len().checked_sub(1),
        id => SENSORS
            .iter()
            .position(|sensor| u16::from(sensor.number) == id),
    };
    let index = index.ok_or(NOT_PRESENT)?;
    let record = SENSORS.get(index).ok_or(NOT_PRESENT)?.record();
    let next = SENSORS
        .get(index + 1)
        .map_or(NO_MORE, |sensor| u16::from(sensor.number));
    let rest = record.get(offset..).ok_or(OUT_OF_RANGE)?;
    let count = if *count == ALL {
        rest.len()
    } else {
        usize::from(*count).min(rest.len())
    };
    if count > LARGEST_PART {
        return Err(CANT_RETURN_SO_MANY);
    }
    let part = rest.get(..count).ok_or(OUT_OF_RANGE)?;
    done([&next.to_le_bytes(), part].concat())
}
