//! Replacement fields in arguments: `{node.driver}`, `{inventory[cpu][architecture]}`, `{plugin_data[a]}`, `{item}`.
//!
//! A text with a field that leads nowhere stays as it is, as in Ironic. Secrets of the node are masked.

use std::cell::OnceCell;

use ironbark_model::JsonObject;
use ironbark_model::mask::mask_object;
use serde_json::Value;

use super::Subject;

/// Deepest nesting of arguments that is looked into; JSON that was accepted has less.
const DEEPEST: usize = 64;

/// What fields can lead to.
pub(super) struct Fields<'a> {
    subject: &'a Subject,
    /// The node as JSON with its secrets masked, once somebody asks for it: most arguments don't.
    node: OnceCell<Value>,
    inventory: &'a JsonObject,
    plugin_data: &'a JsonObject,
    item: Option<&'a Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(subject: &'a Subject, item: Option<&'a Value>) -> Self {
        Self {
            subject,
            node: OnceCell::new(),
            inventory: &subject.inventory,
            plugin_data: &subject.plugin_data,
            item,
        }
    }

    /// Arguments with all fields filled in.
    pub(super) fn fill(&self, args: &JsonObject) -> JsonObject {
        args.iter()
            .map(|(name, value)| (name.clone(), self.filled(value, DEEPEST)))
            .collect()
    }

    fn filled(&self, value: &Value, deepest: usize) -> Value {
        if deepest == 0 {
            return value.clone();
        }
        match value {
            Value::String(text) => Value::String(self.text(text).unwrap_or_else(|| text.clone())),
            Value::Array(items) => items
                .iter()
                .map(|item| self.filled(item, deepest - 1))
                .collect(),
            Value::Object(object) => Value::Object(
                object
                    .iter()
                    .map(|(key, value)| (key.clone(), self.filled(value, deepest - 1)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// The text with its fields filled in; `None` if one leads nowhere.
    fn text(&self, template: &str) -> Option<String> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                filled.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                filled.push('}');
                rest = after;
            } else {
                let (field, after) = from.strip_prefix('{')?.split_once('}')?;
                filled.push_str(&written(self.get(field)?));
                rest = after;
            }
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn node(&self) -> &Value {
        self.node
            .get_or_init(|| match serde_json::to_value(&self.subject.node) {
                Ok(Value::Object(node)) => Value::Object(mask_object(&node)),
                _ => Value::Null,
            })
    }

    fn get(&self, field: &str) -> Option<&Value> {
        let end = field.find(['.', '[']).unwrap_or(field.len());
        let (root, mut rest) = field.split_at(end);
        let mut value = match root {
            "item" => self.item?,
            "node" => {
                let after = rest.strip_prefix('.')?;
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                rest = after;
                self.node().get(name)?
            }
            "inventory" | "plugin_data" => {
                let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
                rest = after;
                let from = if root == "inventory" {
                    self.inventory
                } else {
                    self.plugin_data
                };
                from.get(key)?
            }
            _ => return None,
        };
        while !rest.is_empty() {
            let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
            value = match value {
                Value::Array(items) => items.get(key.parse::<usize>().ok()?)?,
                other => other.get(key)?,
            };
            rest = after;
        }
        Some(value)
    }
}

/// A value within a text: as Python writes what is no text.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::Node;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn subject() -> Subject {
        Subject {
            node: Node {
                driver: "fake-hardware".to_owned(),
                ..Node::default()
            },
            ports: Vec::new(),
            inventory: json!({"disks": [{"name": "/dev/sda"}], "up": true, "none": null})
                .as_object()
                .unwrap()
                .clone(),
            plugin_data: JsonObject::new(),
        }
    }

    fn filled(template: &str) -> String {
        let subject = subject();
        let item = json!({"a": 1});
        let args = json!({"value": template}).as_object().unwrap().clone();
        let filled = Fields::of(&subject, Some(&item)).fill(&args);
        filled
            .get("value")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    }

    #[test]
    fn fields_lead_into_what_is_known() {
        for (template, expected) in [
            ("{node.driver}!", "fake-hardware!"),
            ("{inventory[disks][0][name]}", "/dev/sda"),
            ("{inventory[up]} {inventory[none]}", "True None"),
            ("{item[a]} {{item}}", "1 {item}"),
            ("{item}", "{\"a\":1}"),
        ] {
            assert_eq!(filled(template), expected);
        }
    }

    #[test]
    fn what_leads_nowhere_stays() {
        for template in [
            "{inventory.up}",
            "{node[driver]}",
            "{inventory[disks][7]}",
            "{inventory[nothing]}",
            "{bogus}",
            "{inventory[up]:>10}",
            "a { b",
            "a } b",
            "{inventory[up]} {bogus}",
        ] {
            assert_eq!(filled(template), template);
        }
    }

    proptest! {
        #[test]
        fn no_template_is_too_strange(template in "[{}\\[\\].a-z0-9]{0,40}") {
            let _ = filled(&template);
        }
    }
}
