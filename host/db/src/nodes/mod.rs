//! Nodes: read, listed, made, reserved, observed.

mod columns;
mod create;
mod decode;
mod filter;
mod observe;
mod read;
mod reserve;

pub(crate) use columns::{node_update, node_update_held};
pub(crate) use create::{duplicate, insert_traits};
pub(crate) use decode::{By, node_ref_from, node_select, node_with_traits_from, ref_columns};
pub use read::NODE_SORT_KEYS;
pub(crate) use read::node_refs;
