//! A way in for the fuzz target: everything that reads what a BMC says. Nothing of it is called by the driver.

use std::cell::Cell;
use std::time::Duration;

use ironbark_driver::{Error, Result, ipmi::Response};

use crate::bmc::Bmc;
use crate::{fru, sel, sensors};

/// Reads `bytes` as an inventory and each of its areas, as a sensor data record, as an entry of the event log, and as the
/// answers of a BMC that is asked for all of them.
pub fn read(bytes: &[u8]) {
    fru::read_areas(bytes);
    let _ = fru::read(&Inventory(bytes));
    sensors::read_record(bytes);
    if let Some(record) = bytes.first_chunk() {
        let _ = sel::shown(record);
    }
    let _ = fru::read(&Answers::of(bytes));
    let _ = sel::read(&Answers::of(bytes), || false);
    let _ = sensors::walk(&Answers::of(bytes), &Endless);
}

/// A BMC whose inventory is this, by bytes.
struct Inventory<'a>(&'a [u8]);

impl Bmc for Inventory<'_> {
    fn raw(&self, _netfn: u8, _lun: u8, _command: u8, data: &[u8]) -> Result<Response> {
        let data = match *data {
            [_, low, high, count] => {
                let from = usize::from(u16::from_le_bytes([low, high]));
                let there = self.0.get(from..).unwrap_or_default();
                let part = there.get(..count.into()).unwrap_or(there);
                [&[count], part].concat()
            }
            _ => {
                let size = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
                [&size.to_le_bytes()[..], &[0]].concat()
            }
        };
        Ok(Response {
            completion_code: 0,
            data,
        })
    }
}

/// A BMC that says these bytes, answer by answer: a length, a completion code, data. Silent when they are over.
struct Answers<'a>(Cell<&'a [u8]>);

impl<'a> Answers<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(Cell::new(bytes))
    }
}

impl Bmc for Answers<'_> {
    fn raw(&self, _netfn: u8, _lun: u8, _command: u8, _data: &[u8]) -> Result<Response> {
        let [length, completion_code, rest @ ..] = self.0.get() else {
            return Err(Error::protocol("the BMC says nothing more"));
        };
        let length = usize::from(*length).min(rest.len());
        let (data, rest) = rest.split_at(length);
        self.0.set(rest);
        Ok(Response {
            completion_code: *completion_code,
            data: data.to_vec(),
        })
    }
}

/// Time that never runs out.
struct Endless;

impl sensors::Time for Endless {
    fn is_up(&self) -> bool {
        false
    }

    fn pause(&self, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_that_a_bmc_says_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            super::read(&bytes);
        }
    }
}
