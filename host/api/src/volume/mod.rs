//! `/v1/volume` (facts §2.11). Connectors and targets are handled alike: by what [`Volume`] says of each.

pub(crate) mod change;
mod kinds;
pub(crate) mod nested;
pub(crate) mod read;

pub(crate) use kinds::Volume;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;

/// `GET /v1/volume`: where connectors and targets are.
pub(crate) async fn root(context: Context) -> ApiResult {
    context.query.only(&[])?;
    reply::ok(&links(&context.base, "volume"))
}

/// Links to what is below `path`.
fn links(base: &str, path: &str) -> Value {
    let pair = |below: &str| {
        json!([
            {"href": format!("{base}/v1/{path}/{below}"), "rel": "self"},
            {"href": format!("{base}/{path}/{below}"), "rel": "bookmark"},
        ])
    };
    json!({
        "links": pair(""),
        "connectors": pair("connectors"),
        "targets": pair("targets"),
    })
}
