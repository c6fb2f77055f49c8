//! Steps that are done as soon as they begin.

use ironbark_driver::{Error, Outcome, Result, Step, Steps, log};
use serde_json::{Map, Value};

pub(crate) struct FakeSteps;

impl Steps for FakeSteps {
    fn execute_step(&self, step: &Step, _cursor: Option<&str>) -> Result<Outcome> {
        check(step)?;
        log::info(format_args!(
            "pretending to run {}.{}",
            step.interface, step.name
        ));
        Ok(Outcome::Done)
    }
}

fn check(step: &Step) -> Result<()> {
    let args = step.read_args::<Map<String, Value>>()?;
    match (step.interface.as_str(), step.name.as_str()) {
        ("deploy", "erase_devices" | "erase_devices_metadata")
        | ("vendor", "log_passthrough")
        | ("management", "verify_bmc_clock")
        | ("bios", "factory_reset")
        | ("raid", "create_configuration" | "delete_configuration") => Ok(()),
        ("raid", "apply_configuration") => require(&args, "raid_config", Value::is_object),
        ("bios", "apply_configuration") | ("firmware", "update") => {
            require(&args, "settings", Value::is_array)
        }
        _ => step.unknown(),
    }
}

fn require(args: &Map<String, Value>, name: &str, fits: fn(&Value) -> bool) -> Result<()> {
    match args.get(name) {
        None => Err(Error::missing_parameter(format!(
            "the argument '{name}' is missing"
        ))),
        Some(value) if fits(value) => Ok(()),
        Some(_) => Err(Error::invalid_parameter(format!(
            "the argument '{name}' has the wrong form"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use ironbark_driver::StepKind;

    use super::*;

    fn step(interface: &str, name: &str, args: &str) -> Step {
        Step {
            kind: StepKind::Clean,
            interface: interface.to_owned(),
            name: name.to_owned(),
            args: args.to_owned(),
        }
    }

    #[test]
    fn every_declared_step_is_known() {
        let metadata: Value = serde_json::from_str(include_str!("../driver.json")).unwrap();
        for entry in metadata["steps"].as_array().unwrap() {
            let (interface, name) = (
                entry["interface"].as_str().unwrap(),
                entry["step"].as_str().unwrap(),
            );
            if (interface, name) == ("deploy", "deploy") {
                continue;
            }
            let result = check(&step(
                interface,
                name,
                r#"{"settings": [], "raid_config": {}}"#,
            ));
            assert_eq!(result, Ok(()), "{interface}.{name}");
        }
    }

    #[test]
    fn arguments_are_looked_at() {
        assert!(matches!(
            check(&step("bios", "apply_configuration", "{}")),
            Err(Error::MissingParameter(_))
        ));
        assert!(matches!(
            check(&step("bios", "apply_configuration", r#"{"settings": 1}"#)),
            Err(Error::InvalidParameter(_))
        ));
        assert!(matches!(
            check(&step("power", "explode", "{}")),
            Err(Error::Unsupported(_))
        ));
    }
}
