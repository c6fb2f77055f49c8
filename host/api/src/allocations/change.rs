//! `PATCH` and `DELETE /v1/allocations/{allocation}`.

use axum::http::StatusCode;
use ironbark_model::patch::{self, PatchOp};
use ironbark_model::{Allocation, Error, JsonObject};
use serde_json::Value;

use crate::context::Context;
use crate::error::ApiResult;
use crate::gates::allocation as gate;
use crate::gates::paths::too_new;
use crate::nodes::update::check;
use crate::view::allocation::RESOURCE;
use crate::{allocations, body};

/// `PATCH /v1/allocations/{allocation}`: only its name and `extra`, in whatever state it is.
pub(crate) async fn update(context: Context) -> ApiResult {
    if !context.version.has(gate::PATCH_SINCE) {
        return Err(too_new(StatusCode::METHOD_NOT_ALLOWED, gate::PATCH_SINCE));
    }
    context.query.only(&[])?;
    let mut patch = patch::parse(&body::json(&context)?)?;
    for op in &mut patch {
        check(op, gate::FIELDS, context.version)?;
    }
    let allocation = allocations::of_path(&context).await?;
    let allocation = context
        .state
        .db()
        .allocation_change(&allocation.uuid, |before| patched(before, &patch))
        .await?;
    RESOURCE.shown(&context, &allocation)
}

/// `DELETE /v1/allocations/{allocation}`.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let allocation = allocations::of_path(&context).await?;
    allocations::delete(&context, allocation).await
}

fn patched(before: &Allocation, ops: &[PatchOp]) -> ironbark_model::Result<Allocation> {
    let mut document = JsonObject::from_iter([
        (
            "name".to_owned(),
            before.name.as_deref().map_or(Value::Null, Value::from),
        ),
        ("extra".to_owned(), Value::Object(before.extra.clone())),
    ]);
    patch::apply(&mut document, ops, |root| match root {
        "extra" => Value::Object(JsonObject::new()),
        _ => Value::Null,
    })?;
    serde_json::from_value(Value::Object(document)).map_err(|error| {
        Error::invalid(format!("A value in the patch has the wrong type: {error}."))
    })
}
