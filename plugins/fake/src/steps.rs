//! Steps that are done as soon as they begin. Those of BIOS, RAID and firmware are functions of these interfaces.

use ironbark_driver::{Outcome, Result, Step, Steps, log};

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
    match (step.interface.as_str(), step.name.as_str()) {
        ("deploy", "erase_devices" | "erase_devices_metadata")
        | ("vendor", "log_passthrough")
        | ("management", "verify_bmc_clock") => Ok(()),
        _ => step.unknown(),
    }
}

#[cfg(test)]
mod tests {
    use ironbark_driver::{Error, StepKind};
    use serde_json::Value;

    use super::*;

    fn step(interface: &str, name: &str) -> Step {
        Step {
            kind: StepKind::Clean,
            interface: interface.to_owned(),
            name: name.to_owned(),
            args: "{}".to_owned(),
        }
    }

    #[test]
    fn every_declared_step_that_is_no_function_is_known() {
        let metadata: Value = serde_json::from_str(include_str!("../driver.json")).unwrap();
        for entry in metadata["steps"].as_array().unwrap() {
            let (interface, name) = (
                entry["interface"].as_str().unwrap(),
                entry["step"].as_str().unwrap(),
            );
            let is_function = matches!(interface, "bios" | "raid" | "firmware")
                || (interface, name) == ("deploy", "deploy");
            if !is_function {
                assert_eq!(check(&step(interface, name)), Ok(()), "{interface}.{name}");
            }
        }
    }

    #[test]
    fn other_steps_are_unknown() {
        assert!(matches!(
            check(&step("power", "explode")),
            Err(Error::Unsupported(_))
        ));
    }
}
