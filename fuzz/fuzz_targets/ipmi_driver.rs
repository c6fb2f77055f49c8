//! What the `ipmi` driver reads of what a BMC says: inventory, sensor data records, event log.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ironbark_plugin_ipmi::fuzzing::read(bytes));
