//! The subset of JSON Patch that Ironic's API has: `add`, `replace`, `remove`, one after another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::json::MAX_DEPTH;
use crate::{Error, JsonObject, Result};

/// The most operations of one patch. Clients that write down a whole object have dozens.
pub const MAX_OPERATIONS: usize = 1_000;

/// How many items of lists all operations of a patch together may push aside, or pull up, to make or fill a place: some 30 ms.
const MAX_MOVES: usize = 4_000_000;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatchVerb {
    /// Set, or insert into a list.
    Add,
    /// Set what is there.
    Replace,
    /// Take away what is there; a root attribute goes back to its default.
    Remove,
}

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchOp {
    /// What it does.
    pub op: PatchVerb,
    /// The path's elements; never empty.
    pub path: Vec<String>,
    /// The value of `add` and `replace`.
    #[serde(default)]
    pub value: Value,
}

impl PatchOp {
    /// The attribute that the path begins with.
    pub fn root(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// Whether it is about an attribute as a whole.
    pub fn is_root(&self) -> bool {
        self.path.len() == 1
    }

    fn describe(&self) -> String {
        let op = match self.op {
            PatchVerb::Add => "add",
            PatchVerb::Replace => "replace",
            PatchVerb::Remove => "remove",
        };
        format!("{op} /{}", self.path.join("/"))
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::invalid(format!(
            "Couldn't apply patch '{}'. Reason: {reason}",
            self.describe()
        ))
    }
}

/// Reads a patch: a list of `{op, path, value}` without other keys, paths of `/` and word characters or `-`.
pub fn parse(body: &Value) -> Result<Vec<PatchOp>> {
    let Some(items) = body.as_array() else {
        return Err(Error::invalid(
            "A patch is a list of {op, path, value} objects.",
        ));
    };
    if items.len() > MAX_OPERATIONS {
        return Err(Error::invalid(format!(
            "A patch has at most {MAX_OPERATIONS} operations, not {}: send several.",
            items.len()
        )));
    }
    items.iter().map(parse_op).collect()
}

/// Applies `ops` in order to `document`, whose keys are all attributes that there are.
///
/// `default_of` says what a root attribute is after `remove`. What comes out nested deeper than [`MAX_DEPTH`] is refused:
/// each operation may add a little, and only the outcome shows how much.
pub fn apply(
    document: &mut JsonObject,
    ops: &[PatchOp],
    default_of: impl Fn(&str) -> Value,
) -> Result<()> {
    let mut moves = MAX_MOVES;
    for op in ops {
        let root = op.root();
        let Some(attribute) = document.get_mut(root) else {
            return Err(op.refuse(&format!("there is no attribute {root}")));
        };
        match op.path.get(1..) {
            None | Some([]) => {
                *attribute = match op.op {
                    PatchVerb::Remove => default_of(root),
                    PatchVerb::Add | PatchVerb::Replace => op.value.clone(),
                };
            }
            Some(rest) => apply_below(attribute, rest, op, &mut moves)?,
        }
    }
    // One look at each attribute, however many operations there were.
    let added: BTreeMap<&str, &PatchOp> = ops
        .iter()
        .filter(|op| op.op != PatchVerb::Remove)
        .map(|op| (op.root(), op))
        .collect();
    for op in added.values() {
        let fits = document
            .get(op.root())
            .is_none_or(|attribute| is_at_most(attribute, MAX_DEPTH - 1));
        if !fits {
            return Err(op.refuse(&format!(
                "{} would be nested too deeply: at most {MAX_DEPTH} levels are accepted",
                op.root()
            )));
        }
    }
    Ok(())
}

/// Whether lists and objects are nested at most so many levels.
fn is_at_most(value: &Value, levels: usize) -> bool {
    let inside = |value: &Value| levels > 0 && is_at_most(value, levels - 1);
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(inside),
        Value::Object(object) => levels > 0 && object.values().all(inside),
        _ => true,
    }
}

