//! Inspection rules: what an operator wants done with what inspections find.
//!
//! A rule has conditions, which must all hold, and actions. Both are operations with named arguments; which there are is said here,
//! for who accepts rules and for who runs them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, JsonObject, Result, Timestamp};

/// Phases of an inspection in which rules run.
pub const PHASES: &[&str] = &[MAIN];

/// The only phase: when the driver has made of the inventory what it makes of it.
pub const MAIN: &str = "main";

/// The most operations that a rule has of each kind, and items that one of them is repeated for.
pub const MOST_OPERATIONS: usize = 100;
/// See [`MOST_OPERATIONS`].
pub const MOST_ITEMS: usize = 1000;

/// A rule. Field names are the wire names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct InspectionRule {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub description: Option<String>,
    /// Rules with a higher one run first.
    pub priority: i32,
    pub phase: String,
    /// Conditions and actions are never shown.
    pub sensitive: bool,
    pub conditions: Vec<Value>,
    pub actions: Vec<Value>,
}

impl Default for InspectionRule {
    fn default() -> Self {
        Self {
            id: 0,
            uuid: String::new(),
            created_at: None,
            updated_at: None,
            description: None,
            priority: 0,
            phase: MAIN.to_owned(),
            sensitive: false,
            conditions: Vec::new(),
            actions: Vec::new(),
        }
    }
}

/// An operation that a rule may name.
#[derive(Debug, PartialEq, Eq)]
pub struct Op {
    /// Its name.
    pub name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

const fn op(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> Op {
    Op {
        name,
        required,
        optional,
    }
}

/// What conditions ask.
pub const CONDITIONS: &[Op] = &[
    op("eq", &["values"], &["force_strings"]),
    op("lt", &["values"], &["force_strings"]),
    op("gt", &["values"], &["force_strings"]),
    op("is-empty", &["value"], &[]),
    op("in-net", &["address", "subnet"], &[]),
    op("matches", &["value", "regex"], &[]),
    op("contains", &["value", "regex"], &[]),
    op("one-of", &["value", "values"], &[]),
    op("is-none", &["value"], &[]),
    op("is-true", &["value"], &[]),
    op("is-false", &["value"], &[]),
];

/// What actions do.
pub const ACTIONS: &[Op] = &[
    op("fail", &["msg"], &[]),
    op("log", &["msg"], &["level"]),
    op("set-attribute", &["path", "value"], &[]),
    op("extend-attribute", &["path", "value"], &["unique"]),
    op("del-attribute", &["path"], &[]),
    op("set-capability", &["name", "value"], &[]),
    op("unset-capability", &["name"], &[]),
    op("add-trait", &["name"], &[]),
    op("remove-trait", &["name"], &[]),
    op("set-plugin-data", &["path", "value"], &[]),
    op("extend-plugin-data", &["path", "value"], &["unique"]),
    op("unset-plugin-data", &["path"], &[]),
    op("set-port-attribute", &["port_id", "path", "value"], &[]),
    op(
        "extend-port-attribute",
        &["port_id", "path", "value"],
        &["unique"],
    ),
    op("del-port-attribute", &["port_id", "path"], &[]),
];

/// How the results of a condition that is repeated become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multiple {
    /// One of them holds.
    #[default]
    Any,
    /// All hold.
    All,
    /// The first one holds.
    First,
    /// The last one holds.
    Last,
}

/// A condition or an action as it is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which operation.
    pub op: &'static Op,
    /// A condition that must not hold.
    pub negated: bool,
    /// Arguments by name: all that are required, and no unknown ones.
    pub args: JsonObject,
    /// It is repeated for each of these.
    pub items: Option<Vec<Value>>,
    /// What becomes of the results.
    pub multiple: Multiple,
}

impl Call {
    /// Reads a condition.
    ///
    /// # Errors
    /// `InvalidParameter`, which says what is wrong.
    pub fn condition(written: &Value) -> Result<Self> {
        Self::read(written, CONDITIONS, "condition")
    }

    /// Reads an action.
    ///
    /// # Errors
    /// `InvalidParameter`, which says what is wrong.
    pub fn action(written: &Value) -> Result<Self> {
        Self::read(written, ACTIONS, "action")
    }

