//! `POST /v1/nodes`.

use ironbark_model::{Node, ProvisionState, ident};
use ironbark_rpc::Request;
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, node as gate};
use crate::routing::NobodyIs;
use crate::view::node as view;
use crate::{body, chassis, nodes, reply};

/// An empty text is here what no text is.
const NOTHING_WHEN_EMPTY: &[&str] = &["resource_class", "owner"];

/// `POST /v1/nodes`: the conductor fills in what is left out, and stores the node.
pub(crate) async fn create(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut given = body::object(&context)?;
    // To say that there is no value one need not know the field.
    given.retain(|name, value| {
        !value.is_null()
            || gates::attribute(gate::FIELDS, name)
                .is_none_or(|attribute| context.version.has(attribute.since))
    });
    for name in NOTHING_WHEN_EMPTY {
        if given.get(*name) == Some(&Value::from("")) {
            given.remove(*name);
        }
    }
    if given.get("name") == Some(&Value::from("")) {
        return Err(nodes::no_name());
    }
    let mut given = body::new_object(given, gate::FIELDS, &[], context.version)?;
    if !given.contains_key("driver") {
        return Err(body::missing("driver"));
    }
    if let Some(uuid) = given.get("chassis_uuid").and_then(Value::as_str) {
        chassis::referenced(&context, uuid).await?;
    }
    if let Some(Value::String(parent)) = given.get_mut("parent_node") {
        *parent = nodes::referenced_node(&context, &parent.clone()).await?;
    }
    if given.contains_key("retired_reason") && given.get("retired") != Some(&Value::Bool(true)) {
        return Err(ApiError::invalid(
            "retired_reason can be given only together with retired.",
        ));
    }
    given
        .entry("uuid")
        .or_insert_with(|| Value::from(ident::new_uuid()));
    let mut node: Node = serde_json::from_value(Value::Object(given))
        .map_err(|error| ApiError::invalid(format!("The node can't be created: {error}.")))?;
    node.provision_state = if context.version.has(gate::ENROLL_SINCE) {
        ProvisionState::Enroll
    } else {
        ProvisionState::Available
    };
    if node.conductor_group.is_empty() {
        let default = &context.state.config().default_conductor_group;
        node.conductor_group.clone_from(default);
    }
    tracing::Span::current().record("node", node.uuid.as_str());
    let host = context
        .state
        .routing()
        .owner(&node, NobodyIs::Invalid)
        .await?;
    let request = Request::CreateNode {
        node: Box::new(node),
    };
    let node = nodes::node_reply(context.ask_host(&host, request).await?)?;
    let scene = nodes::scene(&context).await?;
    reply::created_shown(
        &format!("{}/v1/nodes/{}", context.base, node.uuid),
        &view::everything(context.version).view(&node, &scene),
    )
}
