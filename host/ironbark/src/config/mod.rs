//! Configuration: a TOML file, then `IRONBARK_<SECTION>_<KEY>` variables, then flags, over safe defaults.

mod load;
mod origins;
mod settings;

pub(crate) use load::load;
pub(crate) use origins::{At, Origins};
pub(crate) use settings::{
    AuthStrategy, ConductorSettings, DriverSettings, PackageLimits, Seconds, Settings, Signatures,
    StepSource,
};
