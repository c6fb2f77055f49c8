//! `POST /v1/inspection_rules`, `PATCH` and `DELETE /v1/inspection_rules/{rule}`.

use ironbark_model::inspection_rule::PHASES;
use ironbark_model::patch::{self, PatchOp};
use ironbark_model::{Error, InspectionRule, JsonObject, ident};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiResult;
use crate::gates::inspection_rule as gate;
use crate::nodes::update::check;
use crate::view::inspection_rule::RESOURCE;
use crate::{body, reply, resource};

/// `POST /v1/inspection_rules`.
pub(crate) async fn create(context: Context) -> ApiResult {
    let given = RESOURCE.new_object(&context)?;
    if !given.contains_key("actions") {
        return Err(body::missing("actions"));
    }
    let mut rule = read(given)?;
    rule.check()?;
    if rule.uuid.is_empty() {
        rule.uuid = ident::new_uuid();
    }
    let rule = context.state.db().inspection_rule_create(&rule).await?;
    RESOURCE.created(&context, &rule)
}

/// `PATCH /v1/inspection_rules/{rule}`.
pub(crate) async fn update(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let uuid = resource::uuid_of_path(&context, "rule")?;
    let mut patch = patch::parse(&body::json(&context)?)?;
    for op in &mut patch {
        check(op, gate::FIELDS, context.version)?;
    }
    let rule = context
        .state
        .db()
        .inspection_rule_change(&uuid, |before| patched(before, &patch))
        .await?;
    RESOURCE.shown(&context, &rule)
}

/// `DELETE /v1/inspection_rules/{rule}`.
pub(crate) async fn delete(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let uuid = resource::uuid_of_path(&context, "rule")?;
    context.state.db().inspection_rule_delete(&uuid).await?;
    reply::no_content()
}

fn patched(before: &InspectionRule, ops: &[PatchOp]) -> ironbark_model::Result<InspectionRule> {
    let document = json!({
        "description": before.description,
        "priority": before.priority,
        "phase": before.phase,
        "sensitive": before.sensitive,
        "conditions": before.conditions,
        "actions": before.actions,
    });
    let Value::Object(mut document) = document else {
        return Err(Error::internal("A rule can't be written as JSON."));
    };
    patch::apply(&mut document, ops, default)?;
    let after = read(document)?;
    if before.sensitive && !after.sensitive {
        return Err(Error::invalid(
            "A sensitive rule stays sensitive: delete it and create another one.",
        ));
    }
    after.check()?;
    Ok(after)
}

/// What a field is that nobody gives.
fn default(name: &str) -> Value {
    match name {
        "priority" => json!(0),
        "sensitive" => json!(false),
        "phase" => json!(PHASES.first()),
        "conditions" | "actions" => json!([]),
        _ => Value::Null,
    }
}

fn read(mut given: JsonObject) -> ironbark_model::Result<InspectionRule> {
    for name in ["priority", "sensitive", "phase", "conditions"] {
        if given.get(name).is_none_or(Value::is_null) {
            given.insert(name.to_owned(), default(name));
        }
    }
    serde_json::from_value(Value::Object(given))
        .map_err(|error| Error::invalid(format!("A value has the wrong type: {error}.")))
}
