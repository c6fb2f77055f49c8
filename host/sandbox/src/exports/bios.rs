//! `bios`.

use std::sync::Arc;

use serde_json::Value;

use super::convert::{at_most, maybe_name, name, outcome, plain_text};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::bios as wit;
use crate::{CallContext, CallError, Completed, Driver, Outcome};

/// Most settings that a machine may have, and values that one may have.
const MAX_SETTINGS: usize = 4096;
const MAX_ALLOWED: usize = 1024;
/// Longest value, and all values together, in bytes.
const MAX_VALUE: usize = 4096;
const MAX_TOTAL: usize = 4 * 1024 * 1024;

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
    let mut total = 0usize;
    settings
        .into_iter()
        .map(|setting| {
            if setting.name.is_empty() {
                return Err("a BIOS setting has no name".to_owned());
            }
            let allowed = setting.allowable_values;
            at_most(
                "values that a BIOS setting may have",
                allowed.len(),
                MAX_ALLOWED,
            )?;
            let mut bounded = |what: &str, text: String| {
                let text = plain_text(what, text, MAX_VALUE)?;
                total = total.saturating_add(text.len());
                if total <= MAX_TOTAL {
                    Ok(text)
                } else {
                    Err(format!(
                        "the BIOS settings have more than {MAX_TOTAL} bytes"
                    ))
                }
            };
            let value = setting
                .value
                .map(|text| bounded("the value of a BIOS setting", text));
            Ok(BiosSetting {
                name: name("the name of a BIOS setting", setting.name)?,
                value: value.transpose()?,
                attribute_type: maybe_name("the type of a BIOS setting", setting.attribute_type)?,
                allowable_values: allowed
                    .into_iter()
                    .map(|text| bounded("a value that a BIOS setting may have", text))
                    .collect::<Result<_, _>>()?,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn setting(name: &str, value: String, allowed: Vec<String>) -> wit::Setting {
        wit::Setting {
            name: name.into(),
            value: Some(value),
            attribute_type: Some("String".into()),
            allowable_values: allowed,
            lower_bound: None,
            upper_bound: None,
            min_length: None,
            max_length: None,
            read_only: None,
            reset_required: None,
            unique: None,
        }
    }

    fn read(name: &str, value: String, allowed: Vec<String>) -> Result<BiosSetting, String> {
        read_settings(vec![setting(name, value, allowed)]).map(|mut read| read.remove(0))
    }

    #[test]
    fn what_is_stored_of_settings_is_plain_and_bounded() {
        let good = read("Mode", "a\u{1e}\0b".into(), vec!["x\ny".into()]).unwrap();
        assert_eq!(good.value.as_deref(), Some("a  b"));
        assert_eq!(good.allowable_values, ["x y"]);
        for bad in ["", "a\u{1e}b", "a\0b", &"x".repeat(256)] {
            assert!(read(bad, String::new(), vec![]).is_err(), "{bad:?}");
        }
        let long = "x".repeat(MAX_VALUE);
        assert!(read("Mode", long.clone(), vec![long.clone()]).is_ok());
        assert!(read("Mode", format!("{long}x"), vec![]).is_err());
        assert!(read("Mode", String::new(), vec![format!("{long}x")]).is_err());
        assert!(read("Mode", String::new(), vec![String::new(); MAX_ALLOWED + 1]).is_err());
        let many = |count: usize| {
            let all = (0..count).map(|number| setting(&number.to_string(), long.clone(), vec![]));
            read_settings(all.collect())
        };
        assert!(many(MAX_TOTAL / MAX_VALUE).is_ok());
        assert!(many(MAX_TOTAL / MAX_VALUE + 1).is_err());
    }
}
