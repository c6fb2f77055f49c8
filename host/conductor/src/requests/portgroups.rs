//! A node's port groups.

use std::sync::Arc;

use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::patch::PatchOp;
use ironbark_model::{Error, Port, Portgroup, Result};

use super::hold;
use super::patching::patched;
use super::portgroup_rules::{Group, check_change, check_delete};
use crate::context::Context;

/// Stores a new port group of a node.
pub(super) async fn create(ctx: &Arc<Context>, mut portgroup: Portgroup) -> Result<Portgroup> {
    let (held, node) = hold(ctx, &portgroup.node_uuid).await?;
    portgroup.node_uuid.clone_from(&node.uuid);
    if portgroup.uuid.is_empty() {
        portgroup.uuid = new_uuid();
    }
    let mut tx = held.begin().await?;
    let stored = tx.portgroup_create(&portgroup).await?;
    held.commit_and_release(tx).await?;
    Ok(stored)
}

/// Applies a patch to a port group. Its ports follow it into another physical network.
pub(super) async fn update(
    ctx: &Arc<Context>,
    portgroup: &str,
    node: &str,
    ops: &[PatchOp],
) -> Result<Portgroup> {
    let (held, node) = hold(ctx, node).await?;
    let group = find(ctx, portgroup, &node.uuid).await?;
    let after = patched(&group.portgroup, ops, &Portgroup::default())?;
    check_change(&node, &group, &after)?;
    let mut tx = held.begin().await?;
    let stored = tx.portgroup_update(&after).await?;
    if after.physical_network != group.portgroup.physical_network {
        for port in group.ports {
            tx.port_update(&Port {
                physical_network: after.physical_network.clone(),
                ..port
            })
            .await?;
        }
    }
    held.commit_and_release(tx).await?;
    Ok(stored)
}

/// Deletes a port group that has no ports.
pub(super) async fn destroy(ctx: &Arc<Context>, portgroup: &str, node: &str) -> Result<()> {
    let (held, node) = hold(ctx, node).await?;
    let group = find(ctx, portgroup, &node.uuid).await?;
    check_delete(&group)?;
    let mut tx = held.begin().await?;
    tx.portgroup_delete(&group.portgroup.uuid).await?;
    held.commit_and_release(tx).await
}

/// The group that a port says it is in, with the ports that are in it now, of whatever node it is.
pub(super) async fn group_of(ctx: &Context, port: &Port) -> Result<Option<Group>> {
    let Some(uuid) = &port.portgroup_uuid else {
        return Ok(None);
    };
    match read(ctx, uuid).await? {
        Some(group) => Ok(Some(group)),
        None => Err(Error::invalid(format!(
            "Portgroup {uuid} could not be found."
        ))),
    }
}

async fn find(ctx: &Context, portgroup: &str, node_uuid: &str) -> Result<Group> {
    read(ctx, portgroup)
        .await?
        .filter(|group| group.portgroup.node_uuid == node_uuid)
        .ok_or_else(|| Error::not_found(format!("Portgroup {portgroup} could not be found.")))
}

