//! `PATCH /v1/ports/{port}`.

use ironbark_model::patch::{self, PatchOp, PatchVerb};
use ironbark_model::{JsonObject, Port};
use ironbark_rpc::Request;
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::port as gate;
use crate::routing::NobodyIs;
use crate::versions::Version;
use crate::view::port::{self as view, Scene};
use crate::{body, local_link, nodes, portgroups, ports, reply};

/// `PATCH /v1/ports/{port}`: form and types are checked here, what the node's state allows by its conductor.
pub(crate) async fn update(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut patch = patch::parse(&body::json(&context)?)?;
    for op in &mut patch {
        nodes::update::check(op, gate::FIELDS, context.version)?;
        let sets = op.op != PatchVerb::Remove;
        let is_portgroup = op.root() == "portgroup_uuid";
        let is_node = op.root() == "node_uuid";
        if let (true, Value::String(written)) = (sets, &mut op.value) {
            if is_portgroup {
                portgroups::referenced(&context, written).await?;
            }
            if is_node {
                *written = nodes::referenced_node(&context, &written.clone()).await?;
            }
        }
    }
    let port = ports::of_path(&context).await?;
    settle_link(&mut patch, &port, context.version)?;
    let node = nodes::owning(&context, &port.node_uuid).await?;
    nodes::update::refuse_in_inspection(&node, context.version)?;
    let request = Request::UpdatePort {
        port: port.uuid,
        node: node.uuid.clone(),
        patch,
    };
    let port = ports::port_reply(context.ask(&node, NobodyIs::NotFound, request).await?)?;
    let scene = Scene {
        base: context.base.clone(),
    };
    reply::shown(&view::everything(context.version).view(&port, &scene))
}

/// What changes a part of `local_link_connection` is judged by what the whole becomes, which takes its place.
fn settle_link(patch: &mut Vec<PatchOp>, port: &Port, version: Version) -> Result<(), ApiError> {
    const LINK: &str = "local_link_connection";
    let (ops, mut others): (Vec<_>, Vec<_>) =
        patch.iter().cloned().partition(|op| op.root() == LINK);
    if ops.iter().all(PatchOp::is_root) {
        return Ok(());
    }
    let before = &port.local_link_connection;
    let mut document = JsonObject::from_iter([(LINK.to_owned(), before.clone().into())]);
    patch::apply(&mut document, &ops, |_| JsonObject::new().into())?;
    if let Some(Value::Object(after)) = document.remove(LINK) {
        others.push(PatchOp {
            op: PatchVerb::Replace,
            path: vec![LINK.to_owned()],
            value: local_link::check_patched(before, after, version)?.into(),
        });
    }
    *patch = others;
    Ok(())
}
