//! `GET /v1/lookup`: an agent asks which node its machine is, and gets its token the first time.

use axum::http::StatusCode;
use ironbark_model::mask::MASK;
use ironbark_model::node::AGENT_TOKEN;
use ironbark_model::{Node, Secret};
use ironbark_rpc::{RamdiskRequest, Reply, Request};
use serde_json::Value;

use super::{addresses, by_addresses, by_uuid, check_enabled, nobody, node_uuid, told};
use crate::context::{Context, unexpected_reply};
use crate::error::{ApiError, ApiResult};
use crate::gates::ramdisk as gate;
use crate::routing::NobodyIs;

/// Finds the node by its UUID, or by the MAC addresses of its ports.
///
/// A token is in the answer only if this very request made it: whoever comes later sees that there is one, in no version more.
pub(crate) async fn lookup(context: Context) -> ApiResult {
    check_enabled(&context)?;
    context.query.only(&["addresses", "node_uuid"])?;
    let mut node = find(&context).await?;
    tracing::Span::current().record("node", node.uuid.as_str());
    let token = if context.version.has(gate::LOOKUP_TOKEN_SINCE) {
        let request = Request::Ramdisk {
            node: node.uuid.clone(),
            request: RamdiskRequest::Lookup,
        };
        match context.ask(&node, NobodyIs::NotFound, request).await? {
            Reply::AgentToken(Some(token)) => Some(token.into_secret()),
            Reply::AgentToken(None) => Some(Secret::new(MASK)),
            _ => return Err(unexpected_reply()),
        }
    } else {
        let known = node.driver_internal_info.contains_key(AGENT_TOKEN);
        known.then(|| Secret::new(MASK))
    };
    if token.is_some() {
        // It came after the node was read. What it is isn't shown there.
        node.driver_internal_info
            .insert(AGENT_TOKEN.to_owned(), Value::from(MASK));
    }
    told(&context, StatusCode::OK, &node, token.as_ref()).await
}

async fn find(context: &Context) -> Result<Node, ApiError> {
    let written = context.query.list("addresses").unwrap_or_default();
    let addresses = addresses(written.iter().map(String::as_str))?;
    let uuid = match node_uuid(context)? {
        Some(uuid) => uuid,
        None if addresses.is_empty() => {
            return Err(ApiError::invalid(
                "A lookup needs node_uuid, or addresses with at least one MAC address.",
            ));
        }
        None => {
            let mut found = by_addresses(context, addresses).await?.into_iter();
            match (found.next(), found.next()) {
                (Some(uuid), None) => uuid,
                _ => return Err(nobody()),
            }
        }
    };
    let node = by_uuid(context, &uuid).await?;
    if node.provision_state.allows_lookup() {
        Ok(node)
    } else {
        Err(nobody())
    }
}
