//! `POST /v1/continue_inspection`: an inspection ramdisk posts what it found. It names no version, which makes it the first.

use axum::http::StatusCode;
use ironbark_model::mask::MASK;
use ironbark_model::node::AGENT_TOKEN;
use ironbark_model::{JsonObject, Node, ProvisionState, Secret};
use ironbark_rpc::{RamdiskRequest, Request};
use serde_json::{Value, json};

use super::{addresses, by_addresses, by_bmc, by_uuid, check_enabled, nobody, node_uuid, told};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::ramdisk as gate;
use crate::routing::NobodyIs;
use crate::{body, reply};

/// The largest inventory with all that goes with it, in bytes, without logs: drivers read it.
const LARGEST: usize = 4 * 1024 * 1024;

/// Stores the inventory of the node that has these MAC addresses, and ends the inspection that waits for it.
pub(crate) async fn go_on(context: Context) -> ApiResult {
    check_enabled(&context)?;
    context.query.only(&["node_uuid"])?;
    let mut plugin_data = body::object(&context)?;
    let inventory = inventory(&mut plugin_data)?;
    let node = find(&context, &inventory).await?;
    tracing::Span::current().record("node", node.uuid.as_str());
    let request = Request::Ramdisk {
        node: node.uuid.clone(),
        request: RamdiskRequest::ContinueInspection {
            inventory,
            plugin_data,
        },
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    if context.version.has(gate::INSPECTION_AS_LOOKUP_SINCE) {
        // No token is made here, nor shown.
        let masked = Secret::new(MASK);
        let known = node.driver_internal_info.contains_key(AGENT_TOKEN);
        let token = known.then_some(&masked);
        return told(&context, StatusCode::ACCEPTED, &node, token).await;
    }
    reply::json(StatusCode::ACCEPTED, &json!({"uuid": node.uuid}))
}

/// Takes the inventory out of the body; what is left is other data, without logs.
fn inventory(posted: &mut JsonObject) -> Result<JsonObject, ApiError> {
    let Some(Value::Object(inventory)) = posted.remove("inventory") else {
        return Err(wrong("an object inventory is expected."));
    };
    let is_interface = |one: &Value| one.get("mac_address").is_some_and(Value::is_string);
    match inventory.get("interfaces") {
        Some(Value::Array(all)) if !all.is_empty() && all.iter().all(is_interface) => {}
        _ => {
            return Err(wrong(
                "inventory.interfaces is a list with at least one interface, each an object with a mac_address.",
            ));
        }
    }
    for name in ["bmc_address", "bmc_v6address"] {
        let is_text = |one: &Value| one.is_string() || one.is_null();
        if !inventory.get(name).is_none_or(is_text) {
            return Err(wrong(&format!("inventory.{name} is text or null.")));
        }
    }
    posted.remove("logs");
    let size =
        |object: &JsonObject| serde_json::to_vec(object).map_or(usize::MAX, |text| text.len());
    if size(&inventory).saturating_add(size(posted)) > LARGEST {
        return Err(wrong(&format!(
            "without logs it is larger than {} KiB.",
            LARGEST / 1024
        )));
    }
    Ok(inventory)
}

/// The node by all that the ramdisk says; what contradicts itself is nobody's.
async fn find(context: &Context, inventory: &JsonObject) -> Result<Node, ApiError> {
    let interfaces = inventory.get("interfaces").and_then(Value::as_array);
    let written = interfaces
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("mac_address").and_then(Value::as_str));
    let addresses = addresses(written)?;
    let named = node_uuid(context)?;
    let bmc = by_bmc::in_inventory(inventory);
    if addresses.is_empty() && bmc.is_empty() && named.is_none() {
        return Err(wrong(
            "it has no MAC address and no address of a BMC to find the node by.",
        ));
    }
    let mut found = by_addresses(context, addresses).await?.into_iter();
    let known = match (found.next(), found.next(), named) {
        (Some(_), Some(_), _) => return Err(nobody()),
        (Some(found), None, Some(named)) if found != named => return Err(nobody()),
        (Some(uuid), None, _) | (None, _, Some(uuid)) => Some(uuid),
        (None, _, None) => None,
    };
    let mut behind = by_bmc::waiting(context, &bmc).await?;
    let uuid = match known {
        Some(known) if behind.is_empty() || behind.contains(&known) => known,
        // Several nodes may be behind one BMC: then only ports tell which one it is.
        None if behind.len() == 1 => behind.pop_first().ok_or_else(nobody)?,
        Some(_) | None => return Err(nobody()),
    };
    let node = by_uuid(context, &uuid).await?;
    if node.provision_state == ProvisionState::InspectWait {
        Ok(node)
    } else {
        Err(nobody())
    }
}

fn wrong(problem: &str) -> ApiError {
    ApiError::invalid(format!("Invalid inspection data: {problem}"))
}
