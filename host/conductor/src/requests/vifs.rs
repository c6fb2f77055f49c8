//! VIFs: attached and detached while the client waits.

use std::sync::Arc;

use ironbark_model::{InterfaceKind, JsonObject, Result};
use ironbark_rpc::Reply;
use serde_json::{Value, json};

use super::{Asked, find, hold};
use crate::call::{Ports, store_and_release};
use crate::context::Context;
use crate::vifs::{self, Holders};

/// Attaches a VIF.
pub(super) async fn attach(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    vif: JsonObject,
) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    call.validate(InterfaceKind::Network).await?;
    if call.records_vifs()? {
        let holders = Holders::of(&ctx.db, &node.uuid).await?;
        let holder = holders.attach(&node.uuid, &vif)?;
        let mut tx = held.begin().await?;
        holder.store(&mut tx).await?;
        held.commit_and_release(tx).await?;
        return Ok(Reply::Done);
    }
    let id = vifs::id_of(&vif)?;
    if call.vif_list().await?.value.iter().any(|known| known == id) {
        return Err(vifs::already_attached(id, &format!("node {}", node.uuid)));
    }
    let called = call.vif_attach(&Value::Object(vif)).await?;
    store_and_release(held, called.notes).await?;
    Ok(Reply::Done)
}

/// Detaches a VIF.
pub(super) async fn detach(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    vif: &str,
) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    call.validate(InterfaceKind::Network).await?;
    if call.records_vifs()? {
        let holders = Holders::of(&ctx.db, &node.uuid).await?;
        let holder = holders.detach(&node.uuid, vif)?;
        let mut tx = held.begin().await?;
        holder.store(&mut tx).await?;
        held.commit_and_release(tx).await?;
        return Ok(Reply::Done);
    }
    // The host's `noop` knows of no VIF, and is content.
    if call.is_driven(InterfaceKind::Network)?
        && !call
            .vif_list()
            .await?
            .value
            .iter()
            .any(|known| known == vif)
    {
        return Err(vifs::not_attached(&node.uuid, vif));
    }
    let called = call.vif_detach(vif).await?;
    store_and_release(held, called.notes).await?;
    Ok(Reply::Done)
}

/// A list of identifiers.
pub(super) async fn list(ctx: &Arc<Context>, asked: &Asked, ident: &str) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, None);
    call.validate(InterfaceKind::Network).await?;
    let found = if call.records_vifs()? {
        Holders::of(&ctx.db, &node.uuid).await?.attached()
    } else {
        call.vif_list().await?.value
    };
    Ok(Reply::Json(json!(found)))
}
