//! Secure boot (DSP0268, SecureBoot).

use ironbark_driver::{Error, Result};
use serde_json::{Value, json};

use crate::{
    boot,
    resource::text_at,
    service::{Resource, Service},
    system::System,
};

/// What becomes of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Those of the factory.
    Default,
    /// None.
    Cleared,
}

/// Whether it is on; `None` if the machine doesn't say.
///
/// # Errors
/// `unsupported` if the machine has none.
pub(crate) fn state(service: &impl Service) -> Result<Option<bool>> {
    let (_, resource) = read(service, &System::read(service)?)?;
    Ok(resource.get("SecureBootEnable").and_then(Value::as_bool))
}

/// Switches it; in force from the next start on.
///
/// # Errors
/// `unsupported` if the machine has none, or not in this boot mode.
pub(crate) fn set(service: &impl Service, enabled: bool) -> Result<()> {
    let system = System::read(service)?;
    if enabled && boot::mode(&system).as_deref() == Some("bios") {
        return Err(Error::unsupported(
            "the machine is in boot mode 'bios': secure boot needs 'uefi'",
        ));
    }
    let (path, _) = read(service, &system)?;
    service.patch(&path, &json!({"SecureBootEnable": enabled}))
}

/// Sets its keys.
///
/// # Errors
/// `unsupported` if the machine has none.
pub(crate) fn reset_keys(service: &impl Service, keys: Keys) -> Result<()> {
    let (path, resource) = read(service, &System::read(service)?)?;
    let target = text_at(&resource, "Actions/#SecureBoot.ResetKeys/target").map_or_else(
        || format!("{path}/Actions/SecureBoot.ResetKeys"),
        str::to_owned,
    );
    let kind = match keys {
        Keys::Default => "ResetAllKeysToDefault",
        Keys::Cleared => "DeleteAllKeys",
    };
    service.post(&target, &json!({"ResetKeysType": kind}))
}

fn read(service: &impl Service, system: &System) -> Result<(String, Resource)> {
    let path = system.part("SecureBoot");
    match service.find(&path)? {
        Some(resource) => Ok((path, resource)),
        None => Err(Error::unsupported("the machine has no secure boot")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::Scripted;

    const PATH: &str = "/redfish/v1/Systems/1/SecureBoot";

    fn machine(mode: &str) -> Scripted {
        Scripted::with(json!({
            "/redfish/v1/Systems/1": {"Boot": {"BootSourceOverrideMode": mode}},
            PATH: {"SecureBootEnable": false}
        }))
    }

    #[test]
    fn it_is_read_and_switched() {
        let service = machine("UEFI");
        assert_eq!(state(&service), Ok(Some(false)));
        set(&service, true).unwrap();
        reset_keys(&service, Keys::Cleared).unwrap();
        assert_eq!(
            service.changes(),
            [
                (format!("PATCH {PATH}"), json!({"SecureBootEnable": true})),
                (
                    format!("POST {PATH}/Actions/SecureBoot.ResetKeys"),
                    json!({"ResetKeysType": "DeleteAllKeys"})
                ),
            ]
        );
    }

    #[test]
    fn it_needs_a_machine_that_has_it_and_the_right_mode() {
        let legacy = machine("Legacy");
        assert!(matches!(set(&legacy, true), Err(Error::Unsupported(_))));
        assert_eq!(set(&legacy, false), Ok(()));
        let none = Scripted::with(json!({"/redfish/v1/Systems/1": {}}));
        assert!(matches!(state(&none), Err(Error::Unsupported(_))));
    }
}
