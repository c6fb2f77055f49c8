//! Sensor readings: every analog sensor that the BMC's sensor data records describe, grouped by type.

mod factors;
mod names;
mod record;
mod repository;
mod units;

use std::time::Duration;

use ironbark_driver::{Error, Result, call, clock, ipmi::SENSOR, log};
use serde_json::{Map, Value};

pub(crate) use self::names::text;
use self::{factors::Factors, record::FullSensor, repository::Repository};
use crate::bmc::Bmc;

const GET_SENSOR_READING_FACTORS: u8 = 0x23;
const GET_SENSOR_READING: u8 = 0x2d;

/// What is left of a call when no further sensor is asked.
const RESERVE: Duration = Duration::from_secs(5);

/// Readings as `{"<type>": {"<sensor>": {"Sensor Reading": "…", …}}}`.
pub(crate) fn read_all(bmc: &impl Bmc) -> Result<Value> {
    walk(bmc, &Clock)
}

/// Reads any bytes as a sensor data record and values of it, for fuzzing.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn read_record(bytes: &[u8]) {
    let Some(sensor) = FullSensor::parse(bytes) else {
        return;
    };
    let _ = (
        names::sensor_type(sensor.sensor_type),
        units::name(sensor.unit),
    );
    for raw in 0..=u8::MAX {
        let _ = (
            sensor.value(sensor.factors, raw),
            sensor.tolerance(sensor.factors),
        );
    }
}

/// What the walk needs to know of the time.
pub(crate) trait Time {
    fn is_up(&self) -> bool;
    fn pause(&self, duration: Duration);
}

struct Clock;

impl Time for Clock {
    fn is_up(&self) -> bool {
        call::time_left() < RESERVE
    }

    fn pause(&self, duration: Duration) {
        clock::sleep(duration);
    }
}

pub(crate) fn walk(bmc: &impl Bmc, time: &impl Time) -> Result<Value> {
    let mut types: Map<String, Value> = Map::new();
    let mut repository = Repository::open(bmc, time)?;
    while let Some(record) = repository.next_record()? {
        if time.is_up() {
            log::warn("the BMC is slow: the call's time was not enough for all sensors");
            break;
        }
        let Some(sensor) = FullSensor::parse(&record).filter(FullSensor::is_the_bmcs) else {
            continue;
        };
        let described = describe(bmc, &sensor)?;
        let sensors = types
            .entry(names::sensor_type(sensor.sensor_type))
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(sensors) = sensors {
            let id = format!("{} ({:#x})", sensor.name, sensor.number);
            sensors.insert(id, Value::Object(described));
        }
    }
    Ok(Value::Object(types))
}

fn describe(bmc: &impl Bmc, sensor: &FullSensor) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    let mut field = |name: &str, value: String| fields.insert(name.to_owned(), value.into());
    field(
        "Sensor ID",
        format!("{} ({:#x})", sensor.name, sensor.number),
    );
    field(
        "Entity ID",
        format!("{}.{}", sensor.entity, sensor.instance),
    );
    field(
        "Sensor Type (Analog)",
        names::sensor_type(sensor.sensor_type),
    );
    let Some(reading) = Reading::get(bmc, sensor)? else {
        field("Sensor Reading", "No Reading".to_owned());
        field("Status", "Not Available".to_owned());
        return Ok(fields);
    };
    let factors = if sensor.is_nonlinear() {
        reading_factors(bmc, sensor, reading.raw)?
    } else {
        sensor.factors
    };
    let unit = units::name(sensor.unit);
    let value = sensor.value(factors, reading.raw);
    field(
        "Sensor Reading",
        format!(
            "{} (+/- {}) {unit}",
            number(value),
            number(sensor.tolerance(factors))
        )
        .trim_end()
        .to_owned(),
    );
    field("Status", reading.status(sensor.has_thresholds).to_owned());
    if !sensor.is_nonlinear() {
        for (name, raw) in sensor.thresholds() {
            field(name, format!("{:.3}", sensor.value(factors, raw)));
        }
    }
    Ok(fields)
}

/// Factors that hold for one reading only (IPMI 2.0 §35.5): the answer begins with the next reading.
fn reading_factors(bmc: &impl Bmc, sensor: &FullSensor, raw: u8) -> Result<Factors> {
    let data = [sensor.number, raw];
    let response = bmc.raw(SENSOR, sensor.lun, GET_SENSOR_READING_FACTORS, &data)?;
    match (response.completion_code, response.data.get(1..)) {
        (0, Some(bytes)) => Factors::parse(bytes)
            .ok_or_else(|| Error::protocol("the BMC's sensor reading factors are too short")),
        (0, None) => Err(Error::protocol(
            "the BMC's sensor reading factors are empty",
        )),
        _ => Ok(sensor.factors),
    }
}

/// What a sensor says now (IPMI 2.0 §35.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    raw: u8,
    /// Bits 0 to 2: below the non-critical, critical, non-recoverable threshold; 3 to 5: above them.
    comparisons: u8,
}

impl Reading {
    /// `None` if the sensor is there but has nothing to say.
    fn get(bmc: &impl Bmc, sensor: &FullSensor) -> Result<Option<Self>> {
        let response = bmc.raw(SENSOR, sensor.lun, GET_SENSOR_READING, &[sensor.number])?;
        // A sensor of a part that isn't plugged in is refused: no reason to give up the others.
        if response.completion_code != 0 {
            return Ok(None);
        }
        Ok(Self::parse(&response.data))
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let [raw, state, rest @ ..] = data else {
            return None;
        };
        let scanning = state & 0x40 != 0;
        let unavailable = state & 0x20 != 0;
        (scanning && !unavailable).then_some(Self {
            raw: *raw,
            comparisons: rest.first().map_or(0, |comparisons| comparisons & 0x3f),
        })
    }

    fn status(self, has_thresholds: bool) -> &'static str {
        if !has_thresholds {
            return "ok";
        }
        let worst_first = [
            (0x04, "Lower Non-Recoverable"),
            (0x20, "Upper Non-Recoverable"),
            (0x02, "Lower Critical"),
            (0x10, "Upper Critical"),
            (0x01, "Lower Non-Critical"),
            (0x08, "Upper Non-Critical"),
        ];
        worst_first
            .into_iter()
            .find(|(bit, _)| self.comparisons & bit != 0)
            .map_or("ok", |(_, status)| status)
    }
}

/// Whole numbers as such, others with three digits.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests;
