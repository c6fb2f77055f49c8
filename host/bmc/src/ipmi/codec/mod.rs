//! Bytes to values and back, with no I/O and no secrets: what a packet says, never whether to believe it.
//!
//! Everything here takes any bytes at all without panicking; the fuzz targets and property tests hold it to that.

pub mod suite;
