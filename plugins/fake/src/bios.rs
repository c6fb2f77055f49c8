//! BIOS settings that are what was set last.

use std::collections::BTreeMap;

use ironbark_driver::{Bios, BiosChange, BiosSetting, BiosValue, Outcome, Result, state};

const NOTE: &str = "bios_settings";

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

fn known() -> Result<BTreeMap<String, String>> {
    Ok(state::get(NOTE)?.unwrap_or_default())
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

/// A setting of which nothing is known but its value.
fn setting(name: String, value: String) -> BiosSetting {
    BiosSetting {
        name,
        value: Some(value),
        attribute_type: None,
        allowable_values: Vec::new(),
        lower_bound: None,
        upper_bound: None,
        min_length: None,
        max_length: None,
        read_only: None,
        reset_required: None,
        unique: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
