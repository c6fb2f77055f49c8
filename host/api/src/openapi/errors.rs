//! What an error looks like, by its status.

use serde_json::{Map, Value, json};

use super::schema;

/// What stands in `components/responses`: every error, by its status.
pub(crate) fn error_responses() -> Value {
    const MEANINGS: &[(u16, &str)] = &[
        (
            400,
            "Something in the request is wrong, or can't be done in the state that the node is in.",
        ),
        (401, "Credentials are missing or wrong."),
        (403, "It is not allowed."),
        (404, "It is not there."),
        (406, "It came with a newer microversion."),
        (409, "Something else goes on with it; try again."),
        (413, "The request is too large."),
        (415, "The body is not of the right media type."),
        (502, "The machine, or its driver, failed."),
        (
            503,
            "No conductor is there, or the service is overloaded; Retry-After says when to try again.",
        ),
        (504, "The machine did not answer in time."),
    ];
    let error = schema::reference("Error");
    let all: Map<String, Value> = MEANINGS
        .iter()
        .map(|(status, meaning)| {
            let response = json!({
                "description": meaning,
                "content": {"application/json": {"schema": error}},
            });
            (status.to_string(), response)
        })
        .collect();
    Value::Object(all)
}
