//! `PATCH /v1/nodes/{node}` (facts §1.8, §2.1).

use ironbark_model::patch::{self, PatchOp, PatchVerb};
use ironbark_model::{Error, Node, ProvisionState, node_rules};
use ironbark_rpc::Request;
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, Attribute, Kind, node as gate};
use crate::routing::NobodyIs;
use crate::versions::Version;
use crate::view::node as view;
use crate::{body, chassis, nodes, reply, values};

/// `PATCH /v1/nodes/{node}`: form and types are checked here, what the node's state allows by its conductor.
pub(crate) async fn update(context: Context) -> ApiResult {
    context.query.only(&["reset_interfaces"])?;
    let reset_interfaces = context.query.flag("reset_interfaces")?;
    if reset_interfaces.is_some() {
        context.version.require(gate::RESET_INTERFACES_SINCE)?;
    }
    let mut patch = patch::parse(&body::json(&context)?)?;
    for op in &mut patch {
        check(op, gate::FIELDS, context.version)?;
        // To take its name, remove it.
        if op.root() == "name" && op.op != PatchVerb::Remove && op.value.is_null() {
            return Err(nodes::no_name());
        }
        refer(&context, op).await?;
    }
    let reset_interfaces = reset_interfaces.unwrap_or(false);
    if reset_interfaces && !patch.iter().any(|op| op.root() == "driver") {
        return Err(ApiError::invalid(
            "The reset_interfaces parameter can only be used when changing the node's driver.",
        ));
    }
    let node = context.node().await?;
    let own_parent = patch
        .iter()
        .any(|op| op.root() == "parent_node" && op.value.as_str() == Some(&node.uuid));
    if own_parent {
        return Err(ApiError::invalid("A node can't be its own parent."));
    }
    if !node_rules::cuts_off_instance(&node, &patch) {
        refuse_in_inspection(&node, context.version)?;
    }
    let patched = as_routed(&node, &patch);
    let request = Request::UpdateNode {
        node: node.uuid,
        patch,
        reset_interfaces,
    };
    let node = nodes::node_reply(context.ask(&patched, NobodyIs::Invalid, request).await?)?;
    let scene = nodes::scene(&context).await?;
    reply::shown(&view::everything(context.version).view(&node, &scene))
}

/// Nothing of a node is changed while it is looked at. Whether that holds depends on the version, which the conductor
/// doesn't know.
pub(crate) fn refuse_in_inspection(node: &Node, version: Version) -> Result<(), ApiError> {
    if node.provision_state == ProvisionState::Inspecting && version.has(gate::INSPECT_WAIT_SINCE) {
        return Err(Error::conflict(format!(
            "Cannot update node {} or what belongs to it while it is in state \"{}\".",
            node.uuid, node.provision_state
        ))
        .into());
    }
    Ok(())
}

/// The node with the driver and conductor group that the patch gives it. Whoever serves those decides about the patch; if
/// nobody does, nobody could ever be asked about the node again.
fn as_routed(node: &Node, patch: &[PatchOp]) -> Node {
    let mut patched = node.clone();
    for op in patch.iter().filter(|op| op.is_root()) {
        let value = match op.op {
            PatchVerb::Remove => "",
            PatchVerb::Add | PatchVerb::Replace => op.value.as_str().unwrap_or_default(),
        };
        match op.root() {
            "driver" => value.clone_into(&mut patched.driver),
            "conductor_group" => value.clone_into(&mut patched.conductor_group),
            _ => {}
        }
    }
    patched
}

/// Checks one operation against the table of fields, and brings its value into the form that is stored.
pub(crate) fn check(
    op: &mut PatchOp,
    table: &'static [Attribute],
    version: Version,
) -> Result<(), ApiError> {
    let root = op.root().to_owned();
    let Some(attribute) = gates::attribute(table, &root).filter(|attribute| attribute.patchable())
    else {
        let mut names: Vec<&str> = table
            .iter()
            .filter(|attribute| attribute.patchable() && version.has(attribute.since))
            .map(|attribute| attribute.name)
            .collect();
        names.sort_unstable();
        return Err(ApiError::invalid(format!(
            "Cannot patch /{}. Only the following can be updated: {}",
            op.path.join("/"),
            names.join(", ")
        )));
    };
    if op.op == PatchVerb::Remove {
        if op.is_root() && attribute.kind.is_mandatory() {
            return Err(ApiError::invalid(format!(
                "/{root} is mandatory and can't be removed."
            )));
        }
        return Ok(());
    }
    version.require(attribute.since)?;
    if op.is_root() {
        op.value = values::normalise(attribute, op.value.take(), version)?;
    } else if attribute.kind == Kind::Properties
        && let [_, key] = op.path.as_slice()
    {
        values::check_property(key, &op.value)?;
    }
    Ok(())
}

/// What refers to something else must find it.
async fn refer(context: &Context, op: &mut PatchOp) -> Result<(), ApiError> {
    match (op.root(), op.op) {
        ("chassis_uuid", PatchVerb::Remove) => context.version.require(gate::UNSET_CHASSIS_SINCE),
        ("chassis_uuid", _) => match op.value.as_str() {
            Some(uuid) => chassis::referenced(context, uuid).await,
            None => context.version.require(gate::UNSET_CHASSIS_SINCE),
        },
        ("parent_node", PatchVerb::Add | PatchVerb::Replace) => {
            if let Value::String(parent) = &mut op.value {
                *parent = nodes::referenced_node(context, &parent.clone()).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
