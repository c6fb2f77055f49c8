//! `bios`.

use std::sync::Arc;

use serde_json::Value;

use super::convert::{at_most, outcome};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::bios as wit;
use crate::{CallContext, CallError, Completed, Driver, Outcome};

/// Most settings that a machine may have, and the longest name and value (the contract's bounds).
const MAX_SETTINGS: usize = 4096;
const MAX_NAME: usize = 255;

/// A setting that shall be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BiosChange {
    /// The setting's name.
    pub name: String,
    /// Its new value.
    pub value: BiosValue,
}

/// What a setting shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BiosValue {
    /// Text, or one of the allowable values.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
}

/// A setting as the machine has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BiosSetting {
    /// Its name.
    pub name: String,
    /// Its value now.
    pub value: Option<String>,
    /// `Enumeration`, `String`, `Integer`, `Boolean` or `Password`.
    pub attribute_type: Option<String>,
    /// What an enumeration may be.
    pub allowable_values: Vec<String>,
    /// Smallest value of an integer.
    pub lower_bound: Option<i64>,
    /// Largest value of an integer.
    pub upper_bound: Option<i64>,
    /// Shortest length of a string.
    pub min_length: Option<u32>,
    /// Longest length of a string.
    pub max_length: Option<u32>,
    /// It can't be changed.
    pub read_only: Option<bool>,
    /// A change needs a restart.
    pub reset_required: Option<bool>,
    /// Its value is different on every machine.
    pub unique: Option<bool>,
}

impl Driver {
    /// Whether the node has what its BIOS implementation needs.
    pub async fn bios_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, bios.call_validate())
    }

    /// Changes settings; `cursor` is what the last wait gave.
    pub async fn bios_apply_configuration(
        &self,
        implementation: &str,
        context: CallContext,
        settings: Vec<BiosChange>,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let settings: Vec<wit::Change> = settings.into_iter().map(Into::into).collect();
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            checkpoint self,
            context,
            implementation,
            bios.call_apply_configuration(
                &settings,
                cursor.map(|cursor| cursor.to_string()).as_deref()
            )
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Sets everything to what it was when the machine left its factory.
    pub async fn bios_factory_reset(
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
            bios.call_factory_reset(cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Reads all settings.
    pub async fn cache_bios_settings(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<BiosSetting>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            bios.call_cache_bios_settings()
        );
        checked!(self, completed, read_settings)
    }
}

fn read_settings(settings: Vec<wit::Setting>) -> Result<Vec<BiosSetting>, String> {
    at_most("bios.cache-bios-settings", settings.len(), MAX_SETTINGS)?;
    settings
        .into_iter()
        .map(|setting| {
            let name_fits = (1..=MAX_NAME).contains(&setting.name.len());
            if !name_fits {
                return Err(format!(
                    "the name of a BIOS setting has {} bytes; 1 to {MAX_NAME} are accepted",
                    setting.name.len()
                ));
            }
            Ok(BiosSetting {
                name: setting.name,
                value: setting.value,
                attribute_type: setting.attribute_type,
                allowable_values: setting.allowable_values,
                lower_bound: setting.lower_bound,
                upper_bound: setting.upper_bound,
                min_length: setting.min_length,
                max_length: setting.max_length,
                read_only: setting.read_only,
                reset_required: setting.reset_required,
                unique: setting.unique,
            })
        })
        .collect()
}

impl From<BiosChange> for wit::Change {
    fn from(change: BiosChange) -> Self {
        Self {
            name: change.name,
            value: match change.value {
                BiosValue::Text(text) => wit::Value::Text(text),
                BiosValue::Integer(number) => wit::Value::Integer(number),
                BiosValue::Boolean(yes) => wit::Value::Boolean(yes),
            },
        }
    }
}
