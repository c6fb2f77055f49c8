//! A node's ports.

use std::sync::Arc;

use ironbark_model::ident::Ident;
use ironbark_model::local_link;
use ironbark_model::patch::PatchOp;
use ironbark_model::{Error, Node, Port, Portgroup, Result};
use ironbark_rpc::Reply;

use super::hold;
use super::patching::patched;
use super::port_rules::{check_change, check_delete};
use super::portgroup_rules::{check_member, group_with_network};
use super::portgroups::group_of;
use crate::context::Context;
use crate::reserve::Held;

/// Stores a new port of a node.
pub(super) async fn create(ctx: &Arc<Context>, mut port: Port) -> Result<Reply> {
    let (held, node) = hold(ctx, &port.node_uuid).await?;
    port.node_uuid.clone_from(&node.uuid);
    if port.uuid.is_empty() {
        port.uuid = ironbark_model::ident::new_uuid();
    }
    let adopting = check_group(ctx, &node, None, &port).await?;
    let mut tx = held.begin().await?;
    let stored = tx.port_create(&port).await?;
    if let Some(portgroup) = &adopting {
        tx.portgroup_update(portgroup).await?;
    }
    held.commit_and_release(tx).await?;
    Ok(Reply::Port(Box::new(stored)))
}

/// Applies a patch to a port. One that moves it to another node changes that node too, which must be free.
pub(super) async fn update(
    ctx: &Arc<Context>,
    port: &str,
    node: &str,
    ops: &[PatchOp],
) -> Result<Reply> {
    let (held, node) = hold(ctx, node).await?;
    let before = find_port(ctx, port, &node.uuid).await?;
    let mut after = patched(&before, ops, &Port::default())?;
    // A part of it may have been patched: the whole counts, as it is stored now.
    if ops.iter().any(|op| op.root() == "local_link_connection") {
        after.local_link_connection = local_link::normal_form(after.local_link_connection)?;
    }
    check_change(&node, &before, &after)?;
    let target = if after.node_uuid == node.uuid {
        None
    } else if after.portgroup_uuid.is_some() {
        return Err(Error::invalid(format!(
            "Port {} can't move to another node in a portgroup: take it out of its portgroup in the same patch.",
            before.uuid
        )));
    } else {
        Some(hold_target(ctx, &before, &after).await?)
    };
    let adopting = check_group(ctx, &node, Some(&before), &after).await?;
    let mut tx = held.begin().await?;
    if let Some(portgroup) = &adopting {
        tx.portgroup_update(portgroup).await?;
    }
    let stored = match &target {
        Some(target) => tx.port_move(&after, target.reservation()?).await?,
        None => tx.port_update(&after).await?,
    };
    held.commit_and_release(tx).await?;
    Ok(Reply::Port(Box::new(stored)))
}

/// Deletes a port.
pub(super) async fn destroy(ctx: &Arc<Context>, port: &str, node: &str) -> Result<Reply> {
    let (held, node) = hold(ctx, node).await?;
    let found = find_port(ctx, port, &node.uuid).await?;
    check_delete(&node, &found)?;
    let mut tx = held.begin().await?;
    tx.port_delete(&found.uuid).await?;
    held.commit_and_release(tx).await?;
    Ok(Reply::Done)
}

/// Holds the node that a port moves to. It isn't waited for: whoever has it may be waiting for the node that we hold.
async fn hold_target(ctx: &Arc<Context>, before: &Port, after: &Port) -> Result<Held> {
    let held = Held::try_acquire(ctx, &after.node_uuid).await?;
    let node = ctx
        .db
        .node_get(&Ident::Uuid(after.node_uuid.clone()))
        .await?
        .ok_or_else(|| Error::node_not_found(&after.node_uuid))?;
    check_change(&node, before, after)?;
    Ok(held)
}

/// Refuses a port that doesn't fit the group that it is in then. The group if it changes along.
async fn check_group(
    ctx: &Context,
    node: &Node,
    before: Option<&Port>,
    after: &Port,
) -> Result<Option<Portgroup>> {
    let Some(group) = group_of(ctx, after).await? else {
        return Ok(None);
    };
    check_member(node, &group, before, after)?;
    Ok(group_with_network(group, after))
}

