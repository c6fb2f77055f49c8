//! What a driver package is: one WebAssembly component with a metadata document in a custom section.
//!
//! Reads, checks and writes packages without running them: for the service, the command line and the build.
//! This crate may not know how components are executed (no wasmtime here), nor any database or network.
//!
//! * [`Metadata`]: the document, its types and its rules. Published as `metadata.schema.json` beside this crate.
//! * [`Contents::read`]: the metadata section, imports and exports of a component; [`CodeSize::of`]: how much work it is to compile.
//! * [`lift`]: moves the section from where a compiler puts it (a nested core module) to where a package has it.

#![forbid(unsafe_code)]

mod agreement;
mod capabilities;
mod code;
mod component;
mod contract;
mod lift;
mod metadata;
mod redfish_rule;
mod validate;
mod within;

pub use agreement::{Disagreement, is_method};
pub use code::CodeSize;
pub use component::{Contents, ContentsError};
pub use contract::{CONTRACT_VERSION, Export, interface_name};
pub use lift::{LiftError, embed, lift};
pub use metadata::{
    ArgumentInfo, Capability, CommandId, HardwareType, ImplementationEntry, ImplementationRef,
    Metadata, Periodic, PeriodicLock, PeriodicScope, StepEntry, VendorMethod, VendorScope,
};
pub use redfish_rule::{PatternSegment, RedfishRule, RedfishRuleError};
pub use validate::{MetadataError, is_connection_key, is_host_implementation};

/// Name of the custom section that holds the metadata.
pub const SECTION: &str = "ironbark-driver";

/// Largest accepted metadata document, in bytes.
pub const MAX_METADATA_BYTES: usize = 1024 * 1024;

/// The JSON Schema of the metadata document, for editors and other languages' tools.
pub const METADATA_SCHEMA: &str = include_str!("../metadata.schema.json");
