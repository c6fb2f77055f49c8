//! `POST /v1/portgroups`, `PATCH` and `DELETE /v1/portgroups/{portgroup}`: the conductor of the group's node does it.

use ironbark_model::patch::{self, PatchVerb};
use ironbark_model::{Node, Portgroup, ident};
use ironbark_rpc::{Change, ChangeBelonging, Reply, Request};
use serde_json::Value;

use super::portgroup_reply;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::portgroup as gate;
use crate::nodes::update::{check, refuse_in_inspection};
use crate::routing::NobodyIs;
use crate::view::portgroup::RESOURCE;
use crate::{body, nodes, portgroups, reply};

/// `POST /v1/portgroups`.
pub(crate) async fn create(context: Context) -> ApiResult {
    let mut given = RESOURCE.new_object(&context)?;
    let node = nodes::of_body(&context, given.get("node_uuid")).await?;
    given.insert("node_uuid".to_owned(), Value::from(node.uuid.as_str()));
    if given.get("mode").and_then(Value::as_str) == Some("") {
        given.remove("mode");
    }
    given
        .entry("uuid")
        .or_insert_with(|| Value::from(ident::new_uuid()));
    let portgroup: Portgroup = serde_json::from_value(Value::Object(given))
        .map_err(|error| ApiError::invalid(format!("The portgroup can't be created: {error}.")))?;
    let reply = ask(&context, &node, Change::Create(Box::new(portgroup))).await?;
    RESOURCE.created(&context, &portgroup_reply(reply)?)
}

/// `PATCH /v1/portgroups/{portgroup}`: form and types are checked here, what node and ports allow by the conductor.
pub(crate) async fn update(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut patch = patch::parse(&body::json(&context)?)?;
    for op in &mut patch {
        if op.op == PatchVerb::Remove && op.is_root() && op.root() == "mode" {
            return Err(ApiError::invalid(
                "/mode is mandatory and can't be removed.",
            ));
        }
        check(op, gate::FIELDS, context.version)?;
        if op.root() == "node_uuid" && op.op != PatchVerb::Remove {
            op.value = nodes::of_body(&context, Some(&op.value)).await?.uuid.into();
        }
    }
    let portgroup = portgroups::of_path(&context).await?;
    let node = nodes::owning(&context, &portgroup.node_uuid).await?;
    refuse_in_inspection(&node, context.version)?;
    let change = Change::Update {
        uuid: portgroup.uuid,
        node: node.uuid.clone(),
        patch,
    };
    let reply = ask(&context, &node, change).await?;
    RESOURCE.shown(&context, &portgroup_reply(reply)?)
}

/// `DELETE /v1/portgroups/{portgroup}`: only without ports.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let portgroup = portgroups::of_path(&context).await?;
    let node = nodes::owning(&context, &portgroup.node_uuid).await?;
    let change = Change::Destroy {
        uuid: portgroup.uuid,
        node: node.uuid.clone(),
    };
    ask(&context, &node, change).await?;
    reply::no_content()
}

async fn ask(context: &Context, node: &Node, change: Change<Portgroup>) -> Result<Reply, ApiError> {
    let change = ChangeBelonging::Portgroup(change);
    let request = Request::ChangeBelonging { change };
    context.ask(node, NobodyIs::NotFound, request).await
}