async fn find_port(ctx: &Context, port: &str, node_uuid: &str) -> Result<Port> {
    ctx.db
        .port_get(&Ident::parse(port)?)
        .await?
        .filter(|found| found.node_uuid == node_uuid)
        .ok_or_else(|| Error::not_found(format!("Port {port} could not be found.")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_db::Database;
    use ironbark_model::ident::new_uuid;
    use ironbark_model::patch::parse;
    use ironbark_model::{ErrorKind, ProvisionState};
    use serde_json::json;

    use super::*;
    use crate::reserve::giving_back;
    use crate::testing;

    async fn node(db: &Database, state: ProvisionState) -> Node {
        let node = Node {
            uuid: new_uuid(),
            driver: "any".to_owned(),
            provision_state: state,
            ..Node::default()
        };
        db.node_create(&node).await.unwrap()
    }

    #[tokio::test]
    async fn a_part_of_a_link_is_patched_on_what_is_stored() {
        let database = ironbark_db::testing::sqlite().await;
        let db = &database.database;
        let ctx = testing::context(db, testing::config("here"));
        let node = node(db, ProvisionState::Manageable).await;
        let link = json!({"port_id": "e1", "hostname": "h"});
        let port = Port {
            uuid: new_uuid(),
            address: "52:54:00:00:00:01".to_owned(),
            node_uuid: node.uuid.clone(),
            local_link_connection: link.as_object().unwrap().clone(),
            ..Port::default()
        };
        create(&ctx, port.clone()).await.unwrap();
        let set = async |op: &str, key: &str, value: &str| {
            let op =
                json!({"op": op, "path": format!("/local_link_connection/{key}"), "value": value});
            let ops = parse(&json!([op])).unwrap();
            giving_back(update(&ctx, &port.uuid, &node.uuid, &ops))
                .await
                .map(drop)
                .map_err(|error| error.kind())
        };
        let refused = Err(ErrorKind::InvalidParameter);
        assert_eq!(set("remove", "port_id", "").await, refused);
        assert_eq!(set("add", "bogus", "x").await, refused);
        assert_eq!(set("add", "switch_id", "0A:1B:2C:3D:4E:5F").await, Ok(()));
        assert_eq!(set("replace", "port_id", "e2").await, Ok(()));
        let stored = db.ports_of_node(&node.uuid).await.unwrap().remove(0);
        assert_eq!(
            serde_json::Value::Object(stored.local_link_connection),
            json!({"port_id": "e2", "hostname": "h", "switch_id": "0a:1b:2c:3d:4e:5f"})
        );
    }

    #[tokio::test]
    async fn a_port_moves_to_a_node_that_is_free_and_settled() {
        let database = ironbark_db::testing::sqlite().await;
        let db = &database.database;
        let ctx = testing::context(db, testing::config("here"));
        let from = node(db, ProvisionState::Manageable).await;
        let to = node(db, ProvisionState::Manageable).await;
        let active = node(db, ProvisionState::Active).await;
        let port = Port {
            uuid: new_uuid(),
            address: "52:54:00:00:00:01".to_owned(),
            node_uuid: from.uuid.clone(),
            ..Port::default()
        };
        create(&ctx, port.clone()).await.unwrap();
        let move_to = async |node: &Node| {
            let ops = parse(&json!([{"op": "replace", "path": "/node_uuid", "value": node.uuid}]))
                .unwrap();
            giving_back(update(&ctx, &port.uuid, &from.uuid, &ops))
                .await
                .map(drop)
                .map_err(|error| error.kind())
        };

        let busy = db.node_reserve(&to.uuid, "elsewhere").await.unwrap();
        assert_eq!(move_to(&to).await, Err(ErrorKind::NodeLocked));
        db.node_release(&busy).await.unwrap();
        assert_eq!(move_to(&active).await, Err(ErrorKind::Conflict));
        assert_eq!(db.ports_of_node(&from.uuid).await.unwrap().len(), 1);

        assert_eq!(move_to(&to).await, Ok(()));
        assert_eq!(db.ports_of_node(&to.uuid).await.unwrap().len(), 1);
        for node in [&from, &to, &active] {
            let free = db.node_get(&Ident::Uuid(node.uuid.clone())).await.unwrap();
            assert_eq!(free.unwrap().reservation, None);
        }
    }
}
