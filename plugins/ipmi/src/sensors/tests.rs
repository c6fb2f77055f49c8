#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::bmc::tests::Scripted;

/// Time that never runs out, and pauses that take none.
struct Endless;

impl Time for Endless {
    fn is_up(&self) -> bool {
        false
    }

    fn pause(&self, _: Duration) {}
}

/// A full sensor record with thresholds 4, 5, 6 above and 1, 2, 3 below, of which two can be read.
fn full_record(id: u8, number: u8, sensor_type: u8, unit: u8, name: &str) -> Vec<u8> {
    let mut record = vec![
        id,
        0,
        0x51,
        0x01,
        0,
        0x20,
        0,
        number,
        3,
        1,
        0x7f,
        0x68,
        sensor_type,
        1,
    ];
    record.extend([0, 0, 0, 0]);
    // Readable: upper critical and lower critical.
    record.extend([0x12, 0]);
    record.extend([0, unit, 0, 0]);
    // M = 2, tolerance 1, nothing else.
    record.extend([2, 0x01, 0, 0, 0, 0]);
    record.extend([0x07, 0, 0, 0, 0xff, 0]);
    record.extend([100, 90, 80, 5, 10, 20]);
    record.extend([0, 0, 0, 0, 0]);
    record.push(0xc0 | u8::try_from(name.len()).unwrap());
    record.extend(name.bytes());
    record[4] = u8::try_from(record.len() - 5).unwrap();
    record
}

/// A compact record, which has no number.
fn compact_record(id: u8) -> Vec<u8> {
    let mut record = vec![id, 0, 0x51, 0x02, 27];
    record.extend([0; 27]);
    record
}

/// A BMC with these records. Reads of more than `most` bytes are refused, and the first `cancelled` reads cancel the reservation.
fn bmc(records: Vec<Vec<u8>>, most: u8, cancelled: u32) -> Scripted {
    let cancelled = Cell::new(cancelled);
    Scripted::new(move |netfn, command, data| match (netfn, command) {
        (0x0a, 0x22) => (0, vec![0x34, 0x12]),
        (0x0a, 0x23) => {
            let [_, _, id, _, offset, count] = *data else {
                return (0xc7, Vec::new());
            };
            if cancelled.get() > 0 {
                cancelled.set(cancelled.get() - 1);
                return (0xc5, Vec::new());
            }
            if count > most {
                return (0xca, Vec::new());
            }
            let Some(record) = records.get(usize::from(id)) else {
                return (0xcb, Vec::new());
            };
            let last = usize::from(id) + 1 == records.len();
            let mut answer = if last {
                vec![0xff, 0xff]
            } else {
                vec![id + 1, 0]
            };
            let from = usize::from(offset).min(record.len());
            let to = (from + usize::from(count)).min(record.len());
            answer.extend(&record[from..to]);
            (0, answer)
        }
        (0x04, 0x2d) => match data {
            [1] => (0, vec![25, 0xc0, 0x00]),
            [2] => (0, vec![95, 0xc0, 0x10]),
            [3] => (0, vec![0, 0xe0, 0x00]),
            _ => (0xcb, Vec::new()),
        },
        _ => (0xc1, Vec::new()),
    })
}

fn records() -> Vec<Vec<u8>> {
    vec![
        full_record(0, 1, 0x01, 1, "CPU Temp"),
        compact_record(1),
        full_record(2, 2, 0x04, 18, "FAN1"),
        full_record(3, 3, 0x01, 1, "Absent"),
        full_record(4, 9, 0x02, 4, "Refused"),
    ]
}

fn expected() -> Value {
    json!({
        "Temperature": {
            "CPU Temp (0x1)": {
                "Sensor ID": "CPU Temp (0x1)",
                "Entity ID": "3.1",
                "Sensor Type (Analog)": "Temperature",
                "Sensor Reading": "50 (+/- 1) degrees C",
                "Status": "ok",
                "Upper critical": "180.000",
                "Lower critical": "20.000",
            },
            "Absent (0x3)": {
                "Sensor ID": "Absent (0x3)",
                "Entity ID": "3.1",
                "Sensor Type (Analog)": "Temperature",
                "Sensor Reading": "No Reading",
                "Status": "Not Available",
            },
        },
        "Fan": {
            "FAN1 (0x2)": {
                "Sensor ID": "FAN1 (0x2)",
                "Entity ID": "3.1",
                "Sensor Type (Analog)": "Fan",
                "Sensor Reading": "190 (+/- 1) RPM",
                "Status": "Upper Critical",
                "Upper critical": "180.000",
                "Lower critical": "20.000",
            },
        },
        "Voltage": {
            "Refused (0x9)": {
                "Sensor ID": "Refused (0x9)",
                "Entity ID": "3.1",
                "Sensor Type (Analog)": "Voltage",
                "Sensor Reading": "No Reading",
                "Status": "Not Available",
            },
        },
    })
}

