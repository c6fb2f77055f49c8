//! One trait for each interface of the contract, with default bodies where a machine may not have the thing, and the way from
//! the component's exports to it.

mod boot;
mod deploy;
mod management;
mod periodic;
mod power;
mod steps;
mod vendor;

pub use boot::Boot;
pub use deploy::Deploy;
pub use management::{BootDevice, Management};
pub use periodic::Periodic;
pub use power::Power;
pub use steps::{Step, StepKind, Steps};
pub use vendor::{Request, Vendor};
