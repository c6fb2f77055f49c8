//! `/v1/drivers` (facts §2.6). What is called a driver in the API is a hardware type.

pub(crate) mod list;
pub(crate) mod properties;
pub(crate) mod raid;
pub(crate) mod vendor;
