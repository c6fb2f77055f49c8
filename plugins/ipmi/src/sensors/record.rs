//! Full sensor records (IPMI 2.0 §43.1, table 43-1): sensors with a numeric reading. Offsets are those of the table less one.

use super::{
    factors::{Factors, Format, linearize},
    names,
};

/// Type of full sensor records.
pub(crate) const FULL_SENSOR: u8 = 0x01;
/// The BMC's own address as sensor owner.
const BMC: u8 = 0x20;
/// Event/reading type of sensors that have thresholds.
const THRESHOLD: u8 = 0x01;
const FIRST_NONLINEAR: u8 = 0x70;

/// Names of thresholds, by their bit in the readable mask and their place in the record.
const THRESHOLDS: &[(u8, usize, &str)] = &[
    (5, 36, "Upper non-recoverable"),
    (4, 37, "Upper critical"),
    (3, 38, "Upper non-critical"),
    (2, 39, "Lower non-recoverable"),
    (1, 40, "Lower critical"),
    (0, 41, "Lower non-critical"),
];

/// A sensor with a numeric reading.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FullSensor {
    owner: u8,
    pub(crate) lun: u8,
    pub(crate) number: u8,
    pub(crate) entity: u8,
    pub(crate) instance: u8,
    pub(crate) sensor_type: u8,
    pub(crate) has_thresholds: bool,
    /// Modifier and rate bits, base unit, modifier unit.
    pub(crate) unit: [u8; 3],
    pub(crate) factors: Factors,
    pub(crate) name: String,
    format: Format,
    linearization: u8,
    thresholds: Vec<(&'static str, u8)>,
}

impl FullSensor {
    /// `None` for other records, sensors without numbers, and records that are too short.
    pub(crate) fn parse(record: &[u8]) -> Option<Self> {
        let at = |offset: usize| record.get(offset).copied();
        if at(3)? != FULL_SENSOR {
            return None;
        }
        let readable = at(18)?;
        let has_thresholds = at(13)? == THRESHOLD;
        let thresholds = THRESHOLDS
            .iter()
            .filter(|(bit, ..)| has_thresholds && readable & (1 << bit) != 0)
            .filter_map(|(_, offset, name)| Some((*name, at(*offset)?)))
            .collect();
        Some(Self {
            owner: at(5)?,
            lun: at(6)? & 0x03,
            number: at(7)?,
            entity: at(8)?,
            instance: at(9)? & 0x7f,
            sensor_type: at(12)?,
            has_thresholds,
            unit: [at(20)?, at(21)?, at(22)?],
            factors: Factors::parse(record.get(24..)?)?,
            name: names::id_string(at(47)?, record.get(48..)?),
            format: Format::parse(at(20)?)?,
            linearization: at(23)? & 0x7f,
            thresholds,
        })
    }

    /// Others are on controllers behind the BMC, which this driver doesn't reach.
    pub(crate) fn is_the_bmcs(&self) -> bool {
        self.owner == BMC
    }

    /// Whether factors differ from reading to reading.
    pub(crate) fn is_nonlinear(&self) -> bool {
        self.linearization >= FIRST_NONLINEAR
    }

    /// What a raw reading means, in the sensor's unit.
    pub(crate) fn value(&self, factors: Factors, raw: u8) -> f64 {
        linearize(self.linearization, factors.linear(self.format.number(raw)))
    }

    /// By how much a value may be off. Only linear sensors say it in their unit.
    pub(crate) fn tolerance(&self, factors: Factors) -> f64 {
        match self.linearization {
            0 | FIRST_NONLINEAR.. => factors.tolerance(),
            _ => 0.0,
        }
    }

    /// The thresholds that can be read, raw.
    pub(crate) fn thresholds(&self) -> impl Iterator<Item = (&'static str, u8)> {
        self.thresholds.iter().copied()
    }
}
