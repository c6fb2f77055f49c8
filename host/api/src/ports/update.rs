//! `PATCH /v1/ports/{port}`.

use ironbark_model::Port;
use ironbark_model::patch::{self, PatchOp, PatchVerb};
use ironbark_rpc::Request;
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::portgroup::NETWORK_SINCE;
use crate::gates::{self, port as gate};
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
        local_link::check_part(op, context.version)?;
        let sets = op.op != PatchVerb::Remove;
        if let (false, Some(attribute)) = (sets, gates::attribute(gate::FIELDS, op.root())) {
            context.version.require(attribute.since)?;
        }
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
    refuse_network_in_group(&patch, &port, context.version)?;
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

/// Where a port group has a physical network that clients know of, its ports get theirs from it.
fn refuse_network_in_group(
    patch: &[PatchOp],
    port: &Port,
    version: Version,
) -> Result<(), ApiError> {
    if !version.has(NETWORK_SINCE) {
        return Ok(());
    }
    let after =
        |name: &str, before: &Option<String>| match patch.iter().rev().find(|op| op.root() == name)
        {
            None => before.clone(),
            Some(op) if op.op == PatchVerb::Remove => None,
            Some(op) => op.value.as_str().map(str::to_owned),
        };
    let moves = after("physical_network", &port.physical_network) != port.physical_network;
    let stays = after("portgroup_uuid", &port.portgroup_uuid) == port.portgroup_uuid;
    match &port.portgroup_uuid {
        Some(group) if moves && stays => Err(ApiError::invalid(format!(
            "physical_network of port {} can't change while it is in portgroup {group}: change the portgroup's.",
            port.uuid
        ))),
        _ => Ok(()),
    }
}
