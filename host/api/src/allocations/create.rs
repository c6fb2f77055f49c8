//! `POST /v1/allocations`: for some node that fits, or for a certain one that is in use already (a backfill).

use ironbark_model::ident::new_uuid;
use ironbark_model::{Allocation, JsonObject, Node, traits};
use ironbark_rpc::{ChangeAllocation, Reply};
use serde_json::Value;

use super::ask;
use crate::context::{Context, unexpected_reply};
use crate::error::{ApiError, ApiResult};
use crate::gates::allocation as gate;
use crate::view::allocation::RESOURCE;
use crate::{body, nodes};

/// An allocation names at most this many candidates.
const MAX_CANDIDATES: usize = 1000;

/// `POST /v1/allocations`.
pub(crate) async fn create(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut given = body::new_object(
        body::object(&context)?,
        gate::FIELDS,
        &["node"],
        context.version,
    )?;
    let node = backfilled(&context, &mut given).await?;
    let mut allocation: Allocation = serde_json::from_value(Value::Object(given))
        .map_err(|error| ApiError::invalid(format!("The allocation can't be created: {error}.")))?;
    traits::check_traits(allocation.traits.iter().map(String::as_str))?;
    allocation.traits.sort_unstable();
    allocation.traits.dedup();
    name_candidates(&context, &mut allocation.candidate_nodes).await?;
    allocation.prefers_name = context.version.has(gate::NAMESAKE_SINCE);
    let change = match node {
        Some(node) => for_node(allocation, &node)?,
        None if allocation.resource_class.is_none() => {
            return Err(body::missing("resource_class"));
        }
        None => {
            if allocation.uuid.is_empty() {
                allocation.uuid = new_uuid();
            }
            ChangeAllocation::Create(Box::new(allocation))
        }
    };
    match ask(&context, change).await? {
        Reply::Allocation(allocation) => RESOURCE.created(&context, &allocation),
        _ => Err(unexpected_reply()),
    }
}

/// The node that the allocation is made for afterwards, if the body names one: 400 if there is none of that name.
async fn backfilled(context: &Context, given: &mut JsonObject) -> Result<Option<Node>, ApiError> {
    let Some(written) = given.remove("node") else {
        return Ok(None);
    };
    context.version.require(gate::BACKFILL_SINCE)?;
    match written {
        Value::Null => Ok(None),
        Value::String(written) => {
            let uuid = nodes::referenced_node(context, &written).await?;
            Ok(Some(nodes::owning(context, &uuid).await?))
        }
        _ => Err(ApiError::invalid("node is a node's UUID or name, as text.")),
    }
}

fn for_node(mut allocation: Allocation, node: &Node) -> Result<ChangeAllocation, ApiError> {
    let candidates = &allocation.candidate_nodes;
    if !candidates.is_empty() && !candidates.contains(&node.uuid) {
        return Err(ApiError::invalid(format!(
            "Node {} is not among candidate_nodes: leave them out when node is given.",
            node.uuid
        )));
    }
    if allocation.resource_class.is_none() {
        allocation.resource_class.clone_from(&node.resource_class);
    }
    Ok(ChangeAllocation::Backfill {
        allocation: Box::new(allocation),
        node: node.uuid.clone(),
    })
}

/// Makes UUIDs of what the body calls nodes, each once; 400 if there is no such node.
async fn name_candidates(context: &Context, candidates: &mut Vec<String>) -> Result<(), ApiError> {
    if candidates.len() > MAX_CANDIDATES {
        return Err(ApiError::invalid(format!(
            "An allocation can name at most {MAX_CANDIDATES} candidate_nodes, {} were given: leave them out to take any node.",
            candidates.len()
        )));
    }
    let mut uuids: Vec<String> = Vec::with_capacity(candidates.len());
    for written in candidates.iter() {
        let uuid = nodes::referenced_node(context, written).await?;
        if !uuids.contains(&uuid) {
            uuids.push(uuid);
        }
    }
    *candidates = uuids;
    Ok(())
}
