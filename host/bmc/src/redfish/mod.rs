//! Redfish over HTTP: one client for all services of a process.
//!
//! [`Client`] keeps one actor per service and user on the runtime it was made on. The actor owns the connections and the
//! Redfish session, logs in and out, remembers ETags, paces what is sent, and never follows a service to another host.
//! Callers only wait: dropping a caller's future never breaks a session, and what was sent is finished.
//!
//! A driver's request crosses here as method, path and JSON. Which paths a driver may use is not decided here.
//!
//! Sources are clauses of the *Redfish Specification* DSP0266 ("DSP0266 §…").

mod actor;
mod address;
mod client;
mod command;
mod config;
mod connection;
mod discovery;
mod error;
mod etags;
mod message;
mod path;
mod peer;
mod properties;
mod redirect;
mod retry;
mod session;
mod sharing;
mod target;
mod tls;
mod trust;

pub use address::{Address, Scheme};
pub use client::Client;
pub use config::ClientConfig;
pub use discovery::Resources;
pub use error::RedfishError;
pub use message::{Method, Request, Response};
pub use properties::PROPERTIES;
pub use target::{Authentication, Service, Target, TlsVersion, Trust};
