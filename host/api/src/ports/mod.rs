//! `/v1/ports` (facts §2.3).

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod update;

use ironbark_model::{Error, Port};
use ironbark_rpc::Reply;

use crate::context::{Context, ident, unexpected_reply};
use crate::error::ApiError;

/// The port that the path names; 404 if there is none.
pub(crate) async fn of_path(context: &Context) -> Result<Port, ApiError> {
    let written = context.param("port");
    if let Some(stripped) = context.without_suffix("port")
        && let Ok(port) = find(context, stripped).await
    {
        return Ok(port);
    }
    find(context, written).await
}

/// A reply that carries a port.
pub(crate) fn port_reply(reply: Reply) -> Result<Port, ApiError> {
    match reply {
        Reply::Port(port) => Ok(*port),
        _ => Err(unexpected_reply()),
    }
}

async fn find(context: &Context, written: &str) -> Result<Port, ApiError> {
    let missing = || Error::not_found(format!("Port {written} could not be found."));
    Ok(context
        .state
        .db()
        .port_get(&ident(written)?)
        .await?
        .ok_or_else(missing)?)
}
