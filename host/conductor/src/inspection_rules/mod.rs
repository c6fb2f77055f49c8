//! Running inspection rules over what an inspection ramdisk posted: pure, on copies, which are stored only if all went well.
//!
//! * [`conditions`]: whether a rule is for this machine;
//! * [`actions`]: what it does;
//! * [`fields`]: `{inventory[memory][physical_mb]}` and its like in arguments;
//! * [`path`]: the places that actions change.

mod actions;
mod conditions;
mod fields;
mod path;

use ironbark_model::inspection_rule::{Call, InspectionRule, Multiple};
use ironbark_model::{Error, JsonObject, Node, Port, Result};
use serde_json::Value;

use fields::Fields;

/// The most operations that all rules together run for one machine, each item of a loop counted.
const MOST_STEPS: usize = 20_000;

/// What rules look at and change.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) node: Node,
    /// Those that the node has, and those that were found.
    pub(crate) ports: Vec<Port>,
    pub(crate) inventory: JsonObject,
    pub(crate) plugin_data: JsonObject,
}

/// Runs the rules whose conditions hold, in this order.
///
/// # Errors
/// What a rule says that is wrong, by the rule's description; then the subject is of no use any more.
pub(crate) fn apply(rules: &[InspectionRule], subject: &mut Subject) -> Result<()> {
    let mut steps = MOST_STEPS;
    for rule in rules {
        run(rule, subject, &mut steps).map_err(|error| {
            // Who may not see the rule may not see what it says either.
            let problem = if rule.sensitive {
                "it failed, and says no more because it is sensitive"
            } else {
                error.message()
            };
            Error::new(
                error.kind(),
                format!("Inspection rule {}: {problem}", name_of(rule)),
            )
        })?;
    }
    Ok(())
}

fn run(rule: &InspectionRule, subject: &mut Subject, steps: &mut usize) -> Result<()> {
    for condition in &rule.conditions {
        let call = Call::condition(condition)?;
        if !holds(&call, subject, steps)? {
            return Ok(());
        }
    }
    tracing::debug!(rule = %rule.uuid, node = %subject.node.uuid, "an inspection rule is run");
    for action in &rule.actions {
        let call = Call::action(action)?;
        for item in items(&call) {
            count(steps)?;
            let args = Fields::of(subject, item.as_ref()).fill(&call.args);
            actions::act(call.op.name, &args, subject)?;
        }
    }
    Ok(())
}

fn holds(call: &Call, subject: &Subject, steps: &mut usize) -> Result<bool> {
    let mut results = Vec::new();
    for item in items(call) {
        count(steps)?;
        let args = Fields::of(subject, item.as_ref()).fill(&call.args);
        results.push(conditions::holds(call.op.name, &args)? != call.negated);
    }
    if call.items.is_none() {
        return Ok(results.first().copied().unwrap_or_default());
    }
    let one = |result: Option<&bool>| result.copied().unwrap_or_default();
    Ok(match call.multiple {
        Multiple::Any => results.contains(&true),
        Multiple::All => !results.contains(&false),
        Multiple::First => one(results.first()),
        Multiple::Last => one(results.last()),
    })
}

/// What an operation is run for: once without an item, or for each one.
fn items(call: &Call) -> Vec<Option<Value>> {
    match &call.items {
        None => vec![None],
        Some(items) => items.iter().cloned().map(Some).collect(),
    }
}

fn count(steps: &mut usize) -> Result<()> {
    *steps = steps.checked_sub(1).ok_or_else(|| {
        Error::invalid(format!(
            "all rules together ran more than {MOST_STEPS} operations"
        ))
    })?;
    Ok(())
}

fn name_of(rule: &InspectionRule) -> &str {
    rule.description.as_deref().unwrap_or(&rule.uuid)
}

/// Text of an argument; what is no text is written as JSON.
fn text(args: &JsonObject, name: &str) -> String {
    args.get(name).map(fields::written).unwrap_or_default()
}

