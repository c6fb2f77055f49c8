//! Vendor calls about a node. The message crosses unaltered; the host looks only at method and HTTP method.

use std::sync::Arc;

use ironbark_db::VendorCallMark;
use ironbark_model::ident::new_uuid;
use ironbark_model::{Error, Node, Result};
use ironbark_rpc::{Reply, VendorCall};
use tracing::Instrument;

use super::{Asked, find, hold};
use crate::call::{MethodInfo, Ports, store_and_release};
use crate::context::Context;
use crate::failure::history_error;
use crate::reserve::Held;

/// Calls a vendor method.
pub(super) async fn call(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    call: VendorCall,
) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let method = asked
        .call(ctx, &node, &ports, None)
        .vendor_method(&call.method)?;
    check_http_method(&method, &call)?;
    if method.is_async {
        return begin(ctx, asked, node, call, method).await;
    }
    let (held, node) = if method.exclusive {
        let (held, node) = hold(ctx, ident).await?;
        (Some(held), node)
    } else {
        (None, node)
    };
    let calling = asked.call(ctx, &node, &ports, held.as_ref());
    calling.vendor_validate(&call).await?;
    let called = calling.vendor_call(&call).await?;
    if let Some(held) = held {
        store_and_release(held, called.notes).await?;
    }
    Ok(Reply::Vendor {
        is_async: false,
        result: called.value,
        attach: method.attach,
    })
}

/// The node's vendor methods, as the API shows them.
pub(super) async fn methods(ctx: &Arc<Context>, ident: &str) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    Ok(Reply::Json(crate::call::vendor_methods(ctx, &node)?))
}

pub(super) fn check_http_method(method: &MethodInfo, call: &VendorCall) -> Result<()> {
    let known = method
        .http_methods
        .iter()
        .any(|name| name.eq_ignore_ascii_case(&call.http_method));
    if known {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "The vendor method {} doesn't support HTTP {}; it has: {}.",
        call.method,
        call.http_method,
        method.http_methods.join(", ")
    )))
}

/// Relayed, never stored: the worker only knows how it ended, and a failure becomes the node's `last_error`. That there is a call can
/// be seen in the database as long as it is under way, by the reservation or else by a mark: an interruption is told by recovery.
async fn begin(
    ctx: &Arc<Context>,
    asked: &Asked,
    node: Node,
    call: VendorCall,
    method: MethodInfo,
) -> Result<Reply> {
    let permit = ctx.workers.permit()?;
    let mut held = if method.exclusive {
        Some(Held::acquire(ctx, &node.uuid).await?)
    } else {
        None
    };
    let ports = Ports::default();
    asked
        .call(ctx, &node, &ports, held.as_ref())
        .vendor_validate(&call)
        .await?;
    let mark = match &held {
        Some(_) => None,
        None => Some(mark(ctx, &node, &call).await?),
    };
    // Dropped where it stands, by a stop, the call leaves a node that recovery finds: also if it never began.
    if let Some(held) = &mut held {
        held.keep();
    }
    let shared = Arc::clone(ctx);
    let request_id = asked.request_id.clone();
    let span = tracing::info_span!("vendor call", node = %node.uuid, request_id = %request_id, method = %call.method);
    permit.spawn(
        async move { relay(&shared, &request_id, node, call, held, mark).await }.instrument(span),
    );
    Ok(Reply::Vendor {
        is_async: true,
        result: "null".to_owned(),
        attach: method.attach,
    })
}

async fn relay(
    ctx: &Arc<Context>,
    request_id: &str,
    node: Node,
    call: VendorCall,
    mut held: Option<Held>,
    mark: Option<VendorCallMark>,
) {
    let ports = Ports::default();
    let asked = Asked {
        request_id: request_id.to_owned(),
        user: None,
        deadline: ironbark_model::Timestamp::now().plus(ctx.config.driver_call_timeout),
    };
    let outcome = asked
        .call(ctx, &node, &ports, held.as_ref())
        .vendor_call(&call)
        .await;
    if let Some(held) = &mut held {
        held.keep_no_longer();
    }
    let stored = match (outcome, held) {
        (Ok(called), Some(held)) => store_and_release(held, called.notes).await,
        (Ok(_), None) => Ok(()),
        (Err(error), held) => tell(ctx, &node, &call, &error, held).await,
    };
    // Last: until its end is told, the call isn't over.
    let stored = match (stored, mark) {
        (Ok(()), Some(mark)) => ctx.db.vendor_call_end(&mark.id).await.map(drop),
        (stored, _) => stored,
    };
    if let Err(error) = stored {
        tracing::warn!(error = %error, "how the vendor call ended could not be stored");
    }
}

/// Marks a call that holds no node as under way.
async fn mark(ctx: &Context, node: &Node, call: &VendorCall) -> Result<VendorCallMark> {
    let mark = VendorCallMark {
        id: new_uuid(),
        node_uuid: node.uuid.clone(),
        method: call.method.clone(),
        host: ctx.host().to_owned(),
        incarnation: ctx.incarnation.clone(),
    };
    ctx.db.vendor_call_begin(&mark).await?;
    Ok(mark)
}

async fn tell(
    ctx: &Arc<Context>,
    node: &Node,
    call: &VendorCall,
    error: &Error,
    held: Option<Held>,
) -> Result<()> {
    let message = format!("The vendor method {} failed: {error}", call.method);
    let held = match held {
        Some(held) => held,
        None => Held::acquire(ctx, &node.uuid).await?,
    };
    let mut tx = held.begin().await?;
    let mut node = tx.node().await?;
    let entry = history_error(&node, "vendor", &message, ctx.host());
    node.last_error = Some(message);
    tx.save_node(&node).await?;
    tx.history_add(&entry).await?;
    held.commit_and_release(tx).await
}
