//! The contract's exports as methods of [`Driver`](crate::Driver), one file each, and the types that cross.

mod bios;
mod boot;
mod console;
mod convert;
mod deploy;
mod firmware;
mod inspect;
mod management;
mod network;
mod periodic;
mod power;
mod raid;
mod rescue;
mod steps;
mod storage;
mod vendor;

pub use bios::{BiosChange, BiosSetting, BiosValue};
pub use console::ConsoleTarget;
pub use firmware::{FirmwareComponent, FirmwareUpdate};
pub use inspect::{Findings, FoundPort, Inspection};
pub use network::BoundPort;
pub use raid::RaidSelection;
pub use steps::StepCall;
pub use vendor::VendorRequest;

/// Calls one function of an export in a new instance.
///
/// `call!(self, context, implementation, export.function(arguments), as "name")`; the arguments are moved into the
/// call. With `checkpoint` before it, the guest may use `state.checkpoint`.
macro_rules! call {
    ($driver:expr, $context:expr, $implementation:expr, $export:ident.$function:ident($($argument:expr),*)) => {
        $crate::exports::call!(@ false, $driver, $context, $implementation, $export.$function($($argument),*))
    };
    (checkpoint $driver:expr, $context:expr, $implementation:expr, $export:ident.$function:ident($($argument:expr),*)) => {
        $crate::exports::call!(@ true, $driver, $context, $implementation, $export.$function($($argument),*))
    };
    (@ $checkpoint:literal, $driver:expr, $context:expr, $implementation:expr, $export:ident.$function:ident($($argument:expr),*)) => {{
        let driver: &$crate::Driver = $driver;
        match driver.loaded.$export.clone() {
            None => {
                let kind = $crate::FaultKind::MissingExport(stringify!($export));
                Err($crate::CallError::from(driver.fault(kind)))
            }
            Some(indices) => {
                driver
                    .call($implementation, $context, $checkpoint, move |store, instance| {
                        Box::pin(async move {
                            let guest = indices.load(&mut *store, &instance)?;
                            guest.$function(store, $($argument),*).await
                        })
                    })
                    .await
            }
        }
    }};
}
pub(crate) use call;

/// Turns what was returned into the service's types; what breaks the contract is a fault of the package.
macro_rules! checked {
    ($driver:expr, $completed:expr, $convert:expr) => {{
        let completed = $completed?;
        match $convert(completed.value) {
            Ok(value) => Ok($crate::Completed {
                value,
                writes: completed.writes,
                usage: completed.usage,
            }),
            Err(reason) => {
                let reason: String = reason;
                Err($crate::CallError::from(
                    $driver.fault_with($crate::FaultKind::BadResult, reason),
                ))
            }
        }
    }};
}
pub(crate) use checked;