fn parse_op(item: &Value) -> Result<PatchOp> {
    let Some(object) = item.as_object() else {
        return Err(Error::invalid(format!(
            "{item} is not a patch operation: an object with op and path is expected."
        )));
    };
    if let Some(key) = object
        .keys()
        .find(|key| !matches!(key.as_str(), "op" | "path" | "value"))
    {
        return Err(Error::invalid(format!(
            "A patch operation has op, path and value, not {key:?}."
        )));
    }
    let op = match object.get("op").and_then(Value::as_str) {
        Some("add") => PatchVerb::Add,
        Some("replace") => PatchVerb::Replace,
        Some("remove") => PatchVerb::Remove,
        _ => {
            return Err(Error::invalid(
                "A patch operation's op is one of add, replace, remove.",
            ));
        }
    };
    let path = object
        .get("path")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let elements: Vec<String> = match path.strip_prefix('/') {
        Some(rest) => rest.split('/').map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let well_formed = !elements.is_empty()
        && elements.iter().all(|element| {
            !element.is_empty()
                && element
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        });
    if !well_formed {
        return Err(Error::invalid(format!(
            "{path:?} is not a valid patch path: it is made of '/' and words of letters, digits, '_' and '-'."
        )));
    }
    if elements.len() > MAX_DEPTH {
        return Err(Error::invalid(format!(
            "A patch path has at most {MAX_DEPTH} elements, not {}.",
            elements.len()
        )));
    }
    let value = object.get("value");
    if op != PatchVerb::Remove && value.is_none() {
        return Err(Error::invalid(format!(
            "The patch operation for {path} needs a value."
        )));
    }
    Ok(PatchOp {
        op,
        path: elements,
        value: value.cloned().unwrap_or(Value::Null),
    })
}

fn apply_below(target: &mut Value, path: &[String], op: &PatchOp, moves: &mut usize) -> Result<()> {
    let Some((key, rest)) = path.split_first() else {
        return Err(op.refuse("the path is empty"));
    };
    if !rest.is_empty() {
        let next = match target {
            Value::Object(object) => object.get_mut(key),
            Value::Array(items) => key
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index)),
            _ => None,
        };
        return match next {
            Some(next) => apply_below(next, rest, op, moves),
            None => Err(op.refuse(&format!("there is no {key:?} on the way"))),
        };
    }
    match target {
        Value::Object(object) => apply_to_object(object, key, op),
        Value::Array(items) => apply_to_list(items, key, op, moves),
        _ => Err(op.refuse(&format!(
            "{key:?} would be inside something that is neither an object nor a list"
        ))),
    }
}

fn apply_to_object(object: &mut JsonObject, key: &str, op: &PatchOp) -> Result<()> {
    match op.op {
        PatchVerb::Add => {
            object.insert(key.to_owned(), op.value.clone());
        }
        PatchVerb::Replace => match object.get_mut(key) {
            Some(slot) => *slot = op.value.clone(),
            None => return Err(op.refuse(&format!("there is no {key:?} to replace"))),
        },
        PatchVerb::Remove => {
            if object.remove(key).is_none() {
                return Err(op.refuse(&format!("there is no {key:?} to remove")));
            }
        }
    }
    Ok(())
}

