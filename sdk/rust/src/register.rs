//! From the traits to a component's exports.

use std::marker::PhantomData;

use crate::{Error, Result, call};

/// Makes the crate a driver package: embeds its metadata, and exports the interfaces that are named, each with its
/// implementations by the names that the metadata declares.
///
/// ```text
/// ironbark_driver::register! {
///     metadata: "../driver.json",   // relative to this file, as for `include_str!`
///     power: { "acme" => AcmePower },
///     vendor: { "acme" => AcmeVendor, "acme-old" => AcmeVendor },
/// }
/// ```
///
/// The interfaces are `power`, `management`, `boot`, `deploy`, `bios`, `console`, `firmware`, `inspect`, `network`, `raid`, `rescue`, `storage`,
/// `vendor`, `steps` and `periodic`; an implementation is a constant expression of a type that has the interface's trait. `steps` are found by the implementation that the step belongs to, `periodic` by what the
/// task is `on`: the implementation's name or the hardware type's. Use it once in a crate, at its root.
#[macro_export]
macro_rules! register {
    (
        metadata: $metadata:expr
        $(, $interface:ident : { $($name:literal => $implementation:expr),+ $(,)? })*
        $(,)?
    ) => {
        const _: () = {
            const METADATA: &str = include_str!($metadata);

            // Custom sections end up in the component's core module; packaging lifts them to the top.
            #[cfg(target_arch = "wasm32")]
            #[used]
            #[allow(unsafe_code)]
            #[unsafe(link_section = "ironbark-driver")]
            static SECTION: [u8; METADATA.len()] = *include_bytes!($metadata);

            struct Package;
            #[allow(dead_code, reason = "only the exports use it, and natively there are none")]
            type Exports = $crate::Registered<Package>;
            $($crate::__register_interface!($interface, Package, Exports, { $($name => $implementation),+ });)*
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __register_interface {
    (power, $($rest:tt)*) => { $crate::__register_interface!(@ power, export_power, Power, $($rest)*); };
    (management, $($rest:tt)*) => { $crate::__register_interface!(@ management, export_management, Management, $($rest)*); };
    (boot, $($rest:tt)*) => { $crate::__register_interface!(@ boot, export_boot, Boot, $($rest)*); };
    (deploy, $($rest:tt)*) => { $crate::__register_interface!(@ deploy, export_deploy, Deploy, $($rest)*); };
    (vendor, $($rest:tt)*) => { $crate::__register_interface!(@ vendor, export_vendor, Vendor, $($rest)*); };
    (bios, $($rest:tt)*) => { $crate::__register_interface!(@ bios, export_bios, Bios, $($rest)*); };
    (console, $($rest:tt)*) => { $crate::__register_interface!(@ console, export_console, Console, $($rest)*); };
    (firmware, $($rest:tt)*) => { $crate::__register_interface!(@ firmware, export_firmware, Firmware, $($rest)*); };
    (inspect, $($rest:tt)*) => { $crate::__register_interface!(@ inspect, export_inspect, Inspect, $($rest)*); };
    (network, $($rest:tt)*) => { $crate::__register_interface!(@ network, export_network, Network, $($rest)*); };
    (raid, $($rest:tt)*) => { $crate::__register_interface!(@ raid, export_raid, Raid, $($rest)*); };
    (rescue, $($rest:tt)*) => { $crate::__register_interface!(@ rescue, export_rescue, Rescue, $($rest)*); };
    (storage, $($rest:tt)*) => { $crate::__register_interface!(@ storage, export_storage, Storage, $($rest)*); };
    (steps, $($rest:tt)*) => { $crate::__register_interface!(@ steps, export_steps, Steps, $($rest)*); };
    (periodic, $($rest:tt)*) => { $crate::__register_interface!(@ periodic, export_periodic, Periodic, $($rest)*); };
    (@ $module:ident, $export:ident, $trait:ident, $package:ident, $exports:ident,
     { $($name:literal => $implementation:expr),+ }) => {
        impl $crate::Registry<dyn $crate::$trait> for $package {
            fn find(implementation: &str) -> Option<&'static dyn $crate::$trait> {
                match implementation {
                    $($name => Some(&$implementation),)+
                    _ => None,
                }
            }
        }
        // Only a component exports: linkers of other targets don't take these names.
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::$module::$export!($exports with_types_in $crate::bindings::$module);
    };
}

/// Which implementations of an interface a package has. `register!` writes it.
#[doc(hidden)]
pub trait Registry<Interface: ?Sized + 'static> {
    /// The implementation of this name.
    fn find(implementation: &str) -> Option<&'static Interface>;
}

/// The exports of a package: dispatches each call to the implementation that it is for.
#[doc(hidden)]
#[derive(Debug)]
pub struct Registered<Package>(PhantomData<Package>);

/// The implementation that this call is for. Not inlined: a package may have a hundred exports, and each would get a copy.
#[inline(never)]
pub(crate) fn called<Package, Interface>(interface: &str) -> Result<&'static Interface>
where
    Package: Registry<Interface>,
    Interface: ?Sized + 'static,
{
    let name = call::implementation();
    Package::find(&name).ok_or_else(|| no_such_implementation(&name, interface))
}

#[cold]
fn no_such_implementation(name: &str, interface: &str) -> Error {
    Error::unsupported(format!(
        "this package has no implementation '{name}' of the interface '{interface}': \
         its metadata and its register! disagree"
    ))
}

/// What a default body returns.
pub(crate) fn not_supported<T>(function: &str) -> Result<T> {
    Err(Error::unsupported(format!(
        "'{}' does not support {function}",
        call::implementation()
    )))
}
