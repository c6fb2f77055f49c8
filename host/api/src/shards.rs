//! `GET /v1/shards` (facts §2.14).

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;

/// What the shard of nodes without one is called.
const NONE: &str = "None";

/// `GET /v1/shards`: how many nodes are in each.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let shards: Vec<Value> = context
        .state
        .db()
        .shards()
        .await?
        .into_iter()
        .map(|(name, count)| json!({"name": name.as_deref().unwrap_or(NONE), "count": count}))
        .collect();
    reply::ok(&json!({"shards": shards}))
}
