//! Firmware of which the version is the name of the file that it came from.

use std::collections::BTreeMap;

use ironbark_driver::{Firmware, FirmwareComponent, FirmwareUpdate, Outcome, Result, state};

const NOTE: &str = "firmware";
const COMPONENTS: &[&str] = &["bios", "bmc"];
const FIRST_VERSION: &str = "1.0";

pub(crate) struct FakeFirmware;

impl Firmware for FakeFirmware {
    fn update(&self, settings: &[FirmwareUpdate], _cursor: Option<&str>) -> Result<Outcome> {
        let mut known = known()?;
        for update in settings {
            known.insert(update.component.clone(), version(&update.url).to_owned());
        }
        state::set(NOTE, &known)?;
        Ok(Outcome::Done)
    }

    fn cache_firmware_components(&self) -> Result<Vec<FirmwareComponent>> {
        Ok(known()?
            .into_iter()
            .map(|(name, version)| FirmwareComponent {
                name,
                current_version: Some(version),
            })
            .collect())
    }
}

fn known() -> Result<BTreeMap<String, String>> {
    Ok(state::get(NOTE)?.unwrap_or_else(|| {
        COMPONENTS
            .iter()
            .map(|name| ((*name).to_owned(), FIRST_VERSION.to_owned()))
            .collect()
    }))
}

fn version(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_files_name() {
        assert_eq!(version("https://files/bmc/2.1"), "2.1");
        assert_eq!(version("2.1"), "2.1");
    }
}
