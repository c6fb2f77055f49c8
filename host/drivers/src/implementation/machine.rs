//! What the machine itself has: console, inspection, BIOS, firmware, RAID. The host has no implementations of these that do anything.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_sandbox::{
    BiosChange, BiosSetting, CallContext, CallError, Completed, ConsoleTarget, Driver,
    FirmwareComponent, FirmwareUpdate, Inspection, Outcome, RaidSelection,
};
use serde_json::Value;

use super::{Implementation, Side};

impl Implementation {
    /// Makes the console ready. (console)
    pub async fn start_console(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = None, start_console(context))
    }

    /// Ends what `start_console` began. (console)
    pub async fn stop_console(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = None, stop_console(context))
    }

    /// Where the console is. (console)
    pub async fn get_console(
        &self,
        context: CallContext,
    ) -> Result<Completed<ConsoleTarget>, CallError> {
        dispatch_optional!(self, noop = None, get_console(context))
    }

    /// Inspects the machine; `cursor` is what the last wait gave. (inspect)
    pub async fn inspect_hardware(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Inspection>, CallError> {
        dispatch_optional!(self, noop = None, inspect_hardware(context, cursor))
    }

    /// Gives up an inspection that waits. (inspect)
    pub async fn inspect_abort(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = None, inspect_abort(context))
    }

    /// Goes on with what a ramdisk found. (inspect)
    pub async fn continue_inspection(
        &self,
        context: CallContext,
        inventory: Value,
        plugin_data: Value,
    ) -> Result<Completed<Inspection>, CallError> {
        dispatch_optional!(
            self,
            noop = None,
            continue_inspection(context, inventory, plugin_data)
        )
    }

    /// Changes BIOS settings; `cursor` is what the last wait gave. (bios)
    pub async fn bios_apply_configuration(
        &self,
        context: CallContext,
        settings: Vec<BiosChange>,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(
            self,
            noop = None,
            bios_apply_configuration(context, settings, cursor)
        )
    }

    /// Sets the BIOS to what it was when the machine left its factory. (bios)
    pub async fn bios_factory_reset(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(self, noop = None, bios_factory_reset(context, cursor))
    }

    /// Reads all BIOS settings. (bios)
    pub async fn cache_bios_settings(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<BiosSetting>>, CallError> {
        dispatch_optional!(self, noop = None, cache_bios_settings(context))
    }

    /// Updates firmware; `cursor` is what the last wait gave. (firmware)
    pub async fn firmware_update(
        &self,
        context: CallContext,
        settings: Vec<FirmwareUpdate>,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(
            self,
            noop = None,
            firmware_update(context, settings, cursor)
        )
    }

    /// Reads the versions of all components. (firmware)
    pub async fn cache_firmware_components(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<FirmwareComponent>>, CallError> {
        dispatch_optional!(self, noop = None, cache_firmware_components(context))
    }

    /// Whether the machine could have this RAID configuration. (raid)
    pub async fn validate_raid_config(
        &self,
        context: CallContext,
        config: Value,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = None, validate_raid_config(context, config))
    }

    /// Makes what the node's `target_raid_config` asks for. (raid)
    pub async fn raid_create_configuration(
        &self,
        context: CallContext,
        selection: RaidSelection,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(
            self,
            noop = None,
            raid_create_configuration(context, selection, cursor)
        )
    }

    /// Deletes all logical disks. (raid)
    pub async fn raid_delete_configuration(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(
            self,
            noop = None,
            raid_delete_configuration(context, cursor)
        )
    }

    /// Makes this RAID configuration. (raid)
    pub async fn raid_apply_configuration(
        &self,
        context: CallContext,
        config: Value,
        selection: RaidSelection,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(
            self,
            noop = None,
            raid_apply_configuration(context, config, selection, cursor)
        )
    }

    /// The RAID configuration that the machine has, if it is known. (raid)
    pub async fn get_raid_config(
        &self,
        context: CallContext,
    ) -> Result<Completed<Option<JsonObject>>, CallError> {
        dispatch_optional!(self, noop = None, get_raid_config(context))
    }

    /// What may be said of a logical disk: names and descriptions. (raid)
    pub async fn get_logical_disk_properties(
        &self,
        context: CallContext,
    ) -> Result<Completed<JsonObject>, CallError> {
        dispatch_optional!(self, noop = None, get_logical_disk_properties(context))
    }
}
