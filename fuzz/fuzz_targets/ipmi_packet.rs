//! What our IPMI client decodes before it knows any session.
#![no_main]

libfuzzer_sys::fuzz_target!(|datagram: &[u8]| ironbark_bmc::ipmi::fuzzing::decode(datagram));