async fn read(ctx: &Context, uuid: &str) -> Result<Option<Group>> {
    let Some(portgroup) = ctx.db.portgroup_get(&Ident::parse(uuid)?).await? else {
        return Ok(None);
    };
    let mut ports = ctx.db.ports_of_node(&portgroup.node_uuid).await?;
    ports.retain(|port| port.portgroup_uuid.as_deref() == Some(&portgroup.uuid));
    Ok(Some(Group { portgroup, ports }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::patch::parse;
    use ironbark_model::{ErrorKind, Node};
    use serde_json::{Value, json};

    use super::super::ports;
    use super::*;
    use crate::reserve::giving_back;
    use crate::testing;

    #[tokio::test]
    async fn a_group_and_its_ports_are_in_one_network() {
        let database = ironbark_db::testing::sqlite().await;
        let db = &database.database;
        let ctx = testing::context(db, testing::config("here"));
        let node = Node {
            uuid: new_uuid(),
            driver: "any".to_owned(),
            provision_state: ironbark_model::ProvisionState::Manageable,
            ..Node::default()
        };
        let node = db.node_create(&node).await.unwrap();
        let new = Portgroup {
            node_uuid: node.uuid.clone(),
            ..Portgroup::default()
        };
        let group = create(&ctx, new).await.unwrap();
        let network = async || {
            let ident = Ident::Uuid(group.uuid.clone());
            let read = db.portgroup_get(&ident).await.unwrap();
            read.unwrap().physical_network
        };
        let port = |number: u8, network: Option<&str>| Port {
            uuid: new_uuid(),
            node_uuid: node.uuid.clone(),
            address: format!("52:54:00:00:00:0{number}"),
            portgroup_uuid: Some(group.uuid.clone()),
            physical_network: network.map(str::to_owned),
            ..Port::default()
        };
        let kind = |error: Error| error.kind();
        let first = port(1, Some("red"));
        ports::create(&ctx, first.clone()).await.unwrap();
        // The first port says where the group is, as long as nobody else did.
        assert_eq!(network().await.as_deref(), Some("red"));
        let stranger = giving_back(ports::create(&ctx, port(2, Some("blue")))).await;
        assert_eq!(stranger.map(drop).map_err(kind), Err(ErrorKind::Conflict));
        ports::create(&ctx, port(2, Some("red"))).await.unwrap();

        let patch = |path: &str, value: Value| {
            parse(&json!([{"op": "replace", "path": path, "value": value}])).unwrap()
        };
        let ops = patch("/physical_network", json!("blue"));
        let alone = giving_back(ports::update(&ctx, &first.uuid, &node.uuid, &ops)).await;
        assert_eq!(alone.map(drop).map_err(kind), Err(ErrorKind::Conflict));
        let refused = Err(ErrorKind::InvalidParameter);
        update(&ctx, &group.uuid, &node.uuid, &ops).await.unwrap();
        let ports_now = db.ports_of_node(&node.uuid).await.unwrap();
        assert!(
            ports_now
                .iter()
                .all(|port| port.physical_network.as_deref() == Some("blue"))
        );

        let full = giving_back(destroy(&ctx, &group.uuid, &node.uuid)).await;
        assert_eq!(full.map_err(kind), refused);
        let ops = patch("/portgroup_uuid", json!(null));
        for port in &ports_now {
            ports::update(&ctx, &port.uuid, &node.uuid, &ops)
                .await
                .unwrap();
        }
        // An empty group that was given no network takes a port of any, and stays where it was.
        let fresh = Portgroup {
            node_uuid: node.uuid.clone(),
            ..Portgroup::default()
        };
        let fresh = create(&ctx, fresh).await.unwrap();
        for (number, network, fits) in [
            (3, None, true),
            (4, Some("green"), true),
            (5, Some("red"), false),
            (6, None, false),
        ] {
            let only = Port {
                portgroup_uuid: Some(fresh.uuid.clone()),
                ..port(number, network)
            };
            let made = giving_back(ports::create(&ctx, only.clone())).await;
            assert_eq!(made.is_ok(), fits, "{network:?}");
            if fits {
                ports::destroy(&ctx, &only.uuid, &node.uuid).await.unwrap();
            }
        }
        // A port that joins later says it too.
        let joining = Portgroup {
            node_uuid: node.uuid.clone(),
            ..Portgroup::default()
        };
        let joined = create(&ctx, joining).await.unwrap();
        let single = Port {
            portgroup_uuid: None,
            ..port(7, Some("green"))
        };
        ports::create(&ctx, single.clone()).await.unwrap();
        let ops = patch("/portgroup_uuid", json!(joined.uuid));
        ports::update(&ctx, &single.uuid, &node.uuid, &ops)
            .await
            .unwrap();
        let ident = Ident::Uuid(joined.uuid.clone());
        let joined = db.portgroup_get(&ident).await.unwrap().unwrap();
        assert_eq!(joined.physical_network.as_deref(), Some("green"));
        destroy(&ctx, &group.uuid, &node.uuid).await.unwrap();
        let ops = patch("/portgroup_uuid", json!(group.uuid));
        let gone = giving_back(ports::update(&ctx, &first.uuid, &node.uuid, &ops)).await;
        assert_eq!(gone.map(drop).map_err(kind), refused);
    }
}
