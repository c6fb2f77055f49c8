//! Systems: power, boot override, indicator, interrupts.

use std::time::Instant;

use serde_json::{Value, json};

use super::{chassis, reply::Reply, state::System};
use crate::{PowerFault, machine::Change};

const RESETS: [&str; 9] = [
    "On",
    "ForceOn",
    "ForceOff",
    "GracefulShutdown",
    "GracefulRestart",
    "ForceRestart",
    "PowerCycle",
    "PushPowerButton",
    "Nmi",
];
const TARGETS: [&str; 7] = ["None", "Pxe", "Hdd", "Cd", "BiosSetup", "UefiHttp", "Usb"];
const ENABLED: [&str; 3] = ["Disabled", "Once", "Continuous"];
const MODES: [&str; 2] = ["UEFI", "Legacy"];

pub(super) fn show(system: &System, fault: PowerFault) -> Value {
    let path = format!("/redfish/v1/Systems/{}", system.id);
    let mut boot = json!({
        "BootSourceOverrideTarget": system.boot.target,
        "BootSourceOverrideEnabled": system.boot.enabled,
        "BootSourceOverrideMode": system.boot.mode,
        "BootSourceOverrideTarget@Redfish.AllowableValues": TARGETS,
    });
    if let Some(boot) = boot.as_object_mut() {
        boot.extend(system.boot.others.clone());
    }
    let mut chassis = vec![json!({"@odata.id": chassis::path(&system.id)})];
    if system.is_blade {
        chassis.push(json!({"@odata.id": chassis::path(chassis::ENCLOSURE)}));
    }
    json!({
        "@odata.id": path,
        "@odata.type": "#ComputerSystem.v1_13_0.ComputerSystem",
        "Id": system.id,
        "Name": format!("System {}", system.id),
        "SystemType": "Physical",
        "Manufacturer": "Ironbark",
        "Model": "Simulated",
        "SerialNumber": format!("SIM{:06}", system.number),
        "UUID": format!("6b3a1e5c-0000-4000-8000-{:012x}", system.number),
        "PowerState": power_state(system, fault),
        "IndicatorLED": system.indicator,
        "Status": {"State": if system.machine.power() { "Enabled" } else { "Disabled" }, "Health": "OK"},
        "ProcessorSummary": {"Count": 2},
        "MemorySummary": {"TotalSystemMemoryGiB": 64},
        "Boot": boot,
        "Bios": {"@odata.id": format!("{path}/Bios")},
        "SecureBoot": {"@odata.id": format!("{path}/SecureBoot")},
        "EthernetInterfaces": {"@odata.id": format!("{path}/EthernetInterfaces")},
        "Processors": {"@odata.id": format!("{path}/Processors")},
        "Storage": {"@odata.id": format!("{path}/Storage")},
        "VirtualMedia": {"@odata.id": format!("{path}/VirtualMedia")},
        "Links": {
            "Chassis": chassis,
            "ManagedBy": [{"@odata.id": "/redfish/v1/Managers/bmc"}],
        },
        "Actions": {"#ComputerSystem.Reset": {
            "target": format!("{path}/Actions/ComputerSystem.Reset"),
            "ResetType@Redfish.AllowableValues": RESETS,
        }},
    })
}

/// Changes the boot override and the indicator.
pub(super) fn change(system: &mut System, body: &Value) -> Reply {
    if body.get("IndicatorLED").is_some() {
        return chassis::change(system, body);
    }
    let Some(wanted) = body.get("Boot").and_then(Value::as_object) else {
        return Reply::wrong_value("Boot");
    };
    let mut boot = system.boot.clone();
    for (name, value) in wanted {
        let text = value.as_str().unwrap_or_default();
        let (place, allowed): (_, &[&str]) = match name.as_str() {
            "BootSourceOverrideTarget" => (&mut boot.target, &TARGETS),
            "BootSourceOverrideEnabled" => (&mut boot.enabled, &ENABLED),
            "BootSourceOverrideMode" => (&mut boot.mode, &MODES),
            _ => {
                boot.others.insert(name.clone(), value.clone());
                continue;
            }
        };
        if !allowed.contains(&text) {
            return Reply::wrong_value(name);
        }
        text.clone_into(place);
    }
    system.boot = boot;
    system.version += 1;
    Reply::done()
}

/// `ComputerSystem.Reset` (DSP0268, ComputerSystem).
pub(super) fn reset(system: &mut System, body: &Value, fault: PowerFault) -> Reply {
    let wanted = body.get("ResetType").and_then(Value::as_str);
    let power = system.machine.power();
    let changes: &[Change] = match (wanted.unwrap_or_default(), power) {
        ("On" | "ForceOn", false) | ("PushPowerButton", false) => &[Change::On],
        ("ForceOff" | "GracefulShutdown" | "PushPowerButton", true) => &[Change::Off],
        ("GracefulRestart" | "ForceRestart", true) => &[Change::Restart],
        ("PowerCycle", true) => &[Change::Off, Change::On],
        ("Nmi", true) => {
            system.machine.diagnostic_interrupts += 1;
            &[]
        }
        (known, _) if RESETS.contains(&known) => {
            let message = "The system is in a state in which it can't do that.";
            return Reply::error(409, "ActionParameterValueConflict", message);
        }
        _ => {
            return Reply::error(
                400,
                "ActionParameterNotSupported",
                "There is no such ResetType.",
            );
        }
    };
    system.machine.change(changes, fault, Instant::now());
    system.version += 1;
    Reply::done()
}

/// What the BMC says about the power, with what is under way.
fn power_state(system: &System, fault: PowerFault) -> &'static str {
    if let PowerFault::StuckAt(power) = fault {
        return if power { "On" } else { "Off" };
    }
    match (system.machine.coming(), system.machine.power()) {
        (Some(Change::On), _) => "PoweringOn",
        (Some(Change::Off), _) => "PoweringOff",
        (Some(Change::Restart) | None, true) => "On",
        (Some(Change::Restart) | None, false) => "Off",
    }
}
