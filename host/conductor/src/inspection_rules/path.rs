//! Places in a JSON object that actions change: `/a/b`, `a/b` or `a.b`.

use ironbark_model::{Error, JsonObject, Result};
use serde_json::Value;

/// The names on the way. `~1` is a slash and `~0` a tilde, as in a JSON pointer.
pub(super) fn elements(path: &str) -> Result<Vec<String>> {
    let separator = if path.contains('/') { '/' } else { '.' };
    let bare = path.strip_prefix('/').unwrap_or(path);
    let elements: Vec<String> = bare
        .split(separator)
        .map(|element| element.replace("~1", "/").replace("~0", "~"))
        .collect();
    if elements.iter().any(String::is_empty) {
        return Err(Error::invalid(format!("{path:?} is no path")));
    }
    Ok(elements)
}

/// Sets the value there; objects on the way come by themselves.
pub(super) fn set(object: &mut JsonObject, path: &[String], value: Value) -> Result<()> {
    let (last, above) = split(path)?;
    parent(object, above)?.insert(last.clone(), value);
    Ok(())
}

/// Appends the value to the list there, which comes by itself. A `unique` one only if it isn't there.
pub(super) fn extend(
    object: &mut JsonObject,
    path: &[String],
    value: Value,
    unique: bool,
) -> Result<()> {
    let (last, above) = split(path)?;
    let list = parent(object, above)?
        .entry(last.clone())
        .or_insert_with(|| Value::Array(Vec::new()));
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    let list = list
        .as_array_mut()
        .ok_or_else(|| Error::invalid(format!("what is at {} is no list", path.join("/"))))?;
    if !unique || !list.contains(&value) {
        list.push(value);
    }
    Ok(())
}

/// Takes away what is there, if anything is.
pub(super) fn remove(object: &mut JsonObject, path: &[String]) -> Result<()> {
    let (last, above) = split(path)?;
    let mut inner = object;
    for name in above {
        match inner.get_mut(name) {
            Some(Value::Object(next)) => inner = next,
            _ => return Ok(()),
        }
    }
    inner.remove(last);
    Ok(())
}

fn split(path: &[String]) -> Result<(&String, &[String])> {
    path.split_last()
        .ok_or_else(|| Error::invalid("a path is missing"))
}

fn parent<'a>(object: &'a mut JsonObject, above: &[String]) -> Result<&'a mut JsonObject> {
    let mut inner = object;
    for name in above {
        let next = inner
            .entry(name.clone())
            .or_insert_with(|| Value::Object(JsonObject::new()));
        inner = next
            .as_object_mut()
            .ok_or_else(|| Error::invalid(format!("what is at {name} is no object")))?;
    }
    Ok(inner)
}
