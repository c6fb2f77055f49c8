//! Lines in the host's log, bound to the node and the request. No secrets.
//!
//! ```no_run
//! # let watts = 3;
//! ironbark_driver::log::info(format_args!("drawing {watts} W"));
//! ```

use std::fmt::Display;

use serde_json::Value;

use crate::bindings::imports::ironbark::driver::log;

pub use log::Level;

/// Something failed and an operator should look.
pub fn error(message: impl Display) {
    log::write(Level::Error, &message.to_string(), "");
}

/// Something is odd.
pub fn warn(message: impl Display) {
    log::write(Level::Warn, &message.to_string(), "");
}

/// Something worth knowing happened.
pub fn info(message: impl Display) {
    log::write(Level::Info, &message.to_string(), "");
}

/// For whoever writes the driver.
pub fn debug(message: impl Display) {
    log::write(Level::Debug, &message.to_string(), "");
}

/// A line with fields of its own: `fields` is a JSON object.
pub fn with_fields(level: Level, message: impl Display, fields: &Value) {
    log::write(level, &message.to_string(), &fields.to_string());
}