#[test]
fn sensors_are_grouped_by_type() {
    assert_eq!(walk(&bmc(records(), 255, 0), &Endless).unwrap(), expected());
}

#[test]
fn a_bmc_that_returns_few_bytes_is_asked_for_fewer() {
    for most in [4, 8, 16, 20] {
        assert_eq!(
            walk(&bmc(records(), most, 0), &Endless).unwrap(),
            expected(),
            "{most}"
        );
    }
}

#[test]
fn a_cancelled_reservation_is_renewed() {
    assert_eq!(walk(&bmc(records(), 255, 3), &Endless).unwrap(), expected());
    let error = walk(&bmc(records(), 255, 1000), &Endless).unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error:?}");
}

#[test]
fn records_in_circles_come_to_an_end() {
    let bmc = Scripted::new(|_, command, _| match command {
        0x22 => (0, vec![1, 0]),
        _ => (0, vec![0, 0, 0, 0, 0x51, 0x02, 0]),
    });
    assert_eq!(walk(&bmc, &Endless).unwrap(), json!({}));
}

#[test]
fn a_bmc_without_repository_has_records_of_its_own() {
    let bmc = Scripted::new(|netfn, command, data| match (netfn, command) {
        (0x0a, _) => (0xc1, Vec::new()),
        (0x04, 0x22) => (0, vec![1, 0]),
        (0x04, 0x21) => {
            let [.., offset, count] = *data else {
                return (0xc7, Vec::new());
            };
            let record = full_record(0, 1, 0x01, 1, "Own");
            let from = usize::from(offset);
            let mut answer = vec![0xff, 0xff];
            answer.extend(record.iter().skip(from).take(count.into()));
            (0, answer)
        }
        (0x04, 0x2d) => (0, vec![10, 0xc0, 0]),
        _ => (0xc1, Vec::new()),
    });
    let sensors = walk(&bmc, &Endless).unwrap();
    assert_eq!(
        sensors["Temperature"]["Own (0x1)"]["Sensor Reading"],
        "20 (+/- 1) degrees C"
    );
}

#[test]
fn a_silent_record_is_an_error_and_no_loop() {
    let bmc = Scripted::new(|_, command, data| match command {
        0x22 => (0, vec![1, 0]),
        // A header that promises 60 bytes, and nothing after it.
        _ if data[4] == 0 => (0, vec![0xff, 0xff, 0, 0, 0x51, 0x01, 60]),
        _ => (0, vec![0xff, 0xff]),
    });
    assert!(matches!(walk(&bmc, &Endless), Err(Error::Protocol(_))));
}

#[test]
fn nonlinear_sensors_are_asked_for_factors() {
    let mut record = full_record(0, 1, 0x01, 1, "Odd");
    record[23] = 0x70;
    let inner = bmc(vec![record], 255, 0);
    let bmc = Scripted::new(move |netfn, command, data| match (netfn, command) {
        // M = 3 for this reading.
        (0x04, 0x23) => (0, vec![26, 3, 0, 0, 0, 0, 0]),
        _ => {
            let response = inner.raw(netfn, 0, command, data).unwrap();
            (response.completion_code, response.data)
        }
    });
    let sensors = walk(&bmc, &Endless).unwrap();
    assert_eq!(
        sensors["Temperature"]["Odd (0x1)"]["Sensor Reading"],
        "75 (+/- 0) degrees C"
    );
}

#[test]
fn sensors_behind_the_bmc_are_left_out() {
    let mut record = full_record(0, 1, 0x01, 1, "Satellite");
    record[5] = 0x82;
    assert_eq!(
        walk(&bmc(vec![record], 255, 0), &Endless).unwrap(),
        json!({})
    );
}

proptest! {
    #[test]
    fn no_record_is_a_panic(record: Vec<u8>) {
        let _ = FullSensor::parse(&record);
    }

    #[test]
    fn no_full_record_is_a_panic(body in prop::collection::vec(any::<u8>(), 0..80), raw: u8) {
        let mut record = vec![0, 0, 0x51, 0x01, 60];
        record.extend(body);
        if let Some(sensor) = FullSensor::parse(&record) {
            let _ = number(sensor.value(sensor.factors, raw));
            let _ = number(sensor.tolerance(sensor.factors));
            let _ = sensor.thresholds().count();
        }
    }

    #[test]
    fn a_bmc_that_answers_nonsense_ends(answers in prop::collection::vec((prop::sample::select(vec![0_u8, 0, 0, 0xc5, 0xca, 0xff]), prop::collection::vec(any::<u8>(), 0..40)), 1..20)) {
        let turn = Cell::new(0_usize);
        let bmc = Scripted::new(move |_, _, _| {
            turn.set(turn.get() + 1);
            answers[turn.get() % answers.len()].clone()
        });
        let _ = walk(&bmc, &Endless);
    }
}
