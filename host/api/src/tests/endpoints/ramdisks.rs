//! What ramdisks ask and report, without credentials.

use ironbark_model::Secret;
use ironbark_rpc::{Carried, Reply};
use serde_json::json;

use super::case::{Case, get, post};
use super::world::LOOKED_AT_MAC;

pub(super) fn cases() -> Vec<Case> {
    let token = "0123456789012345678901234567890123456789012";
    let minted = Reply::AgentToken(Some(Carried::from(&Secret::new(token))));
    vec![
        get("/v1/lookup")
            .query("addresses=52:54:00:00:00:03")
            .conductor(minted),
        post("/v1/heartbeat/{node}").on("node", "waits").body(json!({
            "callback_url": "https://192.0.2.7:9999", "agent_token": token, "agent_version": "13",
        })),
        post("/v1/continue_inspection").body(json!({
            "inventory": {"interfaces": [{"name": "eth0", "mac_address": LOOKED_AT_MAC}]},
            "root_disk": {"name": "/dev/sda"},
        })),
    ]
}
