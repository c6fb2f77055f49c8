//! The boot override of a System (DSP0268, ComputerSystem, `Boot`): device and mode, and remembering a device for machines that can't.

use std::time::Duration;

use ironbark_driver::{
    BootDevice, Error, Result,
    redfish::{Method, Response},
};
use serde_json::{Map, Value, json};

use crate::{
    resource::{link, text_at, texts},
    service::{Service, says, success},
    system::System,
};

/// Devices by what Redfish calls them.
const DEVICES: &[(&str, &str)] = &[
    ("pxe", "Pxe"),
    ("disk", "Hdd"),
    ("cdrom", "Cd"),
    ("bios", "BiosSetup"),
    ("uefihttp", "UefiHttp"),
];
const MODES: &[(&str, &str)] = &[("uefi", "UEFI"), ("bios", "Legacy")];

/// Makers whose machines want to be told the whole override each time, and those that want the mode with it.
const ALWAYS_WHOLE: &[&str] = &["supermicro"];
const WITH_MODE: &[&str] = &["ami", "american megatrends", "asrockrack"];

/// Note: the device that holds for every boot of a machine that takes one for the next boot only.
const KEPT_DEVICE: &str = "redfish_boot_device";

/// The first pause before a change is sent again that a machine refused because it is starting; doubled each time.
const PAUSE: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 6;
/// What is left of a call when it isn't tried any more.
const RESERVE: Duration = Duration::from_secs(16);

/// Names of the devices that the machine can be set to.
pub(crate) fn devices(system: &System) -> Vec<String> {
    names(
        system,
        DEVICES,
        "Boot/BootSourceOverrideTarget@Redfish.AllowableValues",
    )
}

/// Names of the modes that the machine can be set to.
pub(crate) fn modes(system: &System) -> Vec<String> {
    names(
        system,
        MODES,
        "Boot/BootSourceOverrideMode@Redfish.AllowableValues",
    )
}

