//! A node's volume connectors and targets. What a running machine may have mounted isn't changed under it.

use std::sync::Arc;

use ironbark_model::ident::new_uuid;
use ironbark_model::{Error, Node, PowerState, Result, VolumeConnector, VolumeTarget};
use ironbark_rpc::Change;

use super::patching::patched;
use super::{find, hold};
use crate::context::Context;
use crate::reserve::Held;

/// Changes a volume connector; answers what is stored then, or nothing if it was deleted.
pub(super) async fn connector(
    ctx: &Arc<Context>,
    change: Change<VolumeConnector>,
) -> Result<Option<VolumeConnector>> {
    const WHAT: &str = "volume connector";
    match change {
        Change::Create(mut new) => {
            let (held, node) = hold(ctx, &new.node_uuid).await?;
            name(&mut new.uuid, &mut new.node_uuid, &node);
            let mut tx = held.begin().await?;
            let stored = tx.volume_connector_create(&new).await?;
            held.commit_and_release(tx).await?;
            Ok(Some(stored))
        }
        Change::Update { uuid, node, patch } => {
            let (held, node) = hold(ctx, &node).await?;
            let before = find_connector(ctx, &uuid, &node).await?;
            let after = patched(&before, &patch, &VolumeConnector::default())?;
            check_update(&node, WHAT)?;
            let target = hold_target(ctx, &node, &after.node_uuid, WHAT).await?;
            let mut tx = held.begin().await?;
            let to = target.as_ref().map(Held::reservation).transpose()?;
            let stored = tx.volume_connector_update(&after, to).await?;
            held.commit_and_release(tx).await?;
            Ok(Some(stored))
        }
        Change::Destroy { uuid, node } => {
            let (held, node) = hold(ctx, &node).await?;
            let found = find_connector(ctx, &uuid, &node).await?;
            check_delete(&node, WHAT)?;
            let mut tx = held.begin().await?;
            tx.volume_connector_delete(&found.uuid).await?;
            held.commit_and_release(tx).await?;
            Ok(None)
        }
    }
}

/// Changes a volume target; answers what is stored then, or nothing if it was deleted.
pub(super) async fn target(
    ctx: &Arc<Context>,
    change: Change<VolumeTarget>,
) -> Result<Option<VolumeTarget>> {
    const WHAT: &str = "volume target";
    match change {
        Change::Create(mut new) => {
            let (held, node) = hold(ctx, &new.node_uuid).await?;
            name(&mut new.uuid, &mut new.node_uuid, &node);
            let mut tx = held.begin().await?;
            let stored = tx.volume_target_create(&new).await?;
            held.commit_and_release(tx).await?;
            Ok(Some(stored))
        }
        Change::Update { uuid, node, patch } => {
            let (held, node) = hold(ctx, &node).await?;
            let before = find_target(ctx, &uuid, &node).await?;
            let after = patched(&before, &patch, &VolumeTarget::default())?;
            check_update(&node, WHAT)?;
            let target = hold_target(ctx, &node, &after.node_uuid, WHAT).await?;
            let mut tx = held.begin().await?;
            let to = target.as_ref().map(Held::reservation).transpose()?;
            let stored = tx.volume_target_update(&after, to).await?;
            held.commit_and_release(tx).await?;
            Ok(Some(stored))
        }
        Change::Destroy { uuid, node } => {
            let (held, node) = hold(ctx, &node).await?;
            let found = find_target(ctx, &uuid, &node).await?;
            check_delete(&node, WHAT)?;
            let mut tx = held.begin().await?;
            tx.volume_target_delete(&found.uuid).await?;
            held.commit_and_release(tx).await?;
            Ok(None)
        }
    }
}

fn name(uuid: &mut String, node_uuid: &mut String, node: &Node) {
    if uuid.is_empty() {
        *uuid = new_uuid();
    }
    node_uuid.clone_from(&node.uuid);
}

/// Holds the node that something moves to, if it moves. It isn't waited for: whoever has it may be waiting for the node
/// that we hold.
async fn hold_target(
    ctx: &Arc<Context>,
    node: &Node,
    to_node: &str,
    what: &str,
) -> Result<Option<Held>> {
    if to_node == node.uuid {
        return Ok(None);
    }
    let held = Held::try_acquire(ctx, to_node).await?;
    check_update(&find(ctx, to_node).await?, what)?;
    Ok(Some(held))
}

async fn find_connector(ctx: &Context, uuid: &str, node: &Node) -> Result<VolumeConnector> {
    ctx.db
        .volume_connector_get(uuid)
        .await?
        .filter(|found| found.node_uuid == node.uuid)
        .ok_or_else(|| Error::not_found(format!("Volume connector {uuid} could not be found.")))
}

async fn find_target(ctx: &Context, uuid: &str, node: &Node) -> Result<VolumeTarget> {
    ctx.db
        .volume_target_get(uuid)
        .await?
        .filter(|found| found.node_uuid == node.uuid)
        .ok_or_else(|| Error::not_found(format!("Volume target {uuid} could not be found.")))
}

fn check_update(node: &Node, what: &str) -> Result<()> {
    if node.power_state == Some(PowerState::Off) {
        return Ok(());
    }
    Err(running(node, &format!("{what} update")))
}

fn check_delete(node: &Node, what: &str) -> Result<()> {
    if node.provision_state.allows_delete() || node.power_state == Some(PowerState::Off) {
        return Ok(());
    }
    Err(running(node, &format!("{what} deletion")))
}

