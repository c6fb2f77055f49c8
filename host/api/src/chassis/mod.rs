//! `/v1/chassis` (facts §2.5). A chassis belongs to no node, so that no conductor has to be asked: the API writes it.

pub(crate) mod change;
pub(crate) mod nodes;
pub(crate) mod read;

use ironbark_model::Error;

use crate::context::Context;
use crate::error::ApiError;
use crate::resource;

/// The UUID of a chassis that a query or a path names: 400 if it is no UUID, 404 if there is none.
pub(crate) async fn known(context: &Context, written: &str) -> Result<String, ApiError> {
    let uuid = resource::uuid(written)?;
    match context.state.db().chassis_get(&uuid).await? {
        Some(_) => Ok(uuid),
        None => Err(not_found(&uuid).into()),
    }
}

/// Makes sure that the chassis that a body names is there: 400 if not.
pub(crate) async fn referenced(context: &Context, uuid: &str) -> Result<(), ApiError> {
    match context.state.db().chassis_get(uuid).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::invalid(not_found(uuid).message())),
    }
}

fn not_found(uuid: &str) -> Error {
    Error::not_found(format!("Chassis {uuid} could not be found."))
}
