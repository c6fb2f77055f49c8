//! Nodes: read, listed, made, reserved, observed.

mod cache;
mod columns;
mod create;
mod filter;
mod line;
mod observe;
mod read;
mod refs;
mod reserve;
mod summary;
mod whole;

pub(crate) use cache::NodeCache;
pub(crate) use columns::{node_update, node_update_held};
pub(crate) use create::{duplicate, insert_traits};
pub(crate) use line::{By, node_select, node_with_traits_from};
pub use read::NODE_SORT_KEYS;
pub(crate) use read::node_refs;
pub(crate) use refs::{node_ref_from, ref_columns};
