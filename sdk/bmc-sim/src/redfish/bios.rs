//! BIOS attributes: those in force, and those for the next start.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{reply::Reply, state::System};

/// The registry that describes the attributes.
pub(super) const REGISTRY: &str = "BiosAttributeRegistry.v1_0_0";

/// Attributes by name.
pub(super) type Attributes = BTreeMap<String, Value>;

/// What a machine has from the factory.
pub(super) fn defaults() -> Attributes {
    [
        ("BootMode", json!("Uefi")),
        ("ProcTurboMode", json!("Enabled")),
        ("NumCores", json!(8)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

pub(super) fn show(system: &System) -> Value {
    let path = format!("/redfish/v1/Systems/{}/Bios", system.id);
    json!({
        "@odata.id": path,
        "@odata.type": "#Bios.v1_1_0.Bios",
        "Id": "Bios",
        "Name": "BIOS",
        "AttributeRegistry": REGISTRY,
        "Attributes": system.bios,
        "@Redfish.Settings": {
            "@odata.type": "#Settings.v1_3_0.Settings",
            "SettingsObject": {"@odata.id": format!("{path}/Settings")},
            "SupportedApplyTimes": ["OnReset"],
        },
        "Actions": {"#Bios.ResetBios": {"target": format!("{path}/Actions/Bios.ResetBios")}},
    })
}

pub(super) fn settings(system: &System) -> Value {
    let mut attributes = system.bios.clone();
    attributes.extend(system.pending_bios.clone());
    json!({
        "@odata.id": format!("/redfish/v1/Systems/{}/Bios/Settings", system.id),
        "@odata.type": "#Bios.v1_1_0.Bios",
        "Id": "Settings",
        "Name": "BIOS settings for the next start",
        "Attributes": attributes,
    })
}

/// Takes attributes for the next start: only known ones, and of the same JSON type.
pub(super) fn change(system: &mut System, body: &Value) -> Reply {
    let Some(wanted) = body.get("Attributes").and_then(Value::as_object) else {
        return Reply::wrong_value("Attributes");
    };
    for (name, value) in wanted {
        let fits = system.bios.get(name).is_some_and(|current| {
            std::mem::discriminant(current) == std::mem::discriminant(value)
        });
        if !fits {
            return Reply::wrong_value(name);
        }
    }
    let wanted = wanted
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    system.pending_bios.extend(wanted);
    system.version += 1;
    Reply::done()
}

/// The factory's attributes with the next start.
pub(super) fn reset(system: &mut System) -> Reply {
    system.pending_bios = defaults();
    Reply::done()
}

/// Where the registry is.
pub(super) fn registry_file() -> Value {
    let path = format!("/redfish/v1/Registries/{REGISTRY}");
    json!({
        "@odata.id": path,
        "@odata.type": "#MessageRegistryFile.v1_1_0.MessageRegistryFile",
        "Id": REGISTRY,
        "Name": "BIOS attribute registry",
        "Registry": REGISTRY,
        "Languages": ["en"],
        "Location": [{"Language": "en", "Uri": format!("{path}/en")}],
    })
}

/// What the attributes may be.
pub(super) fn registry() -> Value {
    json!({
        "@odata.type": "#AttributeRegistry.v1_3_0.AttributeRegistry",
        "Id": REGISTRY,
        "Name": "BIOS attribute registry",
        "Language": "en",
        "RegistryVersion": "1.0.0",
        "OwningEntity": "Ironbark",
        "RegistryEntries": {"Attributes": [
            {"AttributeName": "BootMode", "Type": "Enumeration", "ReadOnly": false, "ResetRequired": true,
                "Value": [{"ValueName": "Uefi"}, {"ValueName": "LegacyBios"}]},
            {"AttributeName": "ProcTurboMode", "Type": "Enumeration", "ReadOnly": false, "ResetRequired": true,
                "Value": [{"ValueName": "Enabled"}, {"ValueName": "Disabled"}]},
            {"AttributeName": "NumCores", "Type": "Integer", "ReadOnly": false, "ResetRequired": true, "LowerBound": 1, "UpperBound": 64},
        ]},
    })
}
