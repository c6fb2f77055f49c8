//! Looking things up in resources.

use serde_json::Value;

use crate::service::Resource;

/// A text.
pub(crate) fn text<'a>(resource: &'a Resource, name: &str) -> Option<&'a str> {
    resource.get(name).and_then(Value::as_str)
}

/// Something within an object of the resource, by a pointer without its first slash: `Status/Health`.
pub(crate) fn at<'a>(resource: &'a Resource, pointer: &str) -> Option<&'a Value> {
    match pointer.split_once('/') {
        Some((first, rest)) => resource.get(first)?.pointer(&format!("/{rest}")),
        None => resource.get(pointer),
    }
    .filter(|value| !value.is_null())
}

/// A text within an object of the resource.
pub(crate) fn text_at<'a>(resource: &'a Resource, pointer: &str) -> Option<&'a str> {
    at(resource, pointer).and_then(Value::as_str)
}

/// The path that a property links to, without a slash at its end.
pub(crate) fn link(resource: &Resource, pointer: &str) -> Option<String> {
    path(at(resource, pointer)?)
}

/// The paths that a list links to.
pub(crate) fn links(resource: &Resource, pointer: &str) -> Vec<String> {
    let listed = at(resource, pointer).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(path).collect()
}

/// The texts of a list; `None` if there is no list.
pub(crate) fn texts(resource: &Resource, pointer: &str) -> Option<Vec<String>> {
    let listed = at(resource, pointer)?.as_array()?;
    let texts = listed.iter().filter_map(Value::as_str);
    Some(texts.map(str::to_owned).collect())
}

/// The last segment of a path.
pub(crate) fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn path(link: &Value) -> Option<String> {
    let path = link.get("@odata.id")?.as_str()?.trim_end_matches('/');
    (!path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_are_paths_without_a_slash_at_the_end() {
        let resource = json!({
            "Bios": {"@odata.id": "/redfish/v1/Systems/1/Bios/"}, "None": {"@odata.id": ""},
            "Links": {"Drives": [{"@odata.id": "/a/b"}, {}, 7]}, "Null": null, "A": ["x", 1]
        });
        let resource = resource.as_object().unwrap();
        assert_eq!(
            link(resource, "Bios").as_deref(),
            Some("/redfish/v1/Systems/1/Bios")
        );
        assert_eq!(link(resource, "None"), None);
        assert_eq!(links(resource, "Links/Drives"), ["/a/b"]);
        assert_eq!(links(resource, "Links/None"), Vec::<String>::new());
        assert_eq!(at(resource, "Null"), None);
        assert_eq!(texts(resource, "A"), Some(vec!["x".to_owned()]));
        assert_eq!(last_segment("/a/b"), "b");
    }
}