fn running(node: &Node, action: &str) -> Error {
    let state = node.power_state.map_or("unknown", |state| state.as_str());
    Error::new(
        ironbark_model::ErrorKind::InvalidState,
        format!(
            "The requested action \"{action}\" can not be performed on node \"{}\" while its power state is \"{state}\": \
             power it off first.",
            node.uuid
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::patch::parse;
    use ironbark_model::{ErrorKind, ProvisionState};
    use serde_json::json;

    use super::*;
    use crate::reserve::giving_back;
    use crate::testing;

    #[tokio::test]
    async fn volumes_change_while_the_machine_is_off() {
        let database = ironbark_db::testing::sqlite().await;
        let db = &database.database;
        let ctx = testing::context(db, testing::config("here"));
        let node = async |power: Option<PowerState>, state: ProvisionState| {
            let node = Node {
                uuid: new_uuid(),
                driver: "any".to_owned(),
                power_state: power,
                provision_state: state,
                ..Node::default()
            };
            db.node_create(&node).await.unwrap()
        };
        let off = node(Some(PowerState::Off), ProvisionState::Active).await;
        let on = node(Some(PowerState::On), ProvisionState::Active).await;
        let enrolled = node(None, ProvisionState::Enroll).await;
        for (owner, updates, deletes) in [
            (&off, true, true),
            (&on, false, false),
            (&enrolled, false, true),
        ] {
            let by = VolumeConnector {
                node_uuid: owner.uuid.clone(),
                kind: "iqn".to_owned(),
                connector_id: owner.uuid.clone(),
                ..VolumeConnector::default()
            };
            let by = connector(&ctx, Change::Create(Box::new(by)))
                .await
                .unwrap()
                .unwrap();
            let to = VolumeTarget {
                node_uuid: owner.uuid.clone(),
                ..VolumeTarget::default()
            };
            let to = target(&ctx, Change::Create(Box::new(to)))
                .await
                .unwrap()
                .unwrap();
            let patch = parse(&json!([{"op": "add", "path": "/extra/a", "value": 1}])).unwrap();
            let update = |uuid: &str| (uuid.to_owned(), owner.uuid.clone(), patch.clone());
            let expected = (!updates).then_some(ErrorKind::InvalidState);
            let (uuid, node, patch) = update(&by.uuid);
            let change = Change::Update { uuid, node, patch };
            let outcome = giving_back(connector(&ctx, change)).await;
            assert_eq!(outcome.err().map(|error| error.kind()), expected);
            let (uuid, node, patch) = update(&to.uuid);
            let change = Change::Update { uuid, node, patch };
            let outcome = giving_back(target(&ctx, change)).await;
            assert_eq!(outcome.err().map(|error| error.kind()), expected);

            let expected = (!deletes).then_some(ErrorKind::InvalidState);
            let change = Change::Destroy {
                uuid: by.uuid.clone(),
                node: owner.uuid.clone(),
            };
            let outcome = giving_back(connector(&ctx, change)).await;
            assert_eq!(outcome.err().map(|error| error.kind()), expected);
            let change = Change::Destroy {
                uuid: to.uuid.clone(),
                node: owner.uuid.clone(),
            };
            let outcome = giving_back(target(&ctx, change)).await;
            assert_eq!(outcome.err().map(|error| error.kind()), expected);
            let left = db.volume_target_get(&to.uuid).await.unwrap();
            assert_eq!(left.is_none(), deletes);
        }
    }

    #[tokio::test]
    async fn a_volume_moves_between_machines_that_are_off() {
        let database = ironbark_db::testing::sqlite().await;
        let db = &database.database;
        let ctx = testing::context(db, testing::config("here"));
        let node = async |power: PowerState| {
            let node = Node {
                uuid: new_uuid(),
                driver: "any".to_owned(),
                power_state: Some(power),
                ..Node::default()
            };
            db.node_create(&node).await.unwrap()
        };
        let from = node(PowerState::Off).await;
        let to = node(PowerState::Off).await;
        let on = node(PowerState::On).await;
        let new = VolumeTarget {
            node_uuid: from.uuid.clone(),
            ..VolumeTarget::default()
        };
        let made = target(&ctx, Change::Create(Box::new(new)))
            .await
            .unwrap()
            .unwrap();
        let move_to = async |node: &Node| {
            let patch =
                parse(&json!([{"op": "replace", "path": "/node_uuid", "value": node.uuid}]))
                    .unwrap();
            let change = Change::Update {
                uuid: made.uuid.clone(),
                node: from.uuid.clone(),
                patch,
            };
            giving_back(target(&ctx, change))
                .await
                .map(drop)
                .map_err(|error| error.kind())
        };
        assert_eq!(move_to(&on).await, Err(ErrorKind::InvalidState));
        let busy = db.node_reserve(&to.uuid, "elsewhere").await.unwrap();
        assert_eq!(move_to(&to).await, Err(ErrorKind::NodeLocked));
        db.node_release(&busy).await.unwrap();
        assert_eq!(move_to(&to).await, Ok(()));
        let moved = db.volume_target_get(&made.uuid).await.unwrap().unwrap();
        assert_eq!(moved.node_uuid, to.uuid);
        for node in [&from, &to, &on] {
            assert_eq!(find(&ctx, &node.uuid).await.unwrap().reservation, None);
        }
    }
}
