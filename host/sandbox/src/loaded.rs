//! Which exports a component has: WIT has no optional ones, so each is looked for.

use ironbark_package::Export;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};

use crate::bindings::exports::ironbark::driver as exports;
use crate::faults::LoadError;
use crate::state::State;

/// Declares [`Loaded`]: a field for each export, its name in [`Export`], and its name in the contract.
macro_rules! loaded {
    ($($field:ident = $export:ident $name:literal;)+) => {
        /// The component, linked, and where its exports are.
        pub(crate) struct Loaded {
            pub(crate) instance: InstancePre<State>,
            $(pub(crate) $field: Option<exports::$field::GuestIndices>,)+
        }

        impl Loaded {
            /// Looks for every export.
            pub(crate) fn new(
                component: &Component,
                instance: InstancePre<State>,
            ) -> Result<Self, LoadError> {
                $(
                    let full_name = concat!("ironbark:driver/", $name, "@0.1.0");
                    let $field = match component.get_export_index(None, full_name) {
                        None => None,
                        Some(_) => Some(
                            exports::$field::GuestIndices::new(&instance)
                                .map_err(|error| export_error($name, &error))?,
                        ),
                    };
                )+
                Ok(Self { instance, $($field,)+ })
            }

            /// Whether the component has this export.
            pub(crate) fn has(&self, export: Export) -> bool {
                match export {
                    $(Export::$export => self.$field.is_some(),)+
                }
            }

            /// Checks every export's type.
            pub(crate) fn check_exports(
                &self,
                store: &mut Store<State>,
                instance: &Instance,
            ) -> Result<(), LoadError> {
                $(
                    if let Some(indices) = &self.$field {
                        indices
                            .load(&mut *store, instance)
                            .map_err(|error| export_error($name, &error))?;
                    }
                )+
                Ok(())
            }
        }
    };
}

loaded! {
    power = Power "power";
    management = Management "management";
    boot = Boot "boot";
    deploy = Deploy "deploy";
    vendor = Vendor "vendor";
    bios = Bios "bios";
    console = Console "console";
    firmware = Firmware "firmware";
    inspect = Inspect "inspect";
    network = Network "network";
    raid = Raid "raid";
    rescue = Rescue "rescue";
    storage = Storage "storage";
    steps = Steps "steps";
    periodic = Periodic "periodic";
}

fn export_error(export: &'static str, error: &wasmtime::Error) -> LoadError {
    LoadError::Export {
        export,
        reason: format!("{error:#}"),
    }
}
