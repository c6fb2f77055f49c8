//! A system's secure boot, which changes with the next start.

use serde_json::{Value, json};

use super::{reply::Reply, state::System};

const RESETS: [&str; 3] = ["ResetAllKeysToDefault", "DeleteAllKeys", "DeletePK"];

pub(super) fn show(system: &System) -> Value {
    let path = format!("/redfish/v1/Systems/{}/SecureBoot", system.id);
    json!({
        "@odata.id": path,
        "@odata.type": "#SecureBoot.v1_1_0.SecureBoot",
        "Id": "SecureBoot",
        "Name": "UEFI Secure Boot",
        "SecureBootEnable": system.secure_boot,
        "SecureBootCurrentBoot": if system.secure_boot_now { "Enabled" } else { "Disabled" },
        "SecureBootMode": "UserMode",
        "Actions": {"#SecureBoot.ResetKeys": {
            "target": format!("{path}/Actions/SecureBoot.ResetKeys"),
            "ResetKeysType@Redfish.AllowableValues": RESETS,
        }},
    })
}

pub(super) fn change(system: &mut System, body: &Value) -> Reply {
    match body.get("SecureBootEnable").and_then(Value::as_bool) {
        Some(enabled) => {
            system.secure_boot = enabled;
            system.version += 1;
            Reply::done()
        }
        None => Reply::wrong_value("SecureBootEnable"),
    }
}

pub(super) fn reset_keys(body: &Value) -> Reply {
    let wanted = body.get("ResetKeysType").and_then(Value::as_str);
    if wanted.is_some_and(|wanted| RESETS.contains(&wanted)) {
        Reply::done()
    } else {
        Reply::wrong_value("ResetKeysType")
    }
}
