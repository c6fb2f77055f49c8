//! `fields=` of what is below a node.

use crate::context::Context;
use crate::error::ApiError;
use crate::gates::Attribute;

/// The fields that the query asks for: 406 before `since`, 400 for those that `version` doesn't know.
pub(crate) fn chosen(
    context: &Context,
    table: &'static [Attribute],
    since: u16,
) -> Result<Option<Vec<String>>, ApiError> {
    let Some(fields) = context.query.list("fields") else {
        return Ok(None);
    };
    context.version.require(since)?;
    let known = |field: &String| {
        table
            .iter()
            .any(|attribute| attribute.name == field && context.version.has(attribute.since))
    };
    let unknown: Vec<String> = fields
        .iter()
        .filter(|field| !known(field))
        .map(|field| format!("\"{field}\""))
        .collect();
    if unknown.is_empty() {
        Ok(Some(fields))
    } else {
        Err(ApiError::invalid(format!(
            "Field(s) {} are not valid",
            unknown.join(", ")
        )))
    }
}
