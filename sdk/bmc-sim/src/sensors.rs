//! A small sensor data repository (IPMI 2.0 §33, §35, §43).

/// Kinds of sensors (IPMI 2.0 table 42-3).
const TEMPERATURE: u8 = 1;
const VOLTAGE: u8 = 2;

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// In degrees Celsius.
    Temperature,
    /// In volts.
    Voltage,
    /// In revolutions per minute.
    Speed,
}

/// A sensor with its conversion: value = `factor` × reading × 10^`exponent`.
pub(crate) struct Sensor {
    pub(crate) number: u8,
    name: &'static str,
    /// Temperature 01h, voltage 02h, fan 04h (IPMI 2.0 table 42-3).
    kind: u8,
    /// °C 1, volts 4, RPM 18 (IPMI 2.0 table 43-15).
    unit: u8,
    /// What it belongs to: processor 3, system board 7, fan 29 (IPMI 2.0 table 43-13).
    entity: u8,
    factor: u8,
    /// As a nibble in two's complement.
    exponent: i8,
    /// Raw readings with the power on and off; none if there is nothing to read.
    on: u8,
    off: Option<u8>,
    /// Raw thresholds: upper critical and lower critical.
    upper: u8,
    lower: u8,
}

/// What every simulated machine has.
pub(crate) const SENSORS: [Sensor; 4] = [
    Sensor {
        number: 1,
        name: "Inlet Temp",
        kind: 1,
        unit: 1,
        entity: 7,
        factor: 1,
        exponent: 0,
        on: 23,
        off: Some(21),
        upper: 45,
        lower: 3,
    },
    Sensor {
        number: 2,
        name: "CPU Temp",
        kind: 1,
        unit: 1,
        entity: 3,
        factor: 1,
        exponent: 0,
        on: 41,
        off: None,
        upper: 95,
        lower: 0,
    },
    Sensor {
        number: 3,
        name: "Fan 1",
        kind: 4,
        unit: 18,
        entity: 29,
        factor: 60,
        exponent: 0,
        on: 70,
        off: None,
        upper: 200,
        lower: 10,
    },
    Sensor {
        number: 4,
        name: "12V",
        kind: 2,
        unit: 4,
        entity: 7,
        factor: 6,
        exponent: -2,
        on: 201,
        off: None,
        upper: 220,
        lower: 180,
    },
];

impl Sensor {
    pub(crate) fn by_number(number: u8) -> Option<&'static Self> {
        SENSORS.iter().find(|sensor| sensor.number == number)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// What it measures: a temperature, a voltage or a fan's speed.
    pub(crate) fn measures(&self) -> Quantity {
        match self.kind {
            TEMPERATURE => Quantity::Temperature,
            VOLTAGE => Quantity::Voltage,
            _ => Quantity::Speed,
        }
    }

    /// The reading in its unit; none if there is nothing to read.
    pub(crate) fn value(&self, power: bool) -> Option<f64> {
        let raw = if power { Some(self.on) } else { self.off };
        raw.map(|raw| self.converted(raw))
    }

    /// The upper critical threshold in its unit.
    pub(crate) fn upper_critical(&self) -> f64 {
        self.converted(self.upper)
    }

    fn converted(&self, raw: u8) -> f64 {
        f64::from(raw) * f64::from(self.factor) * 10_f64.powi(i32::from(self.exponent))
    }

    /// Data of Get Sensor Reading (IPMI 2.0 §35.14).
    pub(crate) fn reading(&self, power: bool) -> [u8; 3] {
        let raw = if power { Some(self.on) } else { self.off };
        match raw {
            Some(raw) => [raw, 0xc0, 0xc0],
            None => [0, 0xe0, 0xc0],
        }
    }

    /// Data of Get Sensor Thresholds (IPMI 2.0 §35.9): lower and upper critical are readable.
    pub(crate) fn thresholds(&self) -> [u8; 7] {
        [0x12, 0, self.lower, 0, 0, self.upper, 0]
    }

    /// Its full sensor record (IPMI 2.0 table 43-1).
    pub(crate) fn record(&self) -> Vec<u8> {
        let exponents = self.exponent.to_le_bytes().map(|nibble| nibble << 4);
        let body = [
            // Owner, logical unit, number; entity; initialisation, capabilities; kind and threshold type.
            &[
                0x20,
                0,
                self.number,
                self.entity,
                1,
                0x7f,
                0x68,
                self.kind,
                0x01,
            ][..],
            // Events that lower and upper critical raise; thresholds that can be read.
            &[0x00, 0x02, 0x00, 0x02, 0x12, 0x00],
            // Unsigned; unit; linear; factor, tolerance, offset, accuracy; exponents.
            &[0x00, self.unit, 0, 0, self.factor, 0, 0, 0, 0],
            &exponents,
            // Analog characteristics: none given. Maximum and minimum.
            &[0, 0, 0, 0, 0xff, 0],
            &[0, self.upper, 0, 0, self.lower, 0],
            &[0, 0, 0, 0, 0],
            &[0xc0 | u8::try_from(self.name.len()).unwrap_or(0)],
            self.name.as_bytes(),
        ]
        .concat();
        let mut record = u16::from(self.number).to_le_bytes().to_vec();
        record.extend([0x51, 0x01, u8::try_from(body.len()).unwrap_or(0)]);
        record.extend(body);
        record
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn a_record_has_its_fields_where_the_specification_wants_them() {
        for sensor in &SENSORS {
            let record = sensor.record();
            assert_eq!(usize::from(record[4]), record.len() - 5);
            // Counted from 1 in table 43-1: number 8, unit 22, M 25, thresholds 38 and 41, name 48.
            assert_eq!(record[7], sensor.number);
            assert_eq!(record[21], sensor.unit);
            assert_eq!(record[24], sensor.factor);
            assert_eq!((record[37], record[40]), (sensor.upper, sensor.lower));
            assert_eq!(usize::from(record[47] & 0x1f), sensor.name.len());
            assert_eq!(&record[48..], sensor.name.as_bytes());
        }
    }
}
