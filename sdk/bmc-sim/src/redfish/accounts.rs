//! Accounts: there so that tests can see that no driver gets at them.

use serde_json::{Value, json};

use super::config::ServiceConfig;

pub(super) fn service() -> Value {
    json!({
        "@odata.id": "/redfish/v1/AccountService",
        "@odata.type": "#AccountService.v1_9_0.AccountService",
        "Id": "AccountService",
        "Name": "Account Service",
        "Accounts": {"@odata.id": "/redfish/v1/AccountService/Accounts"},
    })
}

pub(super) fn account(config: &ServiceConfig) -> Value {
    json!({
        "@odata.id": "/redfish/v1/AccountService/Accounts/1",
        "@odata.type": "#ManagerAccount.v1_8_0.ManagerAccount",
        "Id": "1",
        "Name": "User Account",
        "UserName": config.username,
        "RoleId": "Administrator",
        "Enabled": true,
    })
}
