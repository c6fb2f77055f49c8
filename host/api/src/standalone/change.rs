//! `POST`, `PATCH`, `DELETE`.

use ironbark_model::patch::{self, PatchOp};
use ironbark_model::{Error, JsonObject, ident};
use serde_json::Value;

use super::{Standalone, of_path};
use crate::context::Context;
use crate::error::ApiResult;
use crate::nodes::update::check;
use crate::versions::Version;
use crate::{body, gates, reply, values};

/// `POST /v1/…`.
pub(crate) async fn create<T: Standalone>(context: Context) -> ApiResult {
    let given = T::resource().new_object(&context)?;
    let mut new: T = read(given)?;
    if new.uuid().is_empty() {
        *new.uuid() = ident::new_uuid();
    }
    let new = new.settle(None, &|_| true, context.version)?;
    let stored = T::create(context.state.db(), &new).await?;
    T::resource().created(&context, &stored)
}

/// `PATCH /v1/…/{…}`.
pub(crate) async fn update<T: Standalone>(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut ops = patch::parse(&body::json(&context)?)?;
    for op in &mut ops {
        check(op, T::resource().gates, context.version)?;
    }
    let mut found: T = of_path(&context).await?;
    let version = context.version;
    let stored = T::change(context.state.db(), found.uuid(), |before| {
        let after: T = patched(before, &ops, version)?;
        let touched = |name: &str| ops.iter().any(|op| op.root() == name);
        after.settle(Some(before), &touched, version)
    })
    .await?;
    T::resource().shown(&context, &stored)
}

/// `DELETE /v1/…/{…}`.
pub(crate) async fn delete<T: Standalone>(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut found: T = of_path(&context).await?;
    T::delete(context.state.db(), found.uuid()).await?;
    reply::no_content()
}

/// What a patch makes of it. What the patch changed deep inside is checked as a whole.
fn patched<T: Standalone>(
    before: &T,
    ops: &[PatchOp],
    version: Version,
) -> ironbark_model::Result<T> {
    let mut document = written(before)?;
    let defaults = written(&T::default())?;
    patch::apply(&mut document, ops, |root| {
        defaults.get(root).cloned().unwrap_or_default()
    })?;
    for op in ops {
        let Some(attribute) = gates::attribute(T::resource().gates, op.root()) else {
            continue;
        };
        if let Some(value) = document.get_mut(op.root()) {
            *value = values::normalise(attribute, value.take(), version)
                .map_err(|error| Error::invalid(error.message()))?;
            if value.is_null() {
                *value = defaults.get(op.root()).cloned().unwrap_or_default();
            }
        }
    }
    read(document)
}

fn written<T: Standalone>(item: &T) -> ironbark_model::Result<JsonObject> {
    match serde_json::to_value(item) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Error::internal(format!(
            "{} can't be written as JSON.",
            T::WHAT
        ))),
    }
}

fn read<T: Standalone>(object: JsonObject) -> ironbark_model::Result<T> {
    serde_json::from_value(Value::Object(object)).map_err(|error| {
        Error::invalid(format!("{} can't be what was asked for: {error}.", T::WHAT))
    })
}
