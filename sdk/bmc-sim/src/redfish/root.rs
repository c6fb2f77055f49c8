//! The service root: what there is (DSP0266 §6.2).

use serde_json::{Value, json};

use super::config::ServiceConfig;

pub(super) fn show(config: &ServiceConfig) -> Value {
    let mut root = json!({
        "@odata.id": "/redfish/v1/",
        "@odata.type": "#ServiceRoot.v1_9_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": "1.11.0",
        "UUID": "6b3a1e5c-0000-4000-8000-69726f6e6261",
        "Vendor": "Ironbark",
        "Systems": {"@odata.id": "/redfish/v1/Systems"},
        "Chassis": {"@odata.id": "/redfish/v1/Chassis"},
        "Managers": {"@odata.id": "/redfish/v1/Managers"},
        "Registries": {"@odata.id": "/redfish/v1/Registries"},
        "AccountService": {"@odata.id": "/redfish/v1/AccountService"},
        "Links": {},
    });
    if config.sessions
        && let Some(root) = root.as_object_mut()
    {
        root.insert(
            "SessionService".to_owned(),
            json!({"@odata.id": "/redfish/v1/SessionService"}),
        );
        root.insert(
            "Links".to_owned(),
            json!({"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}}),
        );
    }
    root
}
