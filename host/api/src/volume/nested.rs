//! `GET /v1/nodes/{node}/volume` and the lists below it; what is in them is found under `/v1/volume`.

use super::{Volume, links, read};
use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;

/// `GET …/volume`: under the name by which the client called the node.
pub(crate) async fn root(context: Context) -> ApiResult {
    context.query.only(&[])?;
    context.node().await?;
    let path = format!("nodes/{}/volume", context.param("node"));
    reply::ok(&links(&context.base, &path))
}

/// `GET …/volume/connectors` and `targets`.
pub(crate) async fn list<V: Volume>(context: Context) -> ApiResult {
    let asked = V::resource().asked(&context, &[])?;
    let node = context.node().await?;
    // The next page is a page of all, narrowed to this node's.
    read::answer::<V>(&context, asked, Some(&node.uuid), &[("node", &node.uuid)]).await
}
