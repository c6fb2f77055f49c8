//! `/v1/portgroups` (facts §2.4).

pub(crate) mod change;
pub(crate) mod ports;
pub(crate) mod read;

use ironbark_model::{Error, Portgroup};
use ironbark_rpc::{Belonging, Reply};

use crate::context::{Context, check_routed, ident, unexpected_reply};
use crate::error::ApiError;

/// The port group that the path names; 404 if there is none.
pub(crate) async fn of_path(context: &Context) -> Result<Portgroup, ApiError> {
    let written = context.param("portgroup");
    check_routed(written)?;
    if let Some(stripped) = context.without_suffix("portgroup")
        && let Ok(portgroup) = find(context, stripped).await
    {
        return Ok(portgroup);
    }
    find(context, written).await
}

/// The port group of this UUID or name; 404 if there is none.
pub(crate) async fn find(context: &Context, written: &str) -> Result<Portgroup, ApiError> {
    let portgroup = context.state.db().portgroup_get(&ident(written)?).await?;
    Ok(portgroup.ok_or_else(|| not_found(written))?)
}

/// The port group that a body names by its UUID: 400 if it isn't there.
pub(crate) async fn referenced(context: &Context, uuid: &str) -> Result<Portgroup, ApiError> {
    let portgroup = context.state.db().portgroup_get(&ident(uuid)?).await?;
    portgroup.ok_or_else(|| ApiError::invalid(not_found(uuid).message()))
}

/// A reply that carries a port group.
fn portgroup_reply(reply: Reply) -> Result<Portgroup, ApiError> {
    match reply {
        Reply::Belonging(Belonging::Portgroup(portgroup)) => Ok(*portgroup),
        _ => Err(unexpected_reply()),
    }
}

fn not_found(written: &str) -> Error {
    Error::not_found(format!("Portgroup {written} could not be found."))
}
