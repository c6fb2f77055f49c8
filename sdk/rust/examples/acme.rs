//! The driver of docs/vendor-guide.md: a server that is switched over IPMI, and has an eco mode of its own.

use std::time::Duration;

use ironbark_driver::{
    Error, Outcome, Power, PowerState, PowerTarget, Request, Result, Step, Steps, Vendor, call,
    ipmi::{CHASSIS, Session},
    log, state,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The network function of Acme's own commands.
const ACME: u8 = 0x2e;

struct AcmePower;

impl Power for AcmePower {
    fn validate(&self) -> Result<()> {
        slot().map(drop)
    }

    fn get_power_state(&self) -> Result<PowerState> {
        let status = Session::open()?.request(CHASSIS, 0x01, &[])?;
        match status.first() {
            Some(flags) if flags & 1 == 1 => Ok(PowerState::On),
            Some(_) => Ok(PowerState::Off),
            None => Err(Error::protocol("the chassis status is empty")),
        }
    }

    fn set_power_state(&self, target: PowerTarget, _timeout: Option<u32>) -> Result<()> {
        let control = match target {
            PowerTarget::On => 1,
            PowerTarget::Off => 0,
            other => return Err(Error::unsupported(format!("no way to do {other:?}"))),
        };
        Session::open()?.request(CHASSIS, 0x02, &[control])?;
        Ok(())
    }
}

struct AcmeVendor;

#[derive(Deserialize)]
struct EcoMode {
    enabled: bool,
}

impl Vendor for AcmeVendor {
    fn validate(&self, request: &Request) -> Result<()> {
        request.read::<EcoMode>().map(drop)
    }

    fn call(&self, request: &Request) -> Result<Value> {
        let EcoMode { enabled } = request.read()?;
        Session::open()?.request(ACME, 0x10, &[slot()?, enabled.into()])?;
        state::set("eco_mode", &enabled)?;
        log::info(format_args!("eco mode: {enabled}"));
        Ok(json!({"enabled": enabled}))
    }
}

struct AcmeSteps;

impl Steps for AcmeSteps {
    /// Calibration takes some minutes: longer than a call may. So it is started once, and then looked at every 20 seconds.
    fn execute_step(&self, step: &Step, cursor: Option<&str>) -> Result<Outcome> {
        if step.name != "calibrate" {
            return step.unknown();
        }
        let bmc = Session::open()?;
        if cursor.is_none() {
            bmc.request(ACME, 0x11, &[slot()?, 1])?;
        }
        match bmc.request(ACME, 0x11, &[slot()?, 0])?.first() {
            Some(100) => Ok(Outcome::Done),
            Some(percent) => {
                let (again, give_up) = (Duration::from_secs(20), Duration::from_secs(900));
                Ok(Outcome::poll_after(again, give_up, "started")?
                    .saying(format!("calibrating, {percent} %")))
            }
            None => Err(Error::protocol("the progress of the calibration is empty")),
        }
    }
}

/// The slot that the operator wrote into the node's `driver_info`.
fn slot() -> Result<u8> {
    call::node()?.driver_info().require("acme_slot")
}

ironbark_driver::register! {
    metadata: "acme.json",
    power: { "acme" => AcmePower },
    vendor: { "acme" => AcmeVendor },
    steps: { "acme" => AcmeSteps },
}
