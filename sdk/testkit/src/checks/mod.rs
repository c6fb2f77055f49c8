//! What every driver must keep. One file for each kind of promise; each check has a machine of its own.

mod interference;
mod management;
mod power;
mod steps;
mod unknown;
mod validation;
mod vendor;

use std::fmt::{Debug, Display};
use std::time::Duration;

use ironbark_drivers::Implementation;
use ironbark_sandbox::{CallError, DriverError};

use crate::kit::{Kit, KitError};
use crate::machine::Machine;
use crate::report::{Check, Report, Verdict};
use crate::simulated::Seen;

/// How long a simulated machine has to do what was accepted. It does so at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// Checks everything that can be checked of the package, and tells `each` what came out as it comes out.
pub async fn conformance(kit: &Kit, each: &mut (dyn FnMut(&Check) + Send)) -> Report {
    let mut suite = Suite {
        report: Report::default(),
        each,
    };
    validation::run(&mut suite, kit).await;
    power::run(&mut suite, kit).await;
    unknown::run(&mut suite, kit).await;
    interference::run(&mut suite, kit).await;
    management::run(&mut suite, kit).await;
    vendor::run(&mut suite, kit).await;
    steps::run(&mut suite, kit).await;
    suite.report
}

/// The report as it grows.
struct Suite<'a> {
    report: Report,
    each: &'a mut (dyn FnMut(&Check) + Send),
}

impl Suite<'_> {
    async fn check(
        &mut self,
        of: &Implementation,
        name: impl Into<String>,
        check: impl Future<Output = Checked>,
    ) {
        let check = Check {
            subject: format!("{}/{}", of.kind(), of.name()),
            name: name.into(),
            verdict: match check.await {
                Ok(()) => Verdict::Passed,
                Err(Stop::Failed(reason)) => Verdict::Failed(reason),
                Err(Stop::LeftOut(reason)) => Verdict::LeftOut(reason),
            },
        };
        (self.each)(&check);
        self.report.checks.push(check);
    }
}

/// Why a check doesn't pass.
enum Stop {
    Failed(String),
    LeftOut(String),
}

type Checked<T = ()> = Result<T, Stop>;

impl From<KitError> for Stop {
    fn from(error: KitError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What a call returned; an error of the driver's, or its end, fails the check.
fn returned<T>(call: impl Display, result: Result<T, CallError>) -> Checked<T> {
    result.map_err(|error| Stop::Failed(format!("{call}: {error}")))
}

/// The same, but for what the driver doesn't do at all.
fn returned_if_supported<T>(call: impl Display, result: Result<T, CallError>) -> Checked<T> {
    match result {
        Err(CallError::Driver(DriverError::Unsupported(reason))) => Err(Stop::LeftOut(reason)),
        other => returned(call, other),
    }
}

/// The error that a call had to return.
fn refused<T: Debug>(call: impl Display, result: Result<T, CallError>) -> Checked<DriverError> {
    match result {
        Err(CallError::Driver(error)) if error.to_string().trim().is_empty() => Err(Stop::Failed(
            format!("{call}: the error has no message, so the operator learns nothing"),
        )),
        Err(CallError::Driver(error)) => Ok(error),
        Err(broken) => Err(Stop::Failed(format!("{call}: {broken}"))),
        Ok(value) => Err(Stop::Failed(format!("{call} returned {value:?}"))),
    }
}

/// Waits until the machine is as it must be.
async fn reaches(machine: &Machine, what: &str, condition: impl Fn(&Seen) -> bool) -> Checked {
    if machine.simulated().reaches(PATIENCE, condition).await {
        Ok(())
    } else {
        Err(Stop::Failed(format!("the machine was never {what}")))
    }
}

/// Leaves a check out that needs a BMC to look at.
fn needs_bmc(kit: &Kit) -> Checked {
    if kit.uses_ipmi() || kit.uses_redfish() {
        Ok(())
    } else {
        Err(Stop::LeftOut(
            "the package asks for neither ipmi nor redfish, so no simulated BMC can show it"
                .to_owned(),
        ))
    }
}
