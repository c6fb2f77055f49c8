//! A runbook: steps of a manual cleaning or a service, for nodes with one of its traits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{JsonObject, Timestamp};

/// Steps under a name. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct Runbook {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub name: String,
    pub description: Option<String>,
    /// Every project may use it; then it has no owner.
    pub public: bool,
    pub owner: Option<String>,
    /// Its steps need no ramdisk.
    pub disable_ramdisk: bool,
    /// Objects of `interface`, `step`, `args` and `order`.
    pub steps: Vec<JsonObject>,
    /// A node must have one of these.
    pub traits: Vec<String>,
    pub extra: JsonObject,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

impl Runbook {
    /// Whether a node with these traits may be worked on by it.
    pub fn fits(&self, node_traits: &[String]) -> bool {
        self.traits.iter().any(|own| node_traits.contains(own))
    }

    /// The steps as they run, by `order` and then as they stand, without it.
    pub fn steps_in_order(&self) -> Vec<JsonObject> {
        let mut steps = self.steps.clone();
        steps.sort_by_key(|step| step.get("order").and_then(Value::as_u64).unwrap_or(0));
        for step in &mut steps {
            step.remove("order");
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn steps_run_by_their_order() {
        let step = |name: &str, order: u64| {
            let step = json!({"interface": "bios", "step": name, "args": {}, "order": order});
            step.as_object().unwrap().clone()
        };
        let book = Runbook {
            steps: vec![step("c", 7), step("a", 0), step("d", 7), step("b", 2)],
            ..Runbook::default()
        };
        let steps = book.steps_in_order();
        let names: Vec<_> = steps.iter().map(|step| step.get("step").unwrap()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert!(steps.iter().all(|step| !step.contains_key("order")));
    }

    #[test]
    fn one_trait_in_common_is_enough() {
        let book = |traits: &[&str]| Runbook {
            traits: traits.iter().map(|name| (*name).to_owned()).collect(),
            ..Runbook::default()
        };
        let node = ["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()];
        assert!(book(&["CUSTOM_X", "CUSTOM_B"]).fits(&node));
        assert!(!book(&["CUSTOM_X"]).fits(&node));
        assert!(!book(&[]).fits(&node));
        assert!(!book(&["CUSTOM_A"]).fits(&[]));
    }
}
