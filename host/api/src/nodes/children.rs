//! `GET /v1/nodes/{node}/children`.

use ironbark_db::{NodeColumns, NodeFilter, Page};
use serde_json::json;

use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;

/// UUIDs of the nodes whose parent this one is; all on one page.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let filter = NodeFilter {
        parent_node: Some(node.uuid.clone()),
        ..NodeFilter::default()
    };
    let limit = context.state.config().max_limit;
    let mut uuids: Vec<String> = Vec::new();
    let mut page = Page::first(limit);
    loop {
        let found = context
            .state
            .db()
            .node_list(&filter, &page, NodeColumns::Summary)
            .await?;
        let full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
        uuids.extend(found.into_iter().map(|child| child.uuid));
        match uuids.last() {
            Some(last) if full => page = page.after(last),
            _ => break,
        }
    }
    reply::ok(&json!({
        "children": uuids,
        "links": {
            "href": format!("{}/v1/nodes?parent_node={}", context.base, node.uuid),
            "rel": "children",
        },
    }))
}
