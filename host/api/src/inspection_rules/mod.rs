//! `/v1/inspection_rules` (facts §2.15). A rule belongs to no node, so that no conductor has to be asked: the API writes it, and
//! conductors read it when an inspection ramdisk posts what it found.

pub(crate) mod change;
pub(crate) mod read;