    fn read(written: &Value, known: &'static [Op], what: &str) -> Result<Self> {
        let is_condition = what == "condition";
        let wrong = |problem: String| Error::invalid(format!("Invalid {what}: {problem}."));
        let written = written
            .as_object()
            .ok_or_else(|| wrong("an object is expected".to_owned()))?;
        for key in written.keys() {
            let fits = matches!(key.as_str(), "op" | "args" | "loop")
                || (is_condition && key == "multiple");
            if !fits {
                return Err(wrong(format!("{key:?} is not known")));
            }
        }
        let name = written
            .get("op")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let bare = name.strip_prefix('!').map(str::trim_start);
        let negated = is_condition && bare.is_some();
        let bare = bare.filter(|_| is_condition).unwrap_or(name);
        let op = known.iter().find(|op| op.name == bare).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|op| op.name).collect();
            wrong(format!("op is one of {}", names.join(", ")))
        })?;
        let args = op.named(written.get("args")).map_err(wrong)?;
        let items = match written.get("loop") {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) if items.len() <= MOST_ITEMS => Some(items.clone()),
            Some(_) => {
                return Err(wrong(format!(
                    "loop is a list of at most {MOST_ITEMS} items"
                )));
            }
        };
        let multiple = match written.get("multiple").map(Value::as_str) {
            None | Some(Some("any")) => Multiple::Any,
            Some(Some("all")) => Multiple::All,
            Some(Some("first")) => Multiple::First,
            Some(Some("last")) => Multiple::Last,
            Some(_) => return Err(wrong("multiple is any, all, first or last".to_owned())),
        };
        Ok(Self {
            op,
            negated,
            args,
            items,
            multiple,
        })
    }
}

impl Op {
    /// Arguments by name. A list has them in their order; that of an operation that takes `values` has these.
    fn named(&self, given: Option<&Value>) -> std::result::Result<JsonObject, String> {
        let names = || self.required.iter().chain(self.optional);
        let args = match given {
            Some(Value::Object(args)) => args.clone(),
            Some(Value::Array(values)) if self.required == ["values"] => {
                JsonObject::from_iter([("values".to_owned(), Value::Array(values.clone()))])
            }
            Some(Value::Array(values)) => {
                if values.len() > names().count() {
                    return Err(format!("{} has fewer arguments", self.name));
                }
                names()
                    .zip(values)
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect()
            }
            _ => return Err("args are an object".to_owned()),
        };
        if let Some(unknown) = args.keys().find(|key| !names().any(|name| name == key)) {
            return Err(format!("{} has no argument {unknown:?}", self.name));
        }
        if let Some(missing) = self.required.iter().find(|name| !args.contains_key(**name)) {
            return Err(format!("{} needs the argument {missing}", self.name));
        }
        if self.required.contains(&"values") && !args.get("values").is_some_and(Value::is_array) {
            return Err("values are a list".to_owned());
        }
        Ok(args)
    }
}

impl InspectionRule {
    /// Whether it can be run: operations that there are, with the arguments that they need, and an action at least.
    ///
    /// # Errors
    /// `InvalidParameter`, which says what is wrong.
    pub fn check(&self) -> Result<()> {
        if self.actions.is_empty() {
            return Err(Error::invalid("A rule needs at least one action."));
        }
        if self.actions.len() > MOST_OPERATIONS || self.conditions.len() > MOST_OPERATIONS {
            return Err(Error::invalid(format!(
                "A rule has at most {MOST_OPERATIONS} conditions and {MOST_OPERATIONS} actions."
            )));
        }
        for condition in &self.conditions {
            Call::condition(condition)?;
        }
        for action in &self.actions {
            Call::action(action)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_have_names_or_an_order() {
        let named =
            Call::action(&json!({"op": "set-attribute", "args": {"path": "/a", "value": 1}}));
        let ordered = Call::action(&json!({"op": "set-attribute", "args": ["/a", 1]}));
        assert_eq!(named.unwrap(), ordered.unwrap());
        let spread = Call::condition(&json!({"op": "! eq", "args": [1, 2, 3]})).unwrap();
        assert!(spread.negated);
        assert_eq!(spread.args.get("values"), Some(&json!([1, 2, 3])));
        let looped =
            json!({"op": "is-true", "args": ["{item}"], "loop": [1, 2], "multiple": "all"});
        let looped = Call::condition(&looped).unwrap();
        assert_eq!(
            (looped.items.unwrap().len(), looped.multiple),
            (2, Multiple::All)
        );
    }

    #[test]
    fn what_can_not_be_run_is_refused() {
        for (condition, word) in [
            (json!("eq"), "object"),
            (json!({"op": "bogus", "args": {}}), "op is one of"),
            (json!({"op": "eq"}), "args"),
            (json!({"op": "eq", "args": {"values": 1}}), "list"),
            (json!({"op": "matches", "args": {"value": "a"}}), "regex"),
            (json!({"op": "is-none", "args": ["a", "b"]}), "fewer"),
            (
                json!({"op": "is-none", "args": {"value": 1, "more": 2}}),
                "more",
            ),
            (json!({"op": "is-none", "args": ["a"], "when": 1}), "when"),
            (
                json!({"op": "is-none", "args": ["a"], "multiple": "some"}),
                "multiple",
            ),
            (json!({"op": "is-none", "args": ["a"], "loop": {}}), "loop"),
        ] {
            let refused = Call::condition(&condition).unwrap_err();
            assert!(refused.message().contains(word), "{condition}: {refused}");
        }
        for action in [
            json!({"op": "!fail", "args": ["a"]}),
            json!({"op": "fail", "args": ["a"], "multiple": "any"}),
            json!({"op": "api-call", "args": ["http://a/"]}),
        ] {
            assert!(Call::action(&action).is_err(), "{action}");
        }
        assert!(InspectionRule::default().check().is_err());
    }
}
