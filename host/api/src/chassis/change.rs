//! `POST /v1/chassis`, `PATCH` and `DELETE /v1/chassis/{chassis}`.

use ironbark_model::patch::{self, PatchOp, PatchVerb};
use ironbark_model::{Chassis, Error, JsonObject, ident};
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::chassis as gate;
use crate::nodes::update::check;
use crate::view::chassis::RESOURCE;
use crate::{body, reply, resource};

/// `POST /v1/chassis`.
pub(crate) async fn create(context: Context) -> ApiResult {
    let given = RESOURCE.new_object(&context)?;
    let mut chassis: Chassis = serde_json::from_value(Value::Object(given))
        .map_err(|error| ApiError::invalid(format!("The chassis can't be created: {error}.")))?;
    if chassis.uuid.is_empty() {
        chassis.uuid = ident::new_uuid();
    }
    let chassis = context.state.db().chassis_create(&chassis).await?;
    RESOURCE.created(&context, &chassis)
}

/// `PATCH /v1/chassis/{chassis}`.
pub(crate) async fn update(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let uuid = resource::uuid_of_path(&context, "chassis")?;
    let mut patch = patch::parse(&body::json(&context)?)?;
    // Clients may send the whole chassis; what it is called can't change.
    patch.retain(|op| !says_its_uuid(op, &uuid));
    for op in &mut patch {
        check(op, gate::FIELDS, context.version)?;
    }
    let chassis = context
        .state
        .db()
        .chassis_change(&uuid, |before| patched(before, &patch))
        .await?;
    RESOURCE.shown(&context, &chassis)
}

/// `DELETE /v1/chassis/{chassis}`: only without nodes.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let uuid = resource::uuid_of_path(&context, "chassis")?;
    context.state.db().chassis_delete(&uuid).await?;
    reply::no_content()
}

fn says_its_uuid(op: &PatchOp, uuid: &str) -> bool {
    op.op != PatchVerb::Remove
        && op.is_root()
        && op.root() == "uuid"
        && op.value.as_str().and_then(ident::canonical_uuid).as_deref() == Some(uuid)
}

fn patched(before: &Chassis, ops: &[PatchOp]) -> ironbark_model::Result<Chassis> {
    let mut document = JsonObject::from_iter([
        (
            "description".to_owned(),
            before
                .description
                .as_deref()
                .map_or(Value::Null, Value::from),
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
