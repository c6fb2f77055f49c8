//! `/v1/nodes/{node}/traits`.

use axum::http::StatusCode;
use ironbark_model::traits::{check_trait, check_traits};
use ironbark_rpc::{Request, TraitChange};
use serde_json::{Value, json};

use crate::body::{self, Arguments};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::reply;
use crate::routing::NobodyIs;

/// `GET …/traits`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    reply::ok(&json!({"traits": node.traits}))
}

/// `PUT …/traits`: these and no others.
pub(crate) async fn replace(context: Context) -> ApiResult {
    let traits = read_list(&context)?;
    change(&context, TraitChange::Replace(traits)).await?;
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
    change(&context, TraitChange::Add(name.clone())).await?;
    let location = format!(
        "{}/v1/nodes/{}/traits/{name}",
        context.base,
        context.param("node")
    );
    reply::located(reply::empty(StatusCode::NO_CONTENT)?, &location)
}

/// `DELETE …/traits/{trait}`.
pub(crate) async fn remove(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let name = context.param("trait").to_owned();
    change(&context, TraitChange::Remove(name)).await?;
    reply::no_content()
}

/// `DELETE …/traits`.
pub(crate) async fn remove_all(context: Context) -> ApiResult {
    context.query.only(&[])?;
    change(&context, TraitChange::Replace(Vec::new())).await?;
    reply::no_content()
}

/// The traits in the body, each once.
pub(crate) fn read_list(context: &Context) -> Result<Vec<String>, ApiError> {
    let given = Arguments::read(context, &["traits"])?
        .take("traits")
        .ok_or_else(|| body::missing("traits"))?;
    let mut traits: Vec<String> = Vec::new();
    for item in given.as_array().ok_or_else(not_a_list)? {
        let name = item.as_str().ok_or_else(not_a_list)?;
        if !traits.iter().any(|known| known == name) {
            traits.push(name.to_owned());
        }
    }
    check_traits(traits.iter().map(String::as_str))?;
    Ok(traits)
}

async fn change(context: &Context, change: TraitChange) -> Result<(), ApiError> {
    let node = context.node().await?;
    let request = Request::SetTraits {
        node: node.uuid.clone(),
        change,
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    Ok(())
}

fn not_a_list() -> ApiError {
    ApiError::invalid("traits is a list of names.")
}
