//! Changes of a node's hardware that go on after the answer: console, boot mode, secure boot, virtual media.
//!
//! As with vendor calls, nothing is left to carry on: the node is held meanwhile, and after an interruption recovery tells the node
//! that a request was interrupted.

use std::sync::Arc;

use ironbark_model::{Error, InterfaceKind, Node, Result, Timestamp};
use ironbark_rpc::Reply;
use tracing::Instrument;

use super::{Asked, hold};
use crate::call::{Called, NodeCall, Notes, Ports};
use crate::consoles;
use crate::context::Context;
use crate::failure::history_error;
use crate::reserve::Held;

/// What is to change.
pub(super) enum Change {
    Console(bool),
    BootMode(String),
    SecureBoot(bool),
    AttachMedia {
        device_type: String,
        image_url: String,
    },
    DetachMedia(Vec<String>),
}

impl Change {
    fn interface(&self) -> InterfaceKind {
        match self {
            Self::Console(_) => InterfaceKind::Console,
            _ => InterfaceKind::Management,
        }
    }

    /// The node shows it already.
    fn is_done(&self, node: &Node) -> bool {
        matches!(self, Self::Console(enabled) if *enabled == node.console_enabled)
    }

    fn needs_rest(&self) -> bool {
        matches!(self, Self::BootMode(_) | Self::SecureBoot(_))
    }

    /// What failed, for `last_error`.
    fn failed(&self) -> String {
        match self {
            Self::Console(true) => "Failed to start the console".to_owned(),
            Self::Console(false) => "Failed to stop the console".to_owned(),
            Self::BootMode(mode) => format!("Failed to change the boot mode to '{mode}'"),
            Self::SecureBoot(enabled) => {
                format!(
                    "Failed to switch secure boot {}",
                    if *enabled { "on" } else { "off" }
                )
            }
            Self::AttachMedia { device_type, .. } => {
                format!("Failed to attach virtual media to the device '{device_type}'")
            }
            Self::DetachMedia(_) => "Failed to detach virtual media".to_owned(),
        }
    }

    /// Where the node's history files the failure.
    fn event_type(&self) -> &'static str {
        match self {
            Self::Console(_) => "console",
            Self::BootMode(_) | Self::SecureBoot(_) => "boot",
            Self::AttachMedia { .. } | Self::DetachMedia(_) => "virtual media",
        }
    }

    /// What the node shows when it is done.
    fn show(&self, node: &mut Node) {
        match self {
            Self::Console(enabled) => node.console_enabled = *enabled,
            Self::BootMode(mode) => node.boot_mode = Some(mode.clone()),
            Self::SecureBoot(enabled) => node.secure_boot = Some(*enabled),
            Self::AttachMedia { .. } | Self::DetachMedia(_) => {}
        }
    }

    async fn make(&self, call: NodeCall<'_>) -> Result<Option<Notes>> {
        let called: Called<()> = match self {
            Self::Console(true) => return start_console(call).await,
            Self::Console(false) => call.stop_console().await?,
            // What is so already isn't written again; a machine that doesn't say is told.
            Self::BootMode(mode) => match call.get_boot_mode().await {
                Ok(now) if now.value.as_ref() == Some(mode) => return Ok(now.notes),
                _ => call.set_boot_mode(mode).await?,
            },
            Self::SecureBoot(enabled) => match call.get_secure_boot().await {
                Ok(now) if now.value == Some(*enabled) => return Ok(now.notes),
                _ => call.set_secure_boot(*enabled).await?,
            },
            Self::AttachMedia {
                device_type,
                image_url,
            } => call.attach_virtual_media(device_type, image_url).await?,
            Self::DetachMedia(device_types) => call.detach_virtual_media(device_types).await?,
        };
        Ok(called.notes)
    }
}

/// Accepts a change: from here on it will be made, or fail visibly.
pub(super) async fn begin(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    change: Change,
) -> Result<Reply> {
    let permit = ctx.workers.permit()?;
    let (mut held, mut node) = hold(ctx, ident).await?;
    if change.needs_rest() && node.provision_state.is_transient() {
        return Err(Error::conflict(format!(
            "Node {} is in the state {}, which something goes on in: its boot settings stay as they are until that is over.",
            node.uuid, node.provision_state
        )));
    }
    let ports = Ports::default();
    asked
        .call(ctx, &node, &ports, Some(&held))
        .validate(change.interface())
        .await?;
    if change.is_done(&node) {
        held.release().await?;
        return Ok(Reply::Done);
    }
    node.last_error = None;
    let mut tx = held.begin().await?;
    tx.save_node(&node).await?;
    tx.commit().await?;
    // Dropped where it stands, by a stop, it leaves a node that recovery finds: also if it never began.
    held.keep();
    let (shared, request_id) = (Arc::clone(ctx), asked.request_id.clone());
    let span = tracing::info_span!("hardware", node = %node.uuid, request_id = %request_id);
    permit.spawn(
        async move {
            if let Err(error) = carry_out(&shared, &request_id, held, node, change).await {
                tracing::warn!(error = %error, "how a change of hardware ended could not be stored");
            }
        }
        .instrument(span),
    );
    Ok(Reply::Done)
}

async fn carry_out(
    ctx: &Arc<Context>,
    request_id: &str,
    mut held: Held,
    mut node: Node,
    change: Change,
) -> Result<()> {
    let asked = Asked {
        request_id: request_id.to_owned(),
        user: None,
        deadline: Timestamp::now().plus(ctx.config.driver_call_timeout),
    };
    let ports = Ports::default();
    let outcome = change
        .make(asked.call(ctx, &node, &ports, Some(&held)))
        .await;
    held.keep_no_longer();
    let mut tx = held.begin().await?;
    match outcome {
        Ok(notes) => {
            if let Some(notes) = notes {
                tx.notes_write(&notes.package, &notes.writes).await?;
            }
            change.show(&mut node);
        }
        Err(error) => {
            let message = format!("{}: {error}", change.failed());
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "{}",
                change.failed()
            );
            tx.history_add(&history_error(
                &node,
                change.event_type(),
                &message,
                ctx.host(),
            ))
            .await?;
            node.last_error = Some(message);
        }
    }
    tx.save_node(&node).await?;
    held.commit_and_release(tx).await?;
    if !node.console_enabled {
        ctx.consoles.revoke(&node.uuid);
    }
    Ok(())
}

/// Starts the console, if it is one that can be shown.
async fn start_console(call: NodeCall<'_>) -> Result<Option<Notes>> {
    let started = call.start_console().await?;
    let shown = match call.get_console().await {
        Ok(found) => consoles::shown(call.ctx, call.node, found.value).map(drop),
        Err(error) => Err(error),
    };
    match shown {
        Ok(()) => Ok(started.notes),
        Err(error) => {
            // What was begun for nothing is taken away; that this fails too says nothing more.
            let _ = call.stop_console().await;
            Err(error)
        }
    }
}