fn names(system: &System, known: &[(&str, &str)], allowed: &str) -> Vec<String> {
    let allowed = texts(&system.resource, allowed).filter(|values| !values.is_empty());
    known
        .iter()
        .filter(|(_, value)| {
            allowed
                .as_ref()
                .is_none_or(|allowed| allowed.iter().any(|known| known == value))
        })
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

/// Sets the device for the next boot or, if `persistent`, for all.
///
/// # Errors
/// `invalid-parameter` if there is no such device, `busy` if the machine can't now, or what the service says.
pub(crate) fn set_device(service: &impl Service, device: &str, persistent: bool) -> Result<()> {
    let system = System::read(service)?;
    let target = DEVICES.iter().find(|(name, _)| *name == device);
    let Some((_, target)) = target.filter(|_| devices(&system).iter().any(|name| name == device))
    else {
        return Err(Error::invalid_parameter(format!(
            "there is no boot device '{device}' here: it must be one of {}",
            devices(&system).join(", ")
        )));
    };
    if persistent {
        match send(
            service,
            &system,
            &device_body(&system, target, "Continuous"),
        )? {
            answer if answer.is_success() => return service.set_note(KEPT_DEVICE, None),
            answer if !refuses_the_value(&answer) => return success(answer).map(drop),
            answer => service.mention(&format_args!(
                "the machine takes boot devices for the next boot only, so that it is told before each: {}",
                answer.message()
            )),
        }
    }
    success(send(
        service,
        &system,
        &device_body(&system, target, "Once"),
    )?)?;
    if persistent {
        service.set_note(KEPT_DEVICE, Some(device))
    } else {
        Ok(())
    }
}

/// The device that is set.
///
/// # Errors
/// No answer, or one that makes no sense.
pub(crate) fn device(service: &impl Service) -> Result<BootDevice> {
    let system = System::read(service)?;
    let persistent = match text_at(&system.resource, "Boot/BootSourceOverrideEnabled") {
        Some("Continuous") => Some(true),
        Some("Once") => Some(false),
        _ => None,
    };
    if persistent.is_none()
        && let Some(kept) = service.note(KEPT_DEVICE)?
    {
        return Ok(BootDevice {
            device: Some(kept),
            persistent: Some(true),
        });
    }
    let target = text_at(&system.resource, "Boot/BootSourceOverrideTarget");
    let device = DEVICES.iter().find(|(_, value)| Some(*value) == target);
    Ok(BootDevice {
        device: device.map(|(name, _)| (*name).to_owned()),
        persistent,
    })
}

/// Before a start, tells a machine the device that it can't remember, unless its next boot is meant to be another.
///
/// # Errors
/// What the service says.
pub(crate) fn before_start(service: &impl Service, system: &System) -> Result<()> {
    let Some(kept) = service.note(KEPT_DEVICE)? else {
        return Ok(());
    };
    if text_at(&system.resource, "Boot/BootSourceOverrideEnabled") == Some("Once") {
        return Ok(());
    }
    match DEVICES.iter().find(|(name, _)| *name == kept) {
        Some((_, target)) => {
            success(send(service, system, &device_body(system, target, "Once"))?).map(drop)
        }
        None => Ok(()),
    }
}

/// The mode that is set, if it is one that has a name.
pub(crate) fn mode(system: &System) -> Option<String> {
    let set = text_at(&system.resource, "Boot/BootSourceOverrideMode")?;
    let found = MODES.iter().find(|(_, value)| *value == set)?;
    Some(found.0.to_owned())
}

/// Sets the mode.
///
/// # Errors
/// `invalid-parameter` if there is no such mode, `busy` if the machine can't now, or what the service says.
pub(crate) fn set_mode(service: &impl Service, mode: &str) -> Result<()> {
    let system = System::read(service)?;
    let Some((_, value)) = MODES
        .iter()
        .find(|(name, _)| *name == mode && modes(&system).iter().any(|known| known == name))
    else {
        return Err(Error::invalid_parameter(format!(
            "there is no boot mode '{mode}' here: it must be one of {}",
            modes(&system).join(", ")
        )));
    };
    let body = json!({"Boot": {"BootSourceOverrideMode": value}});
    success(send(service, &system, &body)?).map(drop)
}

fn device_body(system: &System, target: &str, enabled: &str) -> Value {
    let mut boot = Map::new();
    boot.insert("BootSourceOverrideTarget".to_owned(), target.into());
    let maker = system.manufacturer();
    let is_one_of = |makers: &[&str]| makers.iter().any(|known| maker.contains(known));
    let set = text_at(&system.resource, "Boot/BootSourceOverrideEnabled");
    if set != Some(enabled) || is_one_of(ALWAYS_WHOLE) {
        boot.insert("BootSourceOverrideEnabled".to_owned(), enabled.into());
    }
    if is_one_of(WITH_MODE)
        && let Some(mode) = text_at(&system.resource, "Boot/BootSourceOverrideMode")
    {
        boot.insert("BootSourceOverrideMode".to_owned(), mode.into());
    }
    json!({"Boot": boot})
}

/// Changes the System, or its settings resource if that is where such changes go (DSP0266 §9.10). While the machine starts, it is tried again.
fn send(service: &impl Service, system: &System, body: &Value) -> Result<Response> {
    let mut pause = PAUSE;
    for attempt in 1.. {
        let mut answer = service.request(Method::Patch, &system.path, Some(body))?;
        if matches!(answer.status, 404 | 405)
            && let Some(settings) = link(&system.resource, "@Redfish.Settings/SettingsObject")
        {
            answer = service.request(Method::Patch, &settings, Some(body))?;
        }
        if answer.is_success() || !says(&answer, "UnableToModifyDuringSystemPOST") {
            return Ok(answer);
        }
        if attempt >= ATTEMPTS || service.time_left() < pause + RESERVE {
            return Err(Error::busy(
                "the machine is starting, and can't be told its boot device or mode until it has",
                Some(30),
            ));
        }
        service.pause(pause);
        pause *= 2;
    }
    Err(Error::failed("the machine did not take the change"))
}

/// Whether it may be that the machine doesn't know `Continuous`.
fn refuses_the_value(answer: &Response) -> bool {
    matches!(answer.status, 400 | 409 | 422 | 501)
}

#[cfg(test)]
mod tests;
