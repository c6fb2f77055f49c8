//! What wit-bindgen makes of `wit/`: one module for each small world, all on the types and imports of one.
//!
//! A component exports exactly the interfaces whose `export_…!` macro is used, so each stays apart from the others.

/// The world that only imports; the modules beside it share its types.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "imports",
        generate_all,
        // Also types that no import uses, such as `power-state`.
        generate_unused_types: true,
        additional_derives: [PartialEq],
    });
}

macro_rules! export {
    ($module:ident, $world:literal, $macro:literal) => {
        #[doc = concat!("World `", $world, "`.")]
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                world: $world,
                pub_export_macro: true,
                export_macro_name: $macro,
                with: {
                    "ironbark:driver/types@0.1.0": crate::bindings::imports::ironbark::driver::types,
                    "ironbark:driver/call@0.1.0": crate::bindings::imports::ironbark::driver::call,
                    "ironbark:driver/ipmi@0.1.0": crate::bindings::imports::ironbark::driver::ipmi,
                    "ironbark:driver/redfish@0.1.0": crate::bindings::imports::ironbark::driver::redfish,
                    "ironbark:driver/ssh@0.1.0": crate::bindings::imports::ironbark::driver::ssh,
                    "ironbark:driver/agent@0.1.0": crate::bindings::imports::ironbark::driver::agent,
                    "ironbark:driver/boot-media@0.1.0": crate::bindings::imports::ironbark::driver::boot_media,
                    "ironbark:driver/state@0.1.0": crate::bindings::imports::ironbark::driver::state,
                    "ironbark:driver/log@0.1.0": crate::bindings::imports::ironbark::driver::log,
                    "ironbark:driver/clock@0.1.0": crate::bindings::imports::ironbark::driver::clock,
                },
            });
        }
    };
}

export!(power, "power-driver", "export_power");
export!(management, "management-driver", "export_management");
export!(boot, "boot-driver", "export_boot");
export!(deploy, "deploy-driver", "export_deploy");
export!(vendor, "vendor-driver", "export_vendor");
export!(bios, "bios-driver", "export_bios");
export!(console, "console-driver", "export_console");
export!(firmware, "firmware-driver", "export_firmware");
export!(inspect, "inspect-driver", "export_inspect");
export!(network, "network-driver", "export_network");
export!(raid, "raid-driver", "export_raid");
export!(rescue, "rescue-driver", "export_rescue");
export!(storage, "storage-driver", "export_storage");
export!(steps, "steps-driver", "export_steps");
export!(periodic, "periodic-driver", "export_periodic");
