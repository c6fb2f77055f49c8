//! Applying a patch to what is stored: through its JSON form, whose keys are the wire names.

use ironbark_model::patch::{self, PatchOp};
use ironbark_model::{Error, JsonObject, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// `before` with `ops` applied in order. `remove` of an attribute makes it what it is in `defaults`.
pub(super) fn patched<T>(before: &T, ops: &[PatchOp], defaults: &T) -> Result<T>
where
    T: Serialize + DeserializeOwned,
{
    let mut document = to_object(before)?;
    let defaults = to_object(defaults)?;
    patch::apply(&mut document, ops, |root| {
        defaults.get(root).cloned().unwrap_or(Value::Null)
    })?;
    // Null stands for "unset", also where what is stored is never null.
    for (key, value) in &mut document {
        if value.is_null()
            && let Some(default) = defaults.get(key)
        {
            *value = default.clone();
        }
    }
    serde_json::from_value(Value::Object(document)).map_err(|error| {
        Error::invalid(format!("A value in the patch has the wrong type: {error}."))
    })
}

fn to_object<T: Serialize>(value: &T) -> Result<JsonObject> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Error::internal("the record has no JSON form")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::Node;
    use serde_json::json;

    use super::*;

    fn apply(patch: Value) -> Result<Node> {
        let node = Node {
            name: Some("n".into()),
            extra: json!({"a": 1}).as_object().unwrap().clone(),
            ..Node::default()
        };
        patched(&node, &patch::parse(&patch).unwrap(), &Node::default())
    }

    #[test]
    fn attributes_change_and_go_back_to_their_defaults() {
        let node = apply(json!([
            {"op": "replace", "path": "/extra/a", "value": 2},
            {"op": "remove", "path": "/name"},
            {"op": "add", "path": "/retired", "value": true}
        ]))
        .unwrap();
        assert_eq!(node.extra.get("a"), Some(&json!(2)));
        assert_eq!((node.name, node.retired), (None, true));
        let node = apply(json!([{"op": "replace", "path": "/extra", "value": null}])).unwrap();
        assert!(node.extra.is_empty());
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        let error = apply(json!([{"op": "add", "path": "/extra", "value": 5}])).unwrap_err();
        assert_eq!(error.kind(), ironbark_model::ErrorKind::InvalidParameter);
    }
}
