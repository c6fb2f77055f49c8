//! The system event log (IPMI 2.0 §31, §32). What an entry says is read by `ipmi-rs-core`.

use std::{collections::VecDeque, fmt};

use ipmi_rs_core::storage::{
    sdr::SensorType,
    sel::{Entry, EventDirection, EventGenerator},
};
use ironbark_driver::{
    Error, Result,
    ipmi::{STORAGE, completion_error},
};
use serde_json::{Value, json};

use crate::{bmc::Bmc, raw::hexadecimal};

const GET_SEL_INFO: u8 = 0x40;
const GET_SEL_ENTRY: u8 = 0x43;

const FIRST: u16 = 0x0000;
const END: u16 = 0xffff;
/// The requested record isn't there: what BMCs say to the first of an empty log.
const NOT_PRESENT: u8 = 0xcb;

/// Most entries that are shown: those are the newest.
const SHOWN: usize = 256;
/// More entries than any log has: one whose entries go round in circles ends here.
const MAX_ENTRIES: usize = 16_384;

/// The newest entries, oldest first, and whether there were more, or no time for all.
pub(crate) fn read(bmc: &impl Bmc, is_late: impl Fn() -> bool) -> Result<Value> {
    let overflow = has_overflown(&bmc.request(STORAGE, GET_SEL_INFO, &[])?)?;
    let mut entries = VecDeque::new();
    let (mut next, mut found) = (FIRST, 0);
    let mut complete = true;
    while next != END && found < MAX_ENTRIES {
        if is_late() {
            complete = false;
            break;
        }
        let Some((successor, record)) = entry(bmc, next)? else {
            break;
        };
        found += 1;
        if entries.len() == SHOWN {
            entries.pop_front();
            complete = false;
        }
        entries.push_back(shown(&record));
        next = successor;
    }
    Ok(json!({"entries": entries, "complete": complete, "overflow": overflow}))
}

/// Bit 7 of the last byte of Get SEL Info (§31.2): entries were lost, since the log was full.
fn has_overflown(info: &[u8]) -> Result<bool> {
    match info.get(13) {
        Some(operations) => Ok(operations & 0x80 != 0),
        None => Err(Error::protocol(
            "the BMC's event log information is too short",
        )),
    }
}

/// One record of 16 bytes, and the next one's id; none if it isn't there (any more). Whole records need no reservation (§31.5).
fn entry(bmc: &impl Bmc, id: u16) -> Result<Option<(u16, [u8; 16])>> {
    let [low, high] = id.to_le_bytes();
    let request = [0, 0, low, high, 0, 0xff];
    let response = bmc.raw(STORAGE, 0, GET_SEL_ENTRY, &request)?;
    match (response.completion_code, response.data.split_first_chunk()) {
        (0, Some((successor, record))) => {
            let record = record
                .first_chunk()
                .ok_or_else(|| Error::protocol("the BMC's event log entry is too short"))?;
            Ok(Some((u16::from_le_bytes(*successor), *record)))
        }
        (0, None) => Err(Error::protocol("the BMC's event log entry is empty")),
        (NOT_PRESENT, _) => Ok(None),
        (code, _) => Err(completion_error(STORAGE, GET_SEL_ENTRY, code)),
    }
}

pub(crate) fn shown(record: &[u8; 16]) -> Value {
    let [id_low, id_high, kind, time @ .., _, _, _, _, _, _, _, _, _] = *record;
    let id = u16::from_le_bytes([id_low, id_high]);
    let raw = hexadecimal(record);
    let Ok(entry) = Entry::parse(record) else {
        return json!({"id": id, "type": format!("{kind:#04x}"), "raw": raw});
    };
    let text = Event(&entry).to_string();
    let time = when(u32::from_le_bytes(time));
    match &entry {
        Entry::System {
            generator_id,
            sensor_type,
            sensor_number,
            event_direction,
            event_data,
            ..
        } => json!({
            "id": id,
            "type": "system",
            "time": time,
            "generator": generator(generator_id),
            "sensor_type": SensorType::from(*sensor_type).to_string(),
            "sensor_number": sensor_number,
            "event": text,
            "asserted": *event_direction == EventDirection::Assert,
            "details": event_data.to_string(),
            "raw": raw,
        }),
        Entry::OemTimestamped {
            manufacturer_id,
            data,
            ..
        } => json!({
            "id": id, "type": "oem", "time": time, "manufacturer": manufacturer_id, "data": hexadecimal(data), "raw": raw,
        }),
        Entry::OemNotTimestamped { data, .. } => {
            json!({"id": id, "type": "oem", "data": hexadecimal(data), "raw": raw})
        }
    }
}

/// What happened, in words.
struct Event<'a>(&'a Entry);

impl fmt::Display for Event<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.event_description(formatter)
    }
}

