//! What ramdisks ask and report (facts §2.12): an agent looks its node up and says that it is alive, an inspection ramdisk posts
//! what it found. Nobody vouches for who asks: it is told no more than it needs, and one refusal reads like another.

pub(crate) mod by_bmc;
mod config;
pub(crate) mod heartbeat;
pub(crate) mod inspection;
pub(crate) mod lookup;

use std::collections::BTreeSet;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ironbark_db::{Page, PortFilter};
use ironbark_model::ident::{self, Ident};
use ironbark_model::{Error, ErrorKind, Node, Secret};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::view::ToJson as _;
use crate::view::node as view;
use crate::{nodes, reply, resource};

/// MAC addresses that one machine may have.
const MOST_ADDRESSES: usize = 256;

/// What a ramdisk is shown of its node.
const SHOWN: [&str; 4] = [
    "uuid",
    "properties",
    "instance_info",
    "driver_internal_info",
];

/// 403 if the operator doesn't want ramdisks.
fn check_enabled(context: &Context) -> Result<(), ApiError> {
    if context.state.config().ramdisk_endpoints {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        "Ramdisks may not report here: [api] enable_ramdisk_endpoints is false.",
    )
    .into())
}

/// The addresses among these that are MAC addresses, as ports have them; 400 if they are too many.
fn addresses<'a>(written: impl Iterator<Item = &'a str>) -> Result<BTreeSet<String>, ApiError> {
    let mut found = BTreeSet::new();
    for (count, address) in written.enumerate() {
        if count >= MOST_ADDRESSES {
            return Err(ApiError::invalid(format!(
                "More than {MOST_ADDRESSES} addresses were given."
            )));
        }
        match ident::canonical_mac(address) {
            Some(address) => {
                found.insert(address);
            }
            None => tracing::debug!(address, "what a ramdisk calls an address is none"),
        }
    }
    Ok(found)
}

/// The UUID in the query; 400 if it is none.
fn node_uuid(context: &Context) -> Result<Option<String>, ApiError> {
    let written = context.query.get("node_uuid");
    written.map(resource::uuid).transpose()
}

/// The node of this UUID.
async fn by_uuid(context: &Context, uuid: &str) -> Result<Node, ApiError> {
    let ident = Ident::Uuid(uuid.to_owned());
    let node = context.state.db().node_get(&ident).await?;
    node.ok_or_else(nobody)
}

/// The UUIDs of the nodes that have ports with these addresses.
async fn by_addresses(
    context: &Context,
    addresses: BTreeSet<String>,
) -> Result<BTreeSet<String>, ApiError> {
    if addresses.is_empty() {
        return Ok(BTreeSet::new());
    }
    // An address is that of one port at most.
    let page = Page::first(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
    let filter = PortFilter {
        addresses: Some(addresses.into_iter().collect()),
        ..PortFilter::default()
    };
    let ports = context.state.db().port_list(&filter, &page).await?;
    Ok(ports.into_iter().map(|port| port.node_uuid).collect())
}

/// What every ramdisk is told that isn't expected: also whether there is such a node at all.
fn nobody() -> ApiError {
    Error::not_found("No node was found that expects this ramdisk.").into()
}

/// The node and the settings for its agent. `token` is what stands for the token.
async fn told(
    context: &Context,
    status: StatusCode,
    node: &Node,
    token: Option<&Secret>,
) -> ApiResult {
    let fields = SHOWN.map(str::to_owned);
    let selection = view::chosen(&fields, context.version)?;
    let scene = nodes::scene(context).await?;
    let unwritten = |error: serde_json::Error| {
        ApiError::from(Error::internal("The answer could not be written.").caused_by(error))
    };
    let shown = selection.view(node, &scene).to_json().map_err(unwritten)?;
    let config = config::for_agent(context.state.config(), node, token);
    let config = serde_json::to_vec(&config).map_err(unwritten)?;
    let mut text = b"{\"node\":".to_vec();
    text.extend(shown);
    text.extend(b",\"config\":");
    text.extend(config);
    text.extend(b"}");
    Ok(not_stored(reply::raw_json(status, text)))
}

/// Nobody on the way may keep an answer that may have a token in it.
fn not_stored(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
