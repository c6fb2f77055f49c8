//! `/v1/nodes` and what is below it (facts §2.1, §2.2, §4.2, §4.3): one file for each thing that can be asked.

pub(crate) mod bios;
pub(crate) mod boot_device;
pub(crate) mod boot_mode;
pub(crate) mod children;
pub(crate) mod configdrive;
pub(crate) mod console;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod fields;
pub(crate) mod firmware;
pub(crate) mod history;
pub(crate) mod indicators;
pub(crate) mod inventory;
pub(crate) mod list;
pub(crate) mod list_filter;
pub(crate) mod maintenance;
pub(crate) mod nmi;
pub(crate) mod portgroups;
pub(crate) mod ports;
pub(crate) mod power;
pub(crate) mod provision;
pub(crate) mod raid;
pub(crate) mod show;
pub(crate) mod states;
pub(crate) mod steps;
pub(crate) mod traits;
pub(crate) mod update;
pub(crate) mod validate;
pub(crate) mod vendor;
pub(crate) mod vifs;
pub(crate) mod virtual_media;

use ironbark_model::ident::Ident;
use ironbark_model::{Error, ErrorKind, Node};
use ironbark_rpc::{HardwareRequest, Reply, Request};
use serde_json::Value;

use crate::context::{Context, unexpected_reply};
use crate::error::{ApiError, ApiResult};
use crate::routing::NobodyIs;
use crate::view::node::Scene;
use crate::{reply, resource};

/// What a node's look depends on.
pub(crate) async fn scene(context: &Context) -> Result<Scene, ApiError> {
    Ok(Scene {
        base: context.base.clone(),
        version: context.version,
        routing: context.state.routing().recent().await?,
    })
}

/// 202, and where to see how it goes on: under the name by which the client called the node.
pub(crate) fn accepted(context: &Context) -> ApiResult {
    reply::accepted(&format!(
        "{}/v1/nodes/{}/states",
        context.base,
        context.param("node")
    ))
}

/// A request about a node's hardware.
pub(crate) fn hardware(node: &Node, request: HardwareRequest) -> Request {
    Request::Hardware {
        node: node.uuid.clone(),
        request,
    }
}

/// Asks the owner of the node that the path names something about its hardware.
pub(crate) async fn ask_hardware(
    context: &Context,
    request: HardwareRequest,
) -> Result<Reply, ApiError> {
    let node = context.node().await?;
    let request = hardware(&node, request);
    context.ask(&node, NobodyIs::NotFound, request).await
}

/// A reply that carries JSON.
pub(crate) fn json_reply(reply: Reply) -> Result<Value, ApiError> {
    match reply {
        Reply::Json(value) => Ok(value),
        _ => Err(unexpected_reply()),
    }
}

/// A reply that carries a node.
pub(crate) fn node_reply(reply: Reply) -> Result<Node, ApiError> {
    match reply {
        Reply::Node(node) => Ok(*node),
        _ => Err(unexpected_reply()),
    }
}

/// The UUID of a node that a body names; 400 if there is none.
pub(crate) async fn referenced_node(context: &Context, written: &str) -> Result<String, ApiError> {
    let missing = || ApiError::invalid(format!("Node {written} could not be found."));
    let ident = ironbark_model::ident::Ident::parse(written)?;
    let node = context.state.db().node_get(&ident).await?;
    Ok(node.ok_or_else(missing)?.uuid)
}

/// The node that a body names by its UUID; 400 if that is none, or there is no such node.
pub(crate) async fn of_body(context: &Context, named: Option<&Value>) -> Result<Node, ApiError> {
    let Some(Value::String(written)) = named else {
        return Err(ApiError::invalid(
            "node_uuid is the UUID of a node, as text.",
        ));
    };
    let uuid = resource::uuid(written)?;
    let node = context
        .state
        .db()
        .node_get(&Ident::Uuid(uuid.clone()))
        .await?;
    let node = node.ok_or_else(|| ApiError::invalid(Error::node_not_found(&uuid).message()))?;
    tracing::Span::current().record("node", node.uuid.as_str());
    Ok(node)
}

/// The node that something belongs to.
pub(crate) async fn owning(context: &Context, uuid: &str) -> Result<Node, ApiError> {
    let ident = Ident::Uuid(uuid.to_owned());
    let node = context.state.db().node_get(&ident).await?;
    let node = node.ok_or_else(|| Error::node_not_found(uuid))?;
    tracing::Span::current().record("node", node.uuid.as_str());
    Ok(node)
}

/// This verb is not valid in the state that the node is in.
pub(crate) fn invalid_state(action: &str, node: &Node, state: &str) -> Error {
    Error::new(
        ErrorKind::InvalidState,
        format!(
            "The requested action \"{action}\" can not be performed on node \"{}\" while it is in state \"{state}\".",
            node.uuid
        ),
    )
}

/// No text and no name at all is nothing that a node can be called.
pub(crate) fn no_name() -> ApiError {
    ApiError::invalid("Cannot use an empty name: leave it out, or remove the one that is there.")
}
