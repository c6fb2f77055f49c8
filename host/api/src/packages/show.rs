//! Showing packages.

use std::collections::BTreeSet;

use ironbark_model::Error;
use serde_json::{Value, json};

use super::report::Reports;
use super::view::{self, Known};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;

/// Events that a history shows unless it is told otherwise, and at most.
const EVENTS: u32 = 100;
const MAX_EVENTS: u32 = 1000;

/// `GET /ironbark/v1/packages`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let known = Known::read(context.state.db()).await?;
    let names: BTreeSet<&str> = known
        .versions
        .iter()
        .map(|version| version.package.as_str())
        .collect();
    let mut shown = Vec::new();
    for name in names {
        shown.push(view_of(&context, &known, name).await?);
    }
    reply::ok(&json!({"packages": shown}))
}

/// `GET /ironbark/v1/packages/{name}`: with limits, usage and tasks, as the conductors know them.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let name = context.param("name");
    let mut shown = one(&context, name).await?;
    let reports = Reports::of(&context, Some(name)).await?;
    reports.complete(name, &mut shown);
    reply::ok(&shown)
}

/// `GET /ironbark/v1/packages/{name}/history`: also of packages that were removed.
pub(crate) async fn history(context: Context) -> ApiResult {
    let name = context.param("name");
    history_of(&context, name, not_found(name)).await
}

/// The history that is kept under this name.
pub(crate) async fn history_of(context: &Context, name: &str, none: Error) -> ApiResult {
    context.query.only(&["limit"])?;
    let limit = match context.query.get("limit") {
        None => EVENTS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_EVENTS).contains(limit))
            .ok_or_else(|| {
                ApiError::invalid(format!("limit must be a number from 1 to {MAX_EVENTS}."))
            })?,
    };
    let events = context.state.db().package_history(name, limit).await?;
    if events.is_empty() {
        return Err(none.into());
    }
    let shown: Vec<_> = events.iter().map(view::event).collect();
    reply::ok(&json!({"history": shown}))
}

/// One package with all its versions.
pub(super) async fn one(context: &Context, name: &str) -> Result<Value, ApiError> {
    let known = Known::read(context.state.db()).await?;
    if !known.versions.iter().any(|version| version.package == name) {
        return Err(not_found(name).into());
    }
    view_of(context, &known, name).await
}

async fn view_of(context: &Context, known: &Known, name: &str) -> Result<Value, ApiError> {
    let granted = context.state.db().package_grants(name).await?;
    Ok(known.view(&context.base, name, granted.unwrap_or_default()))
}

fn not_found(name: &str) -> Error {
    Error::not_found(format!("Driver package {name} could not be found."))
}