fn generator(generator: &EventGenerator) -> String {
    match generator {
        EventGenerator::RqSAAndLun { i2c_addr, .. } => format!("controller {:#04x}", i2c_addr << 1),
        EventGenerator::SoftwareId { software_id, .. } => format!("software {software_id:#04x}"),
    }
}

/// Seconds since 1970. Up to 20000000h they count from when the BMC was started, and FFFFFFFFh is no time at all (§37).
fn when(seconds: u32) -> Value {
    match seconds {
        u32::MAX => Value::Null,
        0..=0x2000_0000 => json!(format!("{seconds} s after the BMC's start")),
        _ => json!(ipmi_rs_core::storage::Timestamp::from(seconds).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bmc::tests::Scripted;

    /// Fan 30h of the BMC went below its critical threshold, at 2021-01-01 00:00:00.
    fn fan(id: u16) -> [u8; 16] {
        let [low, high] = id.to_le_bytes();
        let [a, b, c, d] = 1_609_459_200_u32.to_le_bytes();
        [
            low, high, 0x02, a, b, c, d, 0x20, 0x00, 0x04, 0x04, 0x30, 0x01, 0x52, 0x0a, 0x14,
        ]
    }

    /// A log of so many fans.
    fn log_of(count: u16) -> Scripted {
        Scripted::new(move |_, command, data| match (command, data) {
            (GET_SEL_INFO, _) => (0, [vec![0x51; 13], vec![0x80]].concat()),
            (_, [0, 0, low, high, 0, 0xff]) => {
                let id = u16::from_le_bytes([*low, *high]).max(1);
                if id > count {
                    return (NOT_PRESENT, Vec::new());
                }
                let next = if id == count { END } else { id + 1 };
                (0, [&next.to_le_bytes()[..], &fan(id)].concat())
            }
            _ => (0xc1, Vec::new()),
        })
    }

    #[test]
    fn an_event_is_told_in_words() {
        let log = read(&log_of(1), || false).unwrap();
        let entry = &log["entries"][0];
        assert_eq!(entry["id"], 1);
        assert_eq!(entry["time"], "2021-01-01T00:00:00Z");
        assert_eq!(entry["sensor_type"], "Fan");
        assert_eq!(entry["sensor_number"], 0x30);
        assert_eq!(entry["asserted"], true);
        assert_eq!(entry["generator"], "controller 0x20");
        let event = entry["event"].as_str().unwrap().to_lowercase();
        assert!(event.contains("lower critical"), "{event}");
        assert_eq!(
            (&log["complete"], &log["overflow"]),
            (&json!(true), &json!(true))
        );
    }

    #[test]
    fn an_empty_log_is_empty() {
        let log = read(&log_of(0), || false).unwrap();
        assert_eq!(
            (&log["entries"], &log["complete"]),
            (&json!([]), &json!(true))
        );
    }

    #[test]
    fn of_a_long_log_the_newest_entries_are_shown() {
        let log = read(&log_of(300), || false).unwrap();
        let entries = log["entries"].as_array().unwrap();
        assert_eq!(entries.len(), SHOWN);
        assert_eq!(
            (&entries[0]["id"], &entries[SHOWN - 1]["id"]),
            (&json!(45), &json!(300))
        );
        assert_eq!(log["complete"], false);
    }

    #[test]
    fn a_log_that_goes_round_in_circles_ends_and_so_does_the_calls_time() {
        let circle = Scripted::new(|_, command, _| match command {
            GET_SEL_INFO => (0, vec![0; 14]),
            _ => (0, [&1_u16.to_le_bytes()[..], &fan(1)].concat()),
        });
        assert!(read(&circle, || false).is_ok());
        let late = read(&log_of(3), || true).unwrap();
        assert_eq!(
            (&late["entries"], &late["complete"]),
            (&json!([]), &json!(false))
        );
    }

    #[test]
    fn entries_of_makers_and_of_nobody_are_shown_raw() {
        let mut record = fan(7);
        record[2] = 0xc1;
        assert_eq!(shown(&record)["type"], "oem");
        record[2] = 0xe0;
        assert_eq!(shown(&record)["time"], Value::Null);
        record[2] = 0x77;
        assert_eq!(shown(&record)["type"], "0x77");
        assert!(
            shown(&record)["raw"]
                .as_str()
                .unwrap()
                .starts_with("07 00 77")
        );
    }

    #[test]
    fn what_is_no_log_is_told() {
        let bmc = Scripted::new(|_, _, _| (0xc1, Vec::new()));
        assert!(matches!(read(&bmc, || false), Err(Error::Unsupported(_))));
        let bmc = Scripted::new(|_, _, _| (0, vec![1, 2, 3]));
        assert!(matches!(read(&bmc, || false), Err(Error::Protocol(_))));
    }

    proptest! {
        #[test]
        fn no_record_is_a_panic(record: [u8; 16]) {
            let shown = shown(&record);
            prop_assert!(shown["raw"].is_string());
        }
    }
}
