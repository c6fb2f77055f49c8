//! `/v1/runbooks/{runbook}/traits`: which nodes a runbook is for.

use axum::http::StatusCode;
use ironbark_model::traits::{check_trait, check_traits};
use ironbark_model::{Result, Runbook};
use serde_json::{Value, json};

use super::of_path;
use crate::body;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::nodes::traits::read_list;
use crate::reply;

/// `GET …/traits`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let runbook: Runbook = of_path(&context).await?;
    reply::ok(&json!({"traits": runbook.traits}))
}

/// `PUT …/traits`: these and no others.
pub(crate) async fn replace(context: Context) -> ApiResult {
    let traits = read_list(&context)?;
    change(&context, move |_| traits).await?;
    reply::no_content()
}

/// `PUT …/traits/{trait}`.
pub(crate) async fn add(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let empty = |body: Value| {
        matches!(&body, Value::Null) || body.as_object().is_some_and(serde_json::Map::is_empty)
    };
    if !context.body().is_empty() && !empty(body::json(&context)?) {
        return Err(ApiError::invalid("Adding one trait needs no body."));
    }
    let name = context.param("trait").to_owned();
    check_trait(&name)?;
    change(&context, |mut traits| {
        if !traits.contains(&name) {
            traits.push(name.clone());
        }
        traits
    })
    .await?;
    let location = format!(
        "{}/v1/runbooks/{}/traits/{name}",
        context.base,
        context.param("runbook")
    );
    reply::located(reply::empty(StatusCode::NO_CONTENT)?, &location)
}

/// `DELETE …/traits/{trait}`: 204 also if it isn't there, unlike for nodes.
pub(crate) async fn remove(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let name = context.param("trait").to_owned();
    change(&context, |mut traits| {
        traits.retain(|known| *known != name);
        traits
    })
    .await?;
    reply::no_content()
}

/// `DELETE …/traits`.
pub(crate) async fn remove_all(context: Context) -> ApiResult {
    context.query.only(&[])?;
    change(&context, |_| Vec::new()).await?;
    reply::no_content()
}

async fn change(
    context: &Context,
    change: impl FnOnce(Vec<String>) -> Vec<String> + Send,
) -> std::result::Result<(), ApiError> {
    let runbook: Runbook = of_path(context).await?;
    let changed = |before: &Runbook| -> Result<Runbook> {
        let traits = change(before.traits.clone());
        check_traits(traits.iter().map(String::as_str))?;
        Ok(Runbook {
            traits,
            ..before.clone()
        })
    };
    let db = context.state.db();
    db.runbook_change(&runbook.uuid, changed).await?;
    Ok(())
}
