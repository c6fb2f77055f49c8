//! What is being asked: each instance of a driver serves one call.

use std::time::Duration;

use crate::{Node, Result, bindings::imports::ironbark::driver::call};

pub use call::LockMode;

/// The name of the implementation that is called. `register!` has looked at it already.
pub fn implementation() -> String {
    call::implementation()
}

/// The request that this call is part of, `req-…`. The host's log lines carry it anyway.
pub fn request_id() -> String {
    call::request_id()
}

/// What is left until the host ends this call; 60 seconds at the start unless the operator says otherwise.
pub fn time_left() -> Duration {
    Duration::from_millis(call::deadline())
}

/// How the node is held. Notes ([`state`](crate::state)) can only be written under [`LockMode::Exclusive`].
pub fn lock() -> LockMode {
    call::lock()
}

/// The node of this call, as it was when the call began.
///
/// # Errors
/// `invalid-parameter` if the call has no node: methods of scope `driver`, tasks of scope `conductor`.
pub fn node() -> Result<Node> {
    Node::from_json(&call::node())
}
