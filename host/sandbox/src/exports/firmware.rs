//! `firmware`.

use std::sync::Arc;

use serde_json::Value;

use super::convert::{at_most, name, outcome, plain_text};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::firmware as wit;
use crate::{CallContext, CallError, Completed, Driver, Outcome};

/// Most components that a machine may have, and the longest version in bytes (the contract's bounds).
const MAX_COMPONENTS: usize = 1024;
const MAX_VERSION: usize = 255;

/// A component that shall get another firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareUpdate {
    /// `bios`, `bmc`, `nic:<id>` or another name of the machine's.
    pub component: String,
    /// Where the BMC fetches the image from.
    pub url: String,
    /// Hash of the image in hexadecimal.
    pub checksum: Option<String>,
    /// Seconds to wait after this one before the next.
    pub wait: Option<u32>,
}

/// A component that has firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareComponent {
    /// Its name.
    pub name: String,
    /// The version that runs, if it is known.
    pub current_version: Option<String>,
}

impl Driver {
    /// Whether the node has what its firmware implementation needs.
    pub async fn firmware_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, firmware.call_validate())
    }

    /// Updates these, one after another; `cursor` is what the last wait gave.
    pub async fn firmware_update(
        &self,
        implementation: &str,
        context: CallContext,
        settings: Vec<FirmwareUpdate>,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let settings: Vec<wit::UpdateRequest> = settings.into_iter().map(Into::into).collect();
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            checkpoint self,
            context,
            implementation,
            firmware.call_update(&settings, cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Reads the versions of all components.
    pub async fn cache_firmware_components(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<FirmwareComponent>>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            firmware.call_cache_firmware_components()
        );
        checked!(self, completed, components)
    }
}

fn components(components: Vec<wit::Component>) -> Result<Vec<FirmwareComponent>, String> {
    at_most(
        "firmware.cache-firmware-components",
        components.len(),
        MAX_COMPONENTS,
    )?;
    components
        .into_iter()
        .map(|component| {
            if component.name.is_empty() {
                return Err("a firmware component has no name".to_owned());
            }
            let version = component
                .current_version
                .map(|text| plain_text("the version of a firmware component", text, MAX_VERSION));
            Ok(FirmwareComponent {
                name: name("the name of a firmware component", component.name)?,
                current_version: version.transpose()?,
            })
        })
        .collect()
}

impl From<FirmwareUpdate> for wit::UpdateRequest {
    fn from(update: FirmwareUpdate) -> Self {
        Self {
            component: update.component,
            url: update.url,
            checksum: update.checksum,
            wait: update.wait,
        }
    }
}
