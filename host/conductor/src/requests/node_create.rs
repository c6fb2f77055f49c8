//! Creating a node.

use std::sync::Arc;

use ironbark_model::ident::Ident;
use ironbark_model::{Error, InterfaceKind, Node, Result, node_rules};
use ironbark_rpc::Reply;

use super::node_interfaces::{check_driver, settle};
use crate::context::Context;

/// Stores a new node with everything that it left out filled in.
pub(super) async fn create(ctx: &Arc<Context>, mut node: Node) -> Result<Reply> {
    check_driver(&ctx.drivers, &node.driver)?;
    if node.uuid.is_empty() {
        node.uuid = ironbark_model::ident::new_uuid();
    }
    if node.resource_class.is_none() {
        node.resource_class
            .clone_from(&ctx.config.default_resource_class);
    }
    if node.conductor_group.is_empty() {
        node.conductor_group
            .clone_from(&ctx.config.default_conductor_group);
    }
    node.conductor_group = node.conductor_group.to_lowercase();
    settle(&ctx.drivers, &mut node, InterfaceKind::ALL)?;
    node_rules::fill_instance_name(&mut node);
    if !node.maintenance {
        node.maintenance_reason = None;
    }
    if node.retired_reason.is_some() && !node.retired {
        return Err(Error::invalid("retired_reason needs retired to be true."));
    }
    check_parent(ctx, &node).await?;
    let stored = ctx.db.node_create(&node).await?;
    tracing::info!(node = %stored.uuid, driver = %stored.driver, "a node was created");
    Ok(Reply::Node(Box::new(stored)))
}

/// The parent must be there, and not be a child itself.
pub(super) async fn check_parent(ctx: &Context, node: &Node) -> Result<()> {
    let Some(parent) = &node.parent_node else {
        return Ok(());
    };
    if *parent == node.uuid {
        return Err(Error::invalid("A node can't be its own parent."));
    }
    match ctx.db.node_get(&Ident::parse(parent)?).await? {
        None => Err(Error::invalid(format!(
            "The parent node {parent} could not be found."
        ))),
        Some(found) if found.parent_node.is_some() => Err(Error::invalid(format!(
            "Node {parent} has a parent itself, and can't be one."
        ))),
        Some(_) => Ok(()),
    }
}
