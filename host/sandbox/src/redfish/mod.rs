//! Which Redfish requests a package may send: pure, so that it can be tested without a service.
//!
//! Three questions in turn, each in a file: is the path unmistakable ([`path`]), do the rules and groups allow it
//! ([`policy`]), and does it, or anything in the body, lead to what belongs to another node ([`ownership`])? What is sent is what was judged:
//! the path is written anew from the segments that were looked at.

mod ownership;
mod path;
mod policy;

pub(crate) use ownership::Ownership;
pub(crate) use path::ResourcePath;
pub use policy::{REDFISH_GROUPS, RedfishGroup, RedfishPolicy};
