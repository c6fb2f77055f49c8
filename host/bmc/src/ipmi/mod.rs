//! IPMI over LAN: one client for all BMCs of a process.
//!
//! [`Client`] keeps one actor per BMC on the runtime it was made on. The actor owns the RMCP+ session,
//! sends one command at a time, retransmits, drops late and duplicated replies, and closes the session when
//! it is idle or forgotten. Callers only wait: dropping a caller's future never breaks a session.
//!
//! Sources are sections of the *IPMI v2.0 specification, revision 1.1* ("IPMI 2.0 §…").

mod actor;
mod bridge;
mod client;
#[doc(hidden)]
pub mod codec;
mod config;
mod console;
mod crypto;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod in_session;
mod link;
mod message;
mod old_session;
mod opening;
mod properties;
mod session;
mod shared;
mod target;
mod transport;

pub use bridge::{Bridge, Hop};
pub use client::Client;
pub use config::ClientConfig;
pub use console::{Console, Farewell, Hold};
pub use error::IpmiError;
pub use message::{Request, Response};
pub use properties::PROPERTIES;
pub use target::{Kg, Privilege, Target, Version};
