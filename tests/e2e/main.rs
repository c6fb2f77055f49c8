//! End to end: the real program, real packages, simulated and real BMCs, real clients. One file per story.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clients;
mod tour;
