//! `raid`.

use std::sync::Arc;

use ironbark_model::JsonObject;
use serde_json::Value;

use super::convert::{json_object, outcome};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::raid::Selection;
use crate::{CallContext, CallError, Completed, Driver, Outcome};

/// Largest configuration, in bytes of JSON: it can be stored, however its numbers are written.
const MAX_CONFIG: usize = 256 * 1024;

/// Which volumes a step makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaidSelection {
    /// The root volume.
    pub create_root_volume: bool,
    /// The others.
    pub create_nonroot_volumes: bool,
    /// What is there is deleted first.
    pub delete_existing: bool,
}

impl From<RaidSelection> for Selection {
    fn from(selection: RaidSelection) -> Self {
        Self {
            create_root_volume: selection.create_root_volume,
            create_nonroot_volumes: selection.create_nonroot_volumes,
            delete_existing: selection.delete_existing,
        }
    }
}

impl Driver {
    /// Whether the node has what its RAID implementation needs.
    pub async fn raid_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, raid.call_validate())
    }

    /// Whether the machine could have this configuration.
    pub async fn validate_raid_config(
        &self,
        implementation: &str,
        context: CallContext,
        config: Value,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            raid.call_validate_raid_config(&config.to_string())
        )
    }

    /// Makes what the node's `target_raid_config` asks for; `cursor` is what the last wait gave.
    pub async fn raid_create_configuration(
        &self,
        implementation: &str,
        context: CallContext,
        selection: RaidSelection,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            checkpoint self,
            context,
            implementation,
            raid.call_create_configuration(
                selection.into(),
                cursor.map(|cursor| cursor.to_string()).as_deref()
            )
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Deletes all logical disks.
    pub async fn raid_delete_configuration(
        &self,
        implementation: &str,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            checkpoint self,
            context,
            implementation,
            raid.call_delete_configuration(cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Makes this configuration.
    pub async fn raid_apply_configuration(
        &self,
        implementation: &str,
        context: CallContext,
        config: Value,
        selection: RaidSelection,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            checkpoint self,
            context,
            implementation,
            raid.call_apply_configuration(
                &config.to_string(),
                selection.into(),
                cursor.map(|cursor| cursor.to_string()).as_deref()
            )
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// The configuration that the machine has, if it is known.
    pub async fn get_raid_config(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Option<JsonObject>>, CallError> {
        let completed = call!(self, context, implementation, raid.call_get_raid_config());
        checked!(self, completed, |text: Option<String>| text
            .map(|text| {
                if text.len() > MAX_CONFIG {
                    return Err(format!(
                        "raid.get-raid-config answered {} bytes; at most {MAX_CONFIG} are accepted",
                        text.len()
                    ));
                }
                json_object("raid.get-raid-config", &text)
            })
            .transpose())
    }

    /// What may be said of a logical disk: names and descriptions.
    pub async fn get_logical_disk_properties(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<JsonObject>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            raid.call_get_logical_disk_properties()
        );
        checked!(self, completed, |text: String| json_object(
            "raid.get-logical-disk-properties",
            &text
        ))
    }
}
