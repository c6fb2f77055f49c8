//! BIOS settings that are what was set last.

use std::collections::BTreeMap;

use ironbark_driver::{Bios, BiosChange, BiosSetting, BiosValue, Outcome, Result, state};

const NOTE: &str = "bios_settings";

/// A setting that the machine has from the beginning; without values that it may be, any text is allowed.
struct FactorySetting {
    name: &'static str,
    value: &'static str,
    values: &'static [&'static str],
}

const FACTORY: &[FactorySetting] = &[
    FactorySetting {
        name: "AssetTag",
        value: "",
        values: &[],
    },
    FactorySetting {
        name: "BootMode",
        value: "Uefi",
        values: &["Bios", "Uefi"],
    },
    FactorySetting {
        name: "ProcVirtualization",
        value: "Enabled",
        values: &["Enabled", "Disabled"],
    },
];

pub(crate) struct FakeBios;

impl Bios for FakeBios {
    fn apply_configuration(
        &self,
        settings: &[BiosChange],
        _cursor: Option<&str>,
    ) -> Result<Outcome> {
        let mut known = known()?;
        apply(&mut known, settings);
        state::set(NOTE, &known)?;
        Ok(Outcome::Done)
    }

    fn factory_reset(&self, _cursor: Option<&str>) -> Result<Outcome> {
        state::delete(NOTE)?;
        Ok(Outcome::Done)
    }

    fn cache_bios_settings(&self) -> Result<Vec<BiosSetting>> {
        Ok(known()?
            .into_iter()
            .map(|(name, value)| setting(name, value))
            .collect())
    }
}

/// What was set, over what the machine had when it left its factory.
fn known() -> Result<BTreeMap<String, String>> {
    let mut known = factory();
    known.extend(state::get::<BTreeMap<String, String>>(NOTE)?.unwrap_or_default());
    Ok(known)
}

fn factory() -> BTreeMap<String, String> {
    FACTORY
        .iter()
        .map(|default| (default.name.to_owned(), default.value.to_owned()))
        .collect()
}

fn apply(known: &mut BTreeMap<String, String>, settings: &[BiosChange]) {
    for change in settings {
        let value = match &change.value {
            BiosValue::Text(text) => text.clone(),
            BiosValue::Integer(number) => number.to_string(),
            BiosValue::Boolean(yes) => yes.to_string(),
        };
        known.insert(change.name.clone(), value);
    }
}

/// With what is known of it: of a setting that the factory didn't make, only its value.
fn setting(name: String, value: String) -> BiosSetting {
    let known = FACTORY.iter().find(|default| default.name == name);
    let is_enumeration = known.map(|default| !default.values.is_empty());
    BiosSetting {
        name,
        value: Some(value),
        attribute_type: is_enumeration
            .map(|yes| if yes { "Enumeration" } else { "String" }.to_owned()),
        allowable_values: known
            .map(|default| {
                default
                    .values
                    .iter()
                    .map(|value| (*value).to_owned())
                    .collect()
            })
            .unwrap_or_default(),
        lower_bound: None,
        upper_bound: None,
        min_length: is_enumeration.filter(|yes| !yes).map(|_| 0),
        max_length: is_enumeration.filter(|yes| !yes).map(|_| 64),
        read_only: known.map(|_| false),
        reset_required: known.map(|_| true),
        unique: known.map(|_| false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_factory_made_is_described() {
        let mode = setting("BootMode".to_owned(), "Bios".to_owned());
        assert_eq!(mode.attribute_type.as_deref(), Some("Enumeration"));
        assert_eq!(mode.allowable_values, ["Bios", "Uefi"]);
        let tag = setting("AssetTag".to_owned(), "x".to_owned());
        assert_eq!(tag.max_length, Some(64));
        assert_eq!(
            setting("other".to_owned(), "x".to_owned()).attribute_type,
            None
        );
        assert!(factory().contains_key("ProcVirtualization"));
    }

    #[test]
    fn what_was_set_last_counts() {
        let change = |name: &str, value| BiosChange {
            name: name.to_owned(),
            value,
        };
        let mut known = BTreeMap::new();
        apply(
            &mut known,
            &[
                change("a", BiosValue::Text("x".to_owned())),
                change("b", BiosValue::Integer(1)),
                change("a", BiosValue::Boolean(true)),
            ],
        );
        let expected = [("a", "true"), ("b", "1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(known, BTreeMap::from(expected));
    }
}