fn flag(args: &JsonObject, name: &str) -> bool {
    args.get(name).is_some_and(conditions::is_true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn object(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    fn subject() -> Subject {
        Subject {
            node: Node {
                uuid: "n".to_owned(),
                name: Some("rack-1".to_owned()),
                driver_info: object(json!({"bmc_password": "hush"})),
                properties: object(json!({"capabilities": "a:1,b:2"})),
                traits: vec!["CUSTOM_OLD".to_owned()],
                ..Node::default()
            },
            ports: vec![Port {
                uuid: "p".to_owned(),
                address: "52:54:00:aa:00:01".to_owned(),
                ..Port::default()
            }],
            inventory: object(json!({
                "memory": {"physical_mb": 4096}, "bmc_address": "192.0.2.9",
                "system_vendor": {"manufacturer": "Dell Inc."},
                "interfaces": [{"mac_address": "52:54:00:aa:00:01"}],
            })),
            plugin_data: object(json!({"tags": ["a"]})),
        }
    }

    fn rule(conditions: Value, actions: Value) -> InspectionRule {
        InspectionRule {
            description: Some("the rule".to_owned()),
            conditions: conditions.as_array().unwrap().clone(),
            actions: actions.as_array().unwrap().clone(),
            ..InspectionRule::default()
        }
    }

    fn applied(conditions: Value, actions: Value) -> Result<Subject> {
        let mut subject = subject();
        apply(&[rule(conditions, actions)], &mut subject)?;
        Ok(subject)
    }

    fn matched(condition: Value) -> bool {
        let mark = json!([{"op": "set-attribute", "args": ["/extra/hit", true]}]);
        let subject = applied(json!([condition]), mark).unwrap();
        subject.node.extra.contains_key("hit")
    }

    #[test]
    fn conditions_compare_what_was_found() {
        for (condition, expected) in [
            (
                json!({"op": "eq", "args": {"values": ["{inventory[memory][physical_mb]}", 4096]}}),
                true,
            ),
            (
                json!({"op": "eq", "args": ["{node.name}", "rack-1", "rack-1"]}),
                true,
            ),
            (
                json!({"op": "!eq", "args": ["{node.name}", "rack-2"]}),
                true,
            ),
            (
                json!({"op": "lt", "args": [1, "{inventory[memory][physical_mb]}", 5000]}),
                true,
            ),
            (
                json!({"op": "gt", "args": ["{inventory[memory][physical_mb]}", 5000]}),
                false,
            ),
            (
                json!({"op": "contains", "args": ["{inventory[system_vendor][manufacturer]}", "(?i)dell"]}),
                true,
            ),
            (
                json!({"op": "matches", "args": ["{inventory[system_vendor][manufacturer]}", "Dell"]}),
                false,
            ),
            (
                json!({"op": "matches", "args": ["{inventory[system_vendor][manufacturer]}", "Dell.*"]}),
                true,
            ),
            (
                json!({"op": "in-net", "args": ["{inventory[bmc_address]}", "192.0.2.0/24"]}),
                true,
            ),
            (
                json!({"op": "in-net", "args": ["{inventory[bmc_address]}", "198.51.100.0/24"]}),
                false,
            ),
            (json!({"op": "one-of", "args": [2, [1, 2]]}), true),
            (json!({"op": "is-none", "args": [null]}), true),
            (json!({"op": "is-empty", "args": [[]]}), true),
            (json!({"op": "is-true", "args": ["Yes"]}), true),
            (json!({"op": "is-false", "args": [0]}), true),
            (
                json!({"op": "eq", "args": ["{item}", "b"], "loop": ["a", "b"]}),
                true,
            ),
            (
                json!({"op": "eq", "args": ["{item}", "b"], "loop": ["a", "b"], "multiple": "all"}),
                false,
            ),
            (
                json!({"op": "eq", "args": ["{item[x]}", 1], "loop": [{"x": 1}, {"x": 2}], "multiple": "first"}),
                true,
            ),
            (
                json!({"op": "eq", "args": ["{item[x]}", 1], "loop": [{"x": 1}, {"x": 2}], "multiple": "last"}),
                false,
            ),
        ] {
            assert_eq!(matched(condition.clone()), expected, "{condition}");
        }
    }

    #[test]
    fn actions_change_node_ports_and_plugin_data() {
        let done = applied(
            json!([]),
            json!([
                {"op": "set-attribute", "args": {"path": "/properties/memory_mb", "value": "{inventory[memory][physical_mb]}"}},
                {"op": "set-attribute", "args": {"path": "extra.deep.er", "value": {"bmc": "{inventory[bmc_address]}"}}},
                {"op": "extend-attribute", "args": {"path": "/extra/list", "value": 1}},
                {"op": "extend-attribute", "args": {"path": "/extra/list", "value": 1, "unique": true}},
                {"op": "del-attribute", "args": {"path": "/extra/nothing"}},
                {"op": "set-capability", "args": ["b", "3"]},
                {"op": "set-capability", "args": ["c", "4"]},
                {"op": "unset-capability", "args": ["a"]},
                {"op": "add-trait", "args": ["{item}"], "loop": ["CUSTOM_NEW", "CUSTOM_NEW"]},
                {"op": "remove-trait", "args": ["CUSTOM_OLD"]},
                {"op": "set-plugin-data", "args": ["/a/b", 1]},
                {"op": "extend-plugin-data", "args": ["/tags", "b"]},
                {"op": "set-port-attribute", "args": ["52:54:00:AA:00:01", "/extra/slot", 1]},
                {"op": "set-port-attribute", "args": ["p", "/pxe_enabled", false]},
                {"op": "log", "args": {"msg": "{node.name}"}},
            ]),
        )
        .unwrap();
        assert_eq!(done.node.properties.get("memory_mb"), Some(&json!("4096")));
        assert_eq!(
            Value::Object(done.node.extra),
            json!({"deep": {"er": {"bmc": "192.0.2.9"}}, "list": [1]})
        );
        assert_eq!(
            done.node.properties.get("capabilities"),
            Some(&json!("b:3,c:4"))
        );
        assert_eq!(done.node.traits, ["CUSTOM_NEW"]);
        assert_eq!(
            Value::Object(done.plugin_data),
            json!({"tags": ["a", "b"], "a": {"b": 1}})
        );
        let port = done.ports.first().unwrap();
        assert_eq!(port.extra.get("slot"), Some(&json!(1)));
        assert!(!port.pxe_enabled);
    }

    #[test]
    fn secrets_are_not_to_be_had() {
        let copy = json!([{"op": "set-attribute", "args": ["/extra/a", "{node.driver_info[bmc_password]}"]}]);
        let done = applied(json!([]), copy).unwrap();
        assert_eq!(done.node.extra.get("a"), Some(&json!("******")));
        assert_eq!(
            done.node.driver_info.get("bmc_password"),
            Some(&json!("hush"))
        );
    }

    #[test]
    fn what_goes_wrong_names_the_rule() {
        for (action, word) in [
            (
                json!({"op": "fail", "args": ["no {inventory[bmc_address]}"]}),
                "no 192.0.2.9",
            ),
            (
                json!({"op": "set-attribute", "args": ["/provision_state", "active"]}),
                "provision_state",
            ),
            (
                json!({"op": "set-attribute", "args": ["/driver", "ipmi"]}),
                "driver",
            ),
            (
                json!({"op": "set-attribute", "args": ["/extra", 7]}),
                "type",
            ),
            (
                json!({"op": "extend-attribute", "args": ["/properties/capabilities", 7]}),
                "list",
            ),
            (json!({"op": "add-trait", "args": ["bogus"]}), "trait"),
            (
                json!({"op": "set-port-attribute", "args": ["q", "/extra/a", 1]}),
                "port",
            ),
            (
                json!({"op": "set-port-attribute", "args": ["p", "/address", "x"]}),
                "address",
            ),
        ] {
            let refused = applied(json!([]), json!([action])).err().unwrap();
            let said = refused.message();
            assert!(said.contains("the rule") && said.contains(word), "{said}");
        }
        let mut hidden = rule(json!([]), json!([{"op": "fail", "args": ["hush"]}]));
        hidden.sensitive = true;
        let refused = apply(&[hidden], &mut subject()).unwrap_err();
        assert!(!refused.message().contains("hush"));
    }

    #[test]
    fn rules_have_a_bound_together() {
        let many: Vec<Value> = vec![json!(1); 1000];
        let action = json!({"op": "log", "args": {"msg": "x", "level": "debug"}, "loop": many});
        let rules = vec![rule(json!([]), json!(vec![action; 100])); 2];
        let refused = apply(&rules, &mut subject()).unwrap_err();
        assert!(refused.message().contains("more than"), "{refused}");
    }
}
