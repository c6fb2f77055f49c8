//! Commands on hypervisors over SSH: for virtual machines that have no BMC.
//!
//! [`Client`] keeps one actor per hypervisor and user on the runtime it was made on. The actor owns the connection, checks the
//! hypervisor's host key, logs in, and runs a few commands at a time, each with a deadline and bounds on what it may write.
//! Callers only wait: dropping a caller's future never breaks a connection.
//!
//! What is run is one of the operator's [`Templates`], with the name of the node's machine put in: nobody else writes commands.
//!
//! Sources are RFC 4252 (authentication) and RFC 4254 (connection protocol).

mod actor;
mod client;
mod command;
mod config;
mod credential;
mod domain;
mod error;
mod host_key;
mod hypervisor;
mod known_hosts;
mod link;
mod properties;
mod target;
mod templates;

pub use client::Client;
pub use command::Output;
pub use config::ClientConfig;
pub use credential::Credential;
pub use domain::Domain;
pub use error::SshError;
pub use host_key::{HostKey, HostKeys};
pub use known_hosts::{KnownHosts, KnownHostsError};
pub use properties::PROPERTIES;
pub use target::{Account, Target};
pub use templates::{TemplateError, Templates};
