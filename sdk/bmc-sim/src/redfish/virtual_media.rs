//! A system's virtual media: one CD drive.

use serde_json::{Value, json};

use super::{
    reply::{Reply, collection},
    state::System,
};

pub(super) const ID: &str = "Cd";

pub(super) fn list(system: &System) -> Value {
    collection(&path(system), "VirtualMediaCollection", [ID])
}

pub(super) fn show(system: &System) -> Value {
    let path = format!("{}/{ID}", path(system));
    json!({
        "@odata.id": path,
        "@odata.type": "#VirtualMedia.v1_4_0.VirtualMedia",
        "Id": ID,
        "Name": "Virtual CD",
        "MediaTypes": ["CD", "DVD"],
        "Image": system.media,
        "Inserted": system.media.is_some(),
        "WriteProtected": true,
        "Actions": {
            "#VirtualMedia.InsertMedia": {"target": format!("{path}/Actions/VirtualMedia.InsertMedia")},
            "#VirtualMedia.EjectMedia": {"target": format!("{path}/Actions/VirtualMedia.EjectMedia")},
        },
    })
}

/// Inserts or ejects (DSP0268, VirtualMedia).
pub(super) fn act(system: &mut System, action: &str, body: &Value) -> Reply {
    match (action, body.get("Image").and_then(Value::as_str)) {
        ("VirtualMedia.InsertMedia", Some(image)) => system.media = Some(image.to_owned()),
        ("VirtualMedia.InsertMedia", None) => {
            let message = "The action needs the parameter Image.";
            return Reply::error(400, "ActionParameterMissing", message);
        }
        ("VirtualMedia.EjectMedia", _) => system.media = None,
        _ => return Reply::not_found(),
    }
    system.version += 1;
    Reply::done()
}

fn path(system: &System) -> String {
    format!("/redfish/v1/Systems/{}/VirtualMedia", system.id)
}
