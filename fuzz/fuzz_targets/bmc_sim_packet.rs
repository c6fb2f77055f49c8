//! What the simulated BMC does with a datagram, from decoding to set-up and commands outside of sessions.
#![no_main]

libfuzzer_sys::fuzz_target!(
    |datagrams: Vec<&[u8]>| ironbark_bmc_sim::receive_everything(&datagrams)
);
