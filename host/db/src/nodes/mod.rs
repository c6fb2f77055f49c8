//! Nodes: read, listed, made, reserved, observed.

mod columns;
mod create;
mod filter;
mod observe;
mod read;
mod reserve;

pub(crate) use columns::{By, REF_COLUMNS, node_from, node_ref_from, node_select, node_update};
pub(crate) use create::{duplicate, insert_traits};
pub use read::NODE_SORT_KEYS;
pub(crate) use read::traits_of;
