//! What is asked of a node's hardware while the client waits: RAID configuration, console, indicators, virtual media.

use std::sync::Arc;

use ironbark_model::{Error, ErrorKind, InterfaceKind, JsonObject, Result, raid};
use ironbark_rpc::{Carried, HardwareRequest as H, Reply};
use serde_json::{Value, json};

use super::hardware_change::{self, Change};
use super::{Asked, find, hold, vifs};
use crate::call::{self, Ports, store_and_release};
use crate::consoles::{self, Shown};
use crate::context::Context;

/// Carries out one request.
pub(super) async fn handle(
    ctx: &Arc<Context>,
    asked: &Asked,
    node: &str,
    request: H,
) -> Result<Reply> {
    match request {
        H::AttachVif(vif) => vifs::attach(ctx, asked, node, vif).await,
        H::DetachVif(vif) => vifs::detach(ctx, asked, node, &vif).await,
        H::ListVifs => vifs::list(ctx, asked, node).await,
        H::SetTargetRaidConfig(config) => set_target_raid_config(ctx, asked, node, config).await,
        H::GetConsole => get_console(ctx, asked, node).await,
        H::ListIndicators => list_indicators(ctx, asked, node).await,
        H::GetIndicator {
            component,
            indicator,
        } => get_indicator(ctx, asked, node, &component, &indicator).await,
        H::SetIndicator {
            component,
            indicator,
            state,
        } => set_indicator(ctx, asked, node, [&component, &indicator, &state]).await,
        H::ListVirtualMedia => list_virtual_media(ctx, asked, node).await,
        H::SetConsole(enabled) => {
            hardware_change::begin(ctx, asked, node, Change::Console(enabled)).await
        }
        H::SetBootMode(mode) => {
            hardware_change::begin(ctx, asked, node, Change::BootMode(mode)).await
        }
        H::SetSecureBoot(enabled) => {
            hardware_change::begin(ctx, asked, node, Change::SecureBoot(enabled)).await
        }
        H::AttachVirtualMedia {
            device_type,
            image_url,
        } => {
            let change = Change::AttachMedia {
                device_type,
                image_url,
            };
            hardware_change::begin(ctx, asked, node, change).await
        }
        H::DetachVirtualMedia(device_types) => {
            hardware_change::begin(ctx, asked, node, Change::DetachMedia(device_types)).await
        }
    }
}

/// What may be said of a logical disk, by the default RAID implementation of a hardware type.
pub(super) async fn driver_raid_properties(
    ctx: &Arc<Context>,
    asked: &Asked,
    driver: &str,
) -> Result<Reply> {
    call::driver_raid_properties(ctx, driver, &asked.request_id, Some(asked.deadline))
        .await
        .map(Reply::Json)
        .map_err(no_raid)
}

async fn set_target_raid_config(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    config: JsonObject,
) -> Result<Reply> {
    let (held, mut node) = hold(ctx, ident).await?;
    let mut notes = None;
    if !config.is_empty() {
        let ports = Ports::default();
        let call = asked.call(ctx, &node, &ports, Some(&held));
        if call.is_driven(InterfaceKind::Raid)? {
            raid::check_config(&config)?;
        }
        let called = call
            .validate_raid_config(&Value::Object(config.clone()))
            .await
            .map_err(no_raid)?;
        notes = called.notes;
    }
    node.target_raid_config = config;
    let mut tx = held.begin().await?;
    if let Some(notes) = notes {
        tx.notes_write(&notes.package, &notes.writes).await?;
    }
    tx.save_node(&node).await?;
    held.commit_and_release(tx).await?;
    Ok(Reply::Done)
}

/// RAID is an interface that every driver has by name: without one there is nothing there.
fn no_raid(error: Error) -> Error {
    if error.kind() == ErrorKind::Unsupported {
        Error::not_found(error.message())
    } else {
        error
    }
}

async fn get_console(ctx: &Arc<Context>, asked: &Asked, ident: &str) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let info = if node.console_enabled {
        let ports = Ports::default();
        let call = asked.call(ctx, &node, &ports, None);
        call.validate(InterfaceKind::Console).await?;
        match consoles::shown(ctx, &node, call.get_console().await?.value)? {
            Shown::Address(info) => info,
            Shown::Stream => {
                let lifetime = ctx.config.console_token_lifetime;
                let token = ctx
                    .consoles
                    .mint(&node.uuid, asked.user.as_deref(), lifetime);
                return Ok(Reply::Console(Carried::from(&token)));
            }
        }
    } else {
        Value::Null
    };
    Ok(Reply::Json(
        json!({"console_enabled": node.console_enabled, "console_info": info}),
    ))
}

async fn list_indicators(ctx: &Arc<Context>, asked: &Asked, ident: &str) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, None);
    call.validate(InterfaceKind::Management).await?;
    Ok(Reply::Json(call.indicators(None).await?.value))
}

async fn get_indicator(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    component: &str,
    indicator: &str,
) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, None);
    call.validate(InterfaceKind::Management).await?;
    let called = call.get_indicator(component, indicator).await?;
    Ok(Reply::Json(json!(called.value)))
}

async fn set_indicator(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    [component, indicator, state]: [&str; 3],
) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    call.validate(InterfaceKind::Management).await?;
    let called = call.set_indicator(component, indicator, state).await?;
    store_and_release(held, called.notes).await?;
    Ok(Reply::Done)
}

async fn list_virtual_media(ctx: &Arc<Context>, asked: &Asked, ident: &str) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, None);
    call.validate(InterfaceKind::Management).await?;
    Ok(Reply::Json(call.virtual_media().await?.value))
}
