//! `GET /v1/volume/connectors` and `targets`, and one of them.

use ironbark_model::Error;

use super::Volume;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;
use crate::resource::{self, Asked, carried};

/// `GET /v1/volume/…`.
pub(crate) async fn list<V: Volume>(context: Context) -> ApiResult {
    let resource = V::resource();
    let asked = resource.asked(&context, resource.filters)?;
    let node = match context.query.get("node") {
        Some(node) => Some(context.find_node(node).await?.uuid),
        None => None,
    };
    let carried = carried(&context, resource.filters);
    answer::<V>(&context, asked, node.as_deref(), &carried).await
}

/// `GET /v1/volume/…/{uuid}`, with `fields=`.
pub(crate) async fn show<V: Volume>(context: Context) -> ApiResult {
    let selection = V::resource().one(&context)?;
    let volume: V = of_path(&context).await?;
    reply::shown(&selection.view(&volume, &resource::scene(&context)))
}

/// One page, of one node's or of all.
pub(super) async fn answer<V: Volume>(
    context: &Context,
    asked: Asked<V>,
    node_uuid: Option<&str>,
    carried: &[(&str, &str)],
) -> ApiResult {
    let items = V::list(context.state.db(), node_uuid, &asked.paging.page).await?;
    V::resource().page(context, &asked, &items, carried)
}

/// The one that the path names: 400 if that is no UUID, 404 if there is none.
pub(super) async fn of_path<V: Volume>(context: &Context) -> Result<V, ApiError> {
    let uuid = resource::uuid_of_path(context, V::PARAM)?;
    let found = V::get(context.state.db(), &uuid).await?;
    Ok(found.ok_or_else(|| Error::not_found(format!("{} {uuid} could not be found.", V::WHAT)))?)
}
