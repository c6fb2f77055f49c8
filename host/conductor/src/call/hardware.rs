//! The methods about a node's hardware and networks.

use ironbark_model::{InterfaceKind, JsonObject, Result};
use ironbark_sandbox::{BiosSetting, ConsoleTarget, FirmwareComponent};
use serde_json::Value;

use super::{Called, NodeCall};

/// Methods: name here, arguments, interface, name of the implementation's method, what it returns. Arguments are cloned for each try.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) = $kind:ident.$method:ident -> $value:ty;)+) => {
        impl NodeCall<'_> {
            $(
                $(#[$doc])*
                pub(crate) async fn $name(&self $(, $arg: $type)*) -> Result<Called<$value>> {
                    let implementation = self.implementation(InterfaceKind::$kind)?;
                    self.run(implementation, |implementation, context| {
                        $(let $arg = $arg.to_owned();)*
                        async move { implementation.$method(context $(, $arg)*).await }
                    })
                    .await
                }
            )+
        }
    };
}

methods! {
    /// Makes the console ready.
    start_console() = Console.start_console -> ();
    /// Ends what `start_console` began.
    stop_console() = Console.stop_console -> ();
    /// Where the console is.
    get_console() = Console.get_console -> ConsoleTarget;
    /// Reads all BIOS settings.
    cache_bios_settings() = Bios.cache_bios_settings -> Vec<BiosSetting>;
    /// Reads the versions of all firmware.
    cache_firmware_components() = Firmware.cache_firmware_components -> Vec<FirmwareComponent>;
    /// Whether the machine could have this RAID configuration.
    validate_raid_config(config: &Value) = Raid.validate_raid_config -> ();
    /// The RAID configuration that the machine has, if it is known.
    get_raid_config() = Raid.get_raid_config -> Option<JsonObject>;
    /// The boot mode, if it is known.
    get_boot_mode() = Management.get_boot_mode -> Option<String>;
    /// Sets the boot mode.
    set_boot_mode(mode: &str) = Management.set_boot_mode -> ();
    /// Whether secure boot is on, if it is known.
    get_secure_boot() = Management.get_secure_boot_state -> Option<bool>;
    /// Switches secure boot.
    set_secure_boot(enabled: bool) = Management.set_secure_boot_state -> ();
    /// `OK`, `Warning` or `Critical`, if it is known.
    get_node_health() = Management.get_node_health -> Option<String>;
    /// Indicators of all components.
    indicators(component: Option<String>) = Management.get_supported_indicators -> Value;
    /// An indicator's state.
    get_indicator(component: &str, indicator: &str) = Management.get_indicator_state -> String;
    /// Sets an indicator.
    set_indicator(component: &str, indicator: &str, state: &str) = Management.set_indicator_state -> ();
    /// Virtual media devices.
    virtual_media() = Management.get_virtual_media -> Value;
    /// Attaches an image.
    attach_virtual_media(device_type: &str, image_url: &str) = Management.attach_virtual_media -> ();
    /// Detaches images.
    detach_virtual_media(device_types: &[String]) = Management.detach_virtual_media -> ();
    /// Identifiers of the VIFs that are attached.
    vif_list() = Network.vif_list -> Vec<String>;
    /// Attaches a VIF.
    vif_attach(vif: &Value) = Network.vif_attach -> ();
    /// Detaches a VIF.
    vif_detach(vif: &str) = Network.vif_detach -> ();
    /// Connects the node's volumes.
    attach_volumes() = Storage.attach_volumes -> ();
    /// Disconnects them. May be called again after an interruption.
    detach_volumes() = Storage.detach_volumes -> ();
}

impl NodeCall<'_> {
    /// Whether this conductor itself writes down which VIFs the node has.
    pub(crate) fn records_vifs(&self) -> Result<bool> {
        Ok(self.implementation(InterfaceKind::Network)?.records_vifs())
    }

    /// Whether the node's implementation of `kind` comes from a package: what the host has of its own does nothing.
    pub(crate) fn is_driven(&self, kind: InterfaceKind) -> Result<bool> {
        Ok(self.implementation(kind)?.package().is_some())
    }
}