fn apply_to_list(items: &mut Vec<Value>, key: &str, op: &PatchOp, moves: &mut usize) -> Result<()> {
    let index = if key == "-" && op.op == PatchVerb::Add {
        Some(items.len())
    } else {
        key.parse::<usize>().ok()
    };
    let Some(index) = index else {
        return Err(op.refuse(&format!("{key:?} is not a position in a list")));
    };
    if op.op != PatchVerb::Replace {
        *moves = moves
            .checked_sub(items.len().saturating_sub(index))
            .ok_or_else(|| {
                op.refuse("the patch moves too many items of long lists: replace the list")
            })?;
    }
    match op.op {
        PatchVerb::Add if index <= items.len() => items.insert(index, op.value.clone()),
        PatchVerb::Replace | PatchVerb::Remove if index < items.len() => {
            if op.op == PatchVerb::Remove {
                items.remove(index);
            } else if let Some(slot) = items.get_mut(index) {
                *slot = op.value.clone();
            }
        }
        _ => return Err(op.refuse(&format!("the list has no position {index}"))),
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn patched(document: Value, patch: Value) -> Result<Value> {
        let mut document = document.as_object().unwrap().clone();
        apply(&mut document, &parse(&patch)?, |_| Value::Null)?;
        Ok(Value::Object(document))
    }

    #[test]
    fn applies_in_order() {
        let result = patched(
            json!({"extra": {"a": 1, "l": [1, 2]}, "name": "n"}),
            json!([
                {"op": "add", "path": "/extra/b", "value": {"c": 2}},
                {"op": "replace", "path": "/extra/b/c", "value": 3},
                {"op": "remove", "path": "/extra/a"},
                {"op": "add", "path": "/extra/l/-", "value": 3},
                {"op": "remove", "path": "/name"}
            ]),
        );
        assert_eq!(
            result.unwrap(),
            json!({"extra": {"b": {"c": 3}, "l": [1, 2, 3]}, "name": null})
        );
    }

    #[test]
    fn refuses_what_ironic_refuses() {
        for patch in [
            json!({"op": "add"}),
            json!([{"op": "move", "from": "/a", "path": "/b"}]),
            json!([{"op": "test", "path": "/name", "value": 1}]),
            json!([{"op": "add", "path": "name", "value": 1}]),
            json!([{"op": "add", "path": "/extra/a.b", "value": 1}]),
            json!([{"op": "add", "path": "/extra/a~1b", "value": 1}]),
            json!([{"op": "add", "path": "/nonesuch", "value": 1}]),
            json!([{"op": "replace", "path": "/extra/none", "value": 1}]),
            json!([{"op": "remove", "path": "/extra/none"}]),
            json!([{"op": "add", "path": "/extra/none/deep", "value": 1}]),
            json!([{"op": "add", "path": "/extra"}]),
        ] {
            assert!(
                patched(json!({"extra": {}, "name": null}), patch.clone()).is_err(),
                "{patch}"
            );
        }
    }

    /// `{"a": {"a": … {}}}`, so many levels.
    fn nested(levels: usize) -> Value {
        (1..levels).fold(json!({}), |inner, _| json!({"a": inner}))
    }

    #[test]
    fn what_comes_out_is_nested_no_deeper_than_a_body() {
        let add = |elements: usize, value: Value| json!({"op": "add", "path": format!("/extra{}", "/a".repeat(elements - 1)), "value": value});
        let step_by_step = |count: usize| {
            let ops: Vec<Value> = (2..=count)
                .map(|elements| add(elements, json!({})))
                .collect();
            patched(json!({"extra": {}}), json!(ops))
        };
        // The document and `extra` are two of the levels.
        let deepest = step_by_step(MAX_DEPTH - 1).unwrap();
        assert_eq!(deepest, json!({"extra": nested(MAX_DEPTH - 1)}));
        assert!(step_by_step(MAX_DEPTH).is_err());
        assert!(step_by_step(600).is_err());
        // A short path with a deep value in the end.
        let at_the_end = |levels: usize| {
            patched(
                deepest.clone(),
                json!([{"op": "remove", "path": "/extra/a"}, add(2, nested(levels))]),
            )
        };
        assert!(at_the_end(MAX_DEPTH - 2).is_ok());
        assert!(at_the_end(MAX_DEPTH - 1).is_err());
        let lists = json!([{"op": "add", "path": "/extra", "value": {"l": [[[[]]]]}}, {"op": "add", "path": "/extra/l/0/0/0/-", "value": nested(20)}]);
        assert!(patched(json!({"extra": {}}), lists).is_err());
    }

    #[test]
    fn a_patch_has_a_bounded_amount_of_work() {
        let op = json!({"op": "add", "path": "/extra/a", "value": 0});
        assert!(parse(&json!(vec![op.clone(); MAX_OPERATIONS])).is_ok());
        assert!(parse(&json!(vec![op; MAX_OPERATIONS + 1])).is_err());
        // A long list, and operations at its beginning: each of them would move all of it.
        let long = json!({"extra": {"l": vec![0; 500_000]}});
        let first = |op: &str| json!({"op": op, "path": "/extra/l/0", "value": 1});
        assert!(patched(long.clone(), json!(vec![first("add"); 7])).is_ok());
        assert!(patched(long.clone(), json!(vec![first("add"); 9])).is_err());
        assert!(patched(long.clone(), json!(vec![first("remove"); 9])).is_err());
        let end = json!({"op": "add", "path": "/extra/l/-", "value": 1});
        assert!(patched(long.clone(), json!(vec![end; MAX_OPERATIONS])).is_ok());
        assert!(patched(long, json!(vec![first("replace"); MAX_OPERATIONS])).is_ok());
    }

    #[test]
    fn every_attribute_is_looked_at_once() {
        // A thousand looks at this list would take minutes in a debug build.
        let long = json!({"extra": {"l": vec![0; 500_000]}, "name": null});
        let mut ops = vec![json!({"op": "add", "path": "/extra/a", "value": 0}); 999];
        ops.push(json!({"op": "add", "path": "/name", "value": nested(MAX_DEPTH)}));
        let began = std::time::Instant::now();
        assert!(patched(long, json!(ops)).is_err());
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn never_panics(path in "(/[a-z0-9-]{0,3}){0,4}", op in "add|replace|remove", n in 0i64..5) {
            let _ = patched(
                json!({"a": {"b": [1, {"c": 2}]}, "b": [], "c": null}),
                json!([{"op": op, "path": path, "value": n}]),
            );
        }

        #[test]
        fn what_is_added_is_there(key in "[a-z]{1,8}", n in any::<i64>()) {
            let result = patched(json!({"extra": {}}), json!([{"op": "add", "path": format!("/extra/{key}"), "value": n}])).unwrap();
            prop_assert_eq!(&result["extra"][&key], &json!(n));
        }
    }
}
