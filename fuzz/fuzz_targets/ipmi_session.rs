//! What our IPMI client decodes within a session: checks, decryption, sequence numbers, matching.
#![no_main]

libfuzzer_sys::fuzz_target!(
    |datagrams: Vec<&[u8]>| ironbark_bmc::ipmi::fuzzing::session(&datagrams)
);
