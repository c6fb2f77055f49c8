//! `POST /v1/volume/connectors` and `targets`, `PATCH` and `DELETE` of one: the conductor of its node does it.

use ironbark_model::patch::{self, PatchVerb};
use ironbark_model::{Node, ident};
use ironbark_rpc::{Change, Reply, Request};
use serde_json::Value;

use super::{Volume, read};
use crate::context::{Context, unexpected_reply};
use crate::error::{ApiError, ApiResult};
use crate::nodes::update::check;
use crate::routing::NobodyIs;
use crate::{body, nodes, reply};

/// `POST /v1/volume/…`.
pub(crate) async fn create<V: Volume>(context: Context) -> ApiResult {
    let mut given = V::resource().new_object(&context)?;
    let node = nodes::of_body(&context, given.get("node_uuid")).await?;
    given.insert("node_uuid".to_owned(), Value::from(node.uuid.as_str()));
    given
        .entry("uuid")
        .or_insert_with(|| Value::from(ident::new_uuid()));
    let volume: V = serde_json::from_value(Value::Object(given)).map_err(|error| {
        ApiError::invalid(format!("The {} can't be created: {error}.", V::WHAT))
    })?;
    let reply = ask(&context, &node, Change::Create(Box::new(volume))).await?;
    V::resource().created(&context, &stored::<V>(reply)?)
}

/// `PATCH /v1/volume/…/{uuid}`: form and types are checked here, what the node's power allows by the conductor.
pub(crate) async fn update<V: Volume>(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut patch = patch::parse(&body::json(&context)?)?;
    for op in &mut patch {
        check(op, V::resource().gates, context.version)?;
        if op.root() == "node_uuid" && op.op != PatchVerb::Remove {
            op.value = nodes::of_body(&context, Some(&op.value)).await?.uuid.into();
        }
    }
    let volume: V = read::of_path(&context).await?;
    let node = nodes::owning(&context, volume.node_uuid()).await?;
    let change = Change::Update {
        uuid: (V::resource().uuid)(&volume).to_owned(),
        node: node.uuid.clone(),
        patch,
    };
    let reply = ask::<V>(&context, &node, change).await?;
    V::resource().shown(&context, &stored::<V>(reply)?)
}

/// `DELETE /v1/volume/…/{uuid}`.
pub(crate) async fn delete<V: Volume>(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let volume: V = read::of_path(&context).await?;
    let node = nodes::owning(&context, volume.node_uuid()).await?;
    let change = Change::Destroy {
        uuid: (V::resource().uuid)(&volume).to_owned(),
        node: node.uuid.clone(),
    };
    ask::<V>(&context, &node, change).await?;
    reply::no_content()
}

async fn ask<V: Volume>(
    context: &Context,
    node: &Node,
    change: Change<V>,
) -> Result<Reply, ApiError> {
    let change = V::change(change);
    let request = Request::ChangeBelonging { change };
    context.ask(node, NobodyIs::NotFound, request).await
}

fn stored<V: Volume>(reply: Reply) -> Result<V, ApiError> {
    match reply {
        Reply::Belonging(belonging) => V::stored(belonging).ok_or_else(unexpected_reply),
        _ => Err(unexpected_reply()),
    }
}
