//! What ramdisks say and are told, since which version (facts §2.12).

use super::{Filter, filter};

/// A lookup hands out the agent's token since this version.
pub(crate) const LOOKUP_TOKEN_SINCE: u16 = 62;

/// `POST /v1/continue_inspection` answers as a lookup does since this version; before, with the UUID alone.
pub(crate) const INSPECTION_AS_LOOKUP_SINCE: u16 = 84;

/// What a heartbeat may say; what is too new is answered 400. `agent_token` came with 62, but Ironic takes it from all agents.
pub(crate) const HEARTBEAT: &[Filter] = &[
    filter("callback_url", 22),
    filter("agent_version", 36),
    filter("agent_token", 22),
    filter("agent_verify_ca", 68),
    filter("agent_status", 72),
    filter("agent_status_message", 72),
];
