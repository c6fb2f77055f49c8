//! What a node boots from, and what its instance finds there: config drives, and the images that they are written to.
//!
//! Pure: bytes in, bytes out. This crate knows the model only; who stores or serves what it makes is somebody else.

#![forbid(unsafe_code)]

pub mod config_drive;
pub mod iso9660;
