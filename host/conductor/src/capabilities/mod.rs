//! What the conductor lends to driver calls: the node's own BMC, and the package's own notes on the node.

mod ipmi;
mod state;
mod unserved;

pub(crate) use ipmi::BmcOverIpmi;
pub(crate) use state::NodeNotes;
pub(crate) use unserved::Unserved;
