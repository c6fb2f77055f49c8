//! `/v1/nodes/{node}/history`.

use ironbark_db::HISTORY_SORT_KEYS;
use ironbark_model::Error;

use crate::context::Context;
use crate::error::ApiResult;
use crate::gates::{self, node as gate};
use crate::paging::{self, Paging};
use crate::reply;
use crate::view::Collection;
use crate::view::history::{self as view, Scene};

/// `GET …/history`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let mut known = paging::ARGUMENTS.to_vec();
    known.push("detail");
    context.query.only(&known)?;
    let detail = gates::detail(&context.query, context.version)?;
    let paging = Paging::read(&context, gate::HISTORY, HISTORY_SORT_KEYS, "created_at")?;
    let node = context.node().await?;
    let mut items = context
        .state
        .db()
        .history_list(&node.uuid, &paging.page)
        .await?;
    if !detail {
        items.iter_mut().for_each(view::shorten);
    }
    let carried: &[(&str, &str)] = if detail { &[("detail", "True")] } else { &[] };
    let collection = format!("nodes/{}/history", node.uuid);
    let last = items.last().map(|entry| entry.uuid.as_str());
    let next = paging.next(&context.base, &collection, items.len(), last, carried);
    reply::shown(&Collection {
        name: "history",
        items: &items,
        selection: &view::selection(detail, context.version),
        scene: &Scene {
            base: context.base.clone(),
        },
        next,
    })
}

/// `GET …/history/{event}`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let uuid = context.param("event");
    let entry = context
        .state
        .db()
        .history_get(uuid)
        .await?
        .filter(|entry| entry.node_uuid == node.uuid)
        .ok_or_else(|| {
            Error::not_found(format!("Node history record {uuid} could not be found."))
        })?;
    let scene = Scene {
        base: context.base.clone(),
    };
    reply::shown(&view::selection(true, context.version).view(&entry, &scene))
}
