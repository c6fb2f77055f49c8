//! Deploy templates in a deployment: pure.

use ironbark_model::step::ReservedStep;
use ironbark_model::{DeployTemplate, Error, JsonObject, Result, Step};
use serde_json::Value;

/// What the operator asked for, and the templates' steps that the operator didn't name.
///
/// # Errors
/// `InvalidParameter` if two templates say different things about a step.
pub(crate) fn with_templates(
    wanted: Vec<JsonObject>,
    templates: &[DeployTemplate],
) -> Result<Vec<JsonObject>> {
    let operators = wanted.len();
    let mut all = wanted;
    let mut owners: Vec<&str> = Vec::new();
    for template in templates {
        for step in &template.steps {
            let repeatable = reserved(step).is_some();
            let same = all
                .iter()
                .position(|other| !repeatable && names(other) == names(step));
            match same {
                None => {
                    all.push(step.clone());
                    owners.push(&template.name);
                }
                Some(index) => {
                    if let Some(other) = index
                        .checked_sub(operators)
                        .and_then(|index| owners.get(index))
                    {
                        let (interface, name) = names(step);
                        return Err(Error::invalid(format!(
                            "The deploy templates {other} and {} both have the step {interface}.{name}: change one of them, \
                             or give the step in deploy_steps.",
                            template.name
                        )));
                    }
                }
            }
        }
    }
    Ok(all)
}

fn names(step: &JsonObject) -> (&str, &str) {
    let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
    (text("interface"), text("step"))
}

fn reserved(step: &JsonObject) -> Option<ReservedStep> {
    let step: Step = serde_json::from_value(Value::Object(step.clone())).ok()?;
    step.reserved()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn step(name: &str, priority: u32) -> JsonObject {
        let (interface, name) = name.split_once('.').unwrap();
        json!({"interface": interface, "step": name, "args": {}, "priority": priority})
            .as_object()
            .unwrap()
            .clone()
    }

    fn template(name: &str, steps: &[JsonObject]) -> DeployTemplate {
        DeployTemplate {
            name: name.to_owned(),
            steps: steps.to_vec(),
            ..DeployTemplate::default()
        }
    }

    #[test]
    fn the_operator_goes_before_templates() {
        let raid = template(
            "CUSTOM_RAID",
            &[step("raid.make", 90), step("bios.set", 80)],
        );
        let all = with_templates(vec![step("bios.set", 0)], &[raid]).unwrap();
        assert_eq!(all, [step("bios.set", 0), step("raid.make", 90)]);
    }

    #[test]
    fn templates_must_not_contradict_each_other() {
        let one = template("CUSTOM_A", &[step("bios.set", 80)]);
        let other = template("CUSTOM_B", &[step("bios.set", 70)]);
        let error = with_templates(Vec::new(), &[one.clone(), other.clone()]).unwrap_err();
        assert!(error.message().contains("CUSTOM_A") && error.message().contains("CUSTOM_B"));
        let settled = with_templates(vec![step("bios.set", 60)], &[one, other]).unwrap();
        assert_eq!(settled, [step("bios.set", 60)]);
    }

    #[test]
    fn reserved_steps_may_stand_several_times() {
        let one = template("CUSTOM_A", &[step("power.reboot", 80)]);
        let other = template("CUSTOM_B", &[step("power.reboot", 70)]);
        let all = with_templates(vec![step("power.reboot", 60)], &[one, other]).unwrap();
        assert_eq!(all.len(), 3);
    }
}
