//! Boot device and NMI: asked of the machine while the client waits.

use std::sync::Arc;

use ironbark_model::{InterfaceKind, Result};
use ironbark_rpc::Reply;
use serde_json::json;

use super::{Asked, find, hold};
use crate::call::{Ports, store_and_release};
use crate::context::Context;

/// `{"boot_device", "persistent"}`. Takes the node, as Ironic does: BMCs answer badly while the device is being set.
pub(super) async fn get_boot_device(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    call.validate(InterfaceKind::Management).await?;
    let called = call.get_boot_device().await?;
    let device = called.value;
    store_and_release(held, called.notes).await?;
    Ok(Reply::Json(
        json!({"boot_device": device.device, "persistent": device.persistent}),
    ))
}

/// Sets the boot device. A machine that is being adopted is in use: it isn't touched.
pub(super) async fn set_boot_device(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    device: &str,
    persistent: bool,
) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    call.validate(InterfaceKind::Management).await?;
    let called = call.set_boot_device(device, persistent).await?;
    store_and_release(held, called.notes).await?;
    Ok(Reply::Done)
}

/// A list of boot devices.
pub(super) async fn supported_boot_devices(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let devices = asked
        .call(ctx, &node, &ports, None)
        .supported_boot_devices()
        .await?;
    Ok(Reply::Json(json!(devices)))
}

/// Raises a non-maskable interrupt.
pub(super) async fn inject_nmi(ctx: &Arc<Context>, asked: &Asked, ident: &str) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    call.validate(InterfaceKind::Management).await?;
    let called = call.inject_nmi().await?;
    store_and_release(held, called.notes).await?;
    Ok(Reply::Done)
}
