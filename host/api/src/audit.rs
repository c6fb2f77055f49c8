//! `/ironbark/v1/audit`: what was asked of BMCs, refused, and done to packages, which Ironic doesn't have.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ironbark_db::{AuditFilter, AuditPage};
use ironbark_model::audit::AuditRow;
use ironbark_model::ident::Ident;
use ironbark_model::{Error, Timestamp};
use serde_json::json;

use crate::context::{Context, ident};
use crate::error::{ApiError, ApiResult};
use crate::paging::{self, Encoder};
use crate::reply;

/// Query arguments that narrow: they are carried along in links.
const FILTERS: &[&str] = &[
    "chain",
    "node",
    "package",
    "request_id",
    "kind",
    "outcome",
    "since",
    "until",
];
const LINES: &str = "application/x-ndjson";

/// `GET /ironbark/v1/audit`: a page of rows, as one document or as lines.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only_if(|name| {
        FILTERS.contains(&name) || ["limit", "marker", "sort_dir", "format"].contains(&name)
    })?;
    let lines = wants_lines(&context)?;
    let filter = filter(&context).await?;
    let page = AuditPage {
        limit: paging::limit(&context)?,
        after: context
            .query
            .get("marker")
            .map(|marker| {
                marker.parse().map_err(|_| {
                    ApiError::invalid(format!(
                        "Invalid value for marker: {marker:?} is not the id of a row."
                    ))
                })
            })
            .transpose()?,
        sort_dir: paging::sort_dir(&context)?,
    };
    let rows = context.state.db().audit_list(&filter, page).await?;
    let next = next(&context, page, &rows);
    if lines {
        return as_lines(&rows, next);
    }
    match next {
        Some(next) => reply::ok(&json!({"audit": rows, "next": next})),
        None => reply::ok(&json!({"audit": rows})),
    }
}

/// `GET /ironbark/v1/audit/chains`: the newest row of each chain.
pub(crate) async fn chains(context: Context) -> ApiResult {
    context.query.only(&[])?;
    reply::ok(&json!({"chains": context.state.db().audit_heads().await?}))
}

async fn filter(context: &Context) -> Result<AuditFilter, ApiError> {
    let text = |name: &str| context.query.get(name).map(str::to_owned);
    let time = |name: &str| -> Result<Option<Timestamp>, Error> {
        context.query.get(name).map(str::parse).transpose()
    };
    Ok(AuditFilter {
        chain: text("chain"),
        node: match context.query.get("node") {
            None => None,
            Some(written) => Some(match ident(written)? {
                // It may be gone: its rows aren't.
                Ident::Uuid(uuid) => uuid,
                Ident::Name(_) => context.find_node(written).await?.uuid,
            }),
        },
        package: text("package"),
        request_id: text("request_id"),
        kind: context.query.get("kind").map(str::parse).transpose()?,
        outcome: text("outcome"),
        since: time("since")?,
        until: time("until")?,
    })
}

/// Whether rows are to come as JSON lines: `format` decides, else what the client accepts.
fn wants_lines(context: &Context) -> Result<bool, ApiError> {
    match context.query.get("format") {
        Some("jsonl") => Ok(true),
        Some("json") => Ok(false),
        Some(other) => Err(ApiError::invalid(format!(
            "Invalid value for format: {other:?}. Acceptable values are 'json' or 'jsonl'."
        ))),
        None => Ok(accepts_lines(context)),
    }
}

fn accepts_lines(context: &Context) -> bool {
    let values = context.headers.get_all(header::ACCEPT).iter();
    let accepted = values.filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|accepted| {
        let kind = accepted.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case(LINES)
    })
}

fn next(context: &Context, page: AuditPage, rows: &[AuditRow]) -> Option<String> {
    let last = rows.last()?;
    if u32::try_from(rows.len()).ok()? != page.limit {
        return None;
    }
    let mut query = Encoder::default();
    for name in FILTERS.iter().chain(&["format"]) {
        if let Some(value) = context.query.get(name) {
            query.pair(name, value);
        }
    }
    query.pair("sort_dir", paging::sort_dir_word(page.sort_dir));
    query.pair("limit", &page.limit.to_string());
    query.pair("marker", &last.id.to_string());
    Some(format!("{}/ironbark/v1/audit?{}", context.base, query.text))
}

/// One row a line; where to go on is a header.
fn as_lines(rows: &[AuditRow], next: Option<String>) -> ApiResult {
    let unwritten = |error| Error::internal("The answer could not be written.").caused_by(error);
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row).map_err(unwritten)?;
        text.push(b'\n');
    }
    let mut response: Response = reply::raw_json(StatusCode::OK, text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    if let Some(next) = next {
        let link = HeaderValue::from_str(&format!("<{next}>; rel=\"next\""));
        let unlinked = |error| Error::internal("A URL could not be written.").caused_by(error);
        headers.insert(header::LINK, link.map_err(unlinked)?);
    }
    Ok(response)
}
