//! `ComputerSystem.Reset`: which kind of reset does what is wanted, and what a refusal means.

use std::time::Duration;

use ironbark_driver::{Error, Result, redfish::Method};
use serde_json::{Value, json};

use crate::{
    resource::{at, text_at, texts},
    service::{Service, says, success},
    system::System,
};

const ACTION: &str = "Actions/#ComputerSystem.Reset";
/// How often a machine is switched on that can't be yet, and the pause between.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_secs(10);
/// What is left of a call when it isn't tried any more.
const RESERVE: Duration = Duration::from_secs(16);

/// What a machine shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    On,
    Off,
    SoftOff,
    /// Without losing power.
    Restart,
    /// With losing power, if the machine can do that by itself.
    Cycle,
    SoftRestart,
    Interrupt,
}

impl Reset {
    /// Kinds that do it, the best first.
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::On => &["On", "ForceOn", "PushPowerButton"],
            Self::Off => &["ForceOff"],
            Self::SoftOff => &["GracefulShutdown", "PushPowerButton"],
            Self::Restart => &["ForceRestart", "PowerCycle"],
            Self::Cycle => &["PowerCycle", "ForceRestart"],
            Self::SoftRestart => &["GracefulRestart"],
            Self::Interrupt => &["Nmi"],
        }
    }

    /// What the power is afterwards, if that says that it was done.
    fn leads_to(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off | Self::SoftOff => Some(false),
            _ => None,
        }
    }
}

/// Asks the machine to do it. Nothing is sent if it is there already.
///
/// # Errors
/// `unsupported` if the machine can't, `busy` if it can't now, or what the service says.
pub(crate) fn reset(service: &impl Service, system: &System, wanted: Reset) -> Result<()> {
    let is_there = |system: &System| wanted.leads_to().is_some_and(|on| system.is_settled(on));
    if is_there(system) {
        return Ok(());
    }
    let kind = kind(service, system, wanted)?;
    let target = text_at(&system.resource, &format!("{ACTION}/target")).map_or_else(
        || format!("{}/Actions/ComputerSystem.Reset", system.path),
        str::to_owned,
    );
    for attempt in 1.. {
        let answer = service.request(Method::Post, &target, Some(&json!({"ResetType": kind})))?;
        if answer.is_success() {
            return Ok(());
        }
        // It may be there by itself, or by somebody else, or be on its way: then it has no use for the request.
        let refused = matches!(answer.status, 400 | 409);
        if refused && is_there(&System::read(service)?) {
            return Ok(());
        }
        let not_yet = answer.status == 409
            && wanted == Reset::On
            && says(&answer, "ActionParameterValueConflict");
        if !not_yet {
            return success(answer).map(drop);
        }
        if attempt >= ATTEMPTS || service.time_left() < PAUSE + RESERVE {
            return Err(Error::busy(answer.message(), Some(30)));
        }
        service.pause(PAUSE);
    }
    Err(Error::failed("the machine did not take the reset"))
}

/// The best kind that the machine has.
fn kind(service: &impl Service, system: &System, wanted: Reset) -> Result<&'static str> {
    let (best, others) = wanted.kinds().split_first().unwrap_or((&"", &[]));
    let Some(allowed) = allowed(service, system)? else {
        return Ok(best);
    };
    std::iter::once(best)
        .chain(others)
        .find(|kind| allowed.iter().any(|known| known == **kind))
        .copied()
        .ok_or_else(|| {
            Error::unsupported(format!(
                "the machine can't do that: of the resets {} it has none",
                wanted.kinds().join(", ")
            ))
        })
}

/// The kinds that the machine has: as the action lists them, or its `ActionInfo` (DSP0266 §8.4). `None` if it doesn't say.
fn allowed(service: &impl Service, system: &System) -> Result<Option<Vec<String>>> {
    let listed = format!("{ACTION}/ResetType@Redfish.AllowableValues");
    if let Some(values) = texts(&system.resource, &listed) {
        return Ok(Some(values).filter(|values| !values.is_empty()));
    }
    let Some(info) = text_at(&system.resource, &format!("{ACTION}/@Redfish.ActionInfo")) else {
        return Ok(None);
    };
    let info = service.find(info)?.unwrap_or_default();
    let parameters = at(&info, "Parameters").and_then(Value::as_array);
    let parameter = parameters
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .find(|parameter| text_at(parameter, "Name") == Some("ResetType"));
    Ok(parameter
        .and_then(|parameter| texts(parameter, "AllowableValues"))
        .filter(|values| !values.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::service::tests::{Scripted, refusal};

    const TARGET: &str = "POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

    fn machine(power: &str, kinds: Value) -> Value {
        json!({"PowerState": power, "Actions": {"#ComputerSystem.Reset": {
            "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
            "ResetType@Redfish.AllowableValues": kinds,
        }}})
    }

    fn sent(power: &str, kinds: Value, wanted: Reset) -> Result<Vec<(String, Value)>> {
        let service = Scripted::with(json!({"/redfish/v1/Systems/1": machine(power, kinds)}));
        reset(&service, &System::read(&service)?, wanted)?;
        Ok(service.changes())
    }

    fn one(kind: &str) -> Vec<(String, Value)> {
        vec![(TARGET.to_owned(), json!({"ResetType": kind}))]
    }

    #[test]
    fn the_best_kind_that_the_machine_has_is_sent() {
        let all = || {
            json!([
                "On",
                "ForceOff",
                "GracefulShutdown",
                "ForceRestart",
                "PowerCycle",
                "Nmi"
            ])
        };
        for (power, wanted, kind) in [
            ("Off", Reset::On, "On"),
            ("On", Reset::Off, "ForceOff"),
            ("On", Reset::SoftOff, "GracefulShutdown"),
            ("On", Reset::Restart, "ForceRestart"),
            ("On", Reset::Cycle, "PowerCycle"),
            ("On", Reset::Interrupt, "Nmi"),
        ] {
            assert_eq!(sent(power, all(), wanted), Ok(one(kind)));
        }
        let other = json!(["ForceOn", "PushPowerButton", "ForceRestart"]);
        assert_eq!(sent("Off", other.clone(), Reset::On), Ok(one("ForceOn")));
        assert_eq!(
            sent("On", other.clone(), Reset::SoftOff),
            Ok(one("PushPowerButton"))
        );
        assert_eq!(
            sent("On", other.clone(), Reset::Cycle),
            Ok(one("ForceRestart"))
        );
        // A button doesn't switch off at once.
        let error = sent("On", other.clone(), Reset::Off).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
        assert!(sent("On", other, Reset::Interrupt).is_err());
        // Who doesn't say has them all.
        assert_eq!(sent("On", json!(null), Reset::Off), Ok(one("ForceOff")));
    }

    #[test]
    fn kinds_may_stand_in_an_action_info() {
        let service = Scripted::with(json!({
            "/redfish/v1/Systems/1": {"PowerState": "Off", "Actions": {"#ComputerSystem.Reset": {
                "@Redfish.ActionInfo": "/redfish/v1/Systems/1/ResetActionInfo"}}},
            "/redfish/v1/Systems/1/ResetActionInfo": {"Parameters": [
                {"Name": "Other", "AllowableValues": ["On"]}, {"Name": "ResetType", "AllowableValues": ["ForceOn"]}]},
        }));
        reset(&service, &System::read(&service).unwrap(), Reset::On).unwrap();
        assert_eq!(service.changes(), one("ForceOn"));
    }

    #[test]
    fn who_is_there_already_is_left_alone() {
        assert_eq!(sent("On", json!(["On"]), Reset::On), Ok(Vec::new()));
        assert_eq!(sent("Off", json!(["ForceOff"]), Reset::Off), Ok(Vec::new()));
        // On its way down it isn't on any more, whoever asked for it.
        assert_eq!(sent("PoweringOff", json!(["On"]), Reset::On), Ok(one("On")));
    }

    #[test]
    fn a_refusal_is_no_error_if_the_machine_is_there() {
        let reads = Cell::new(0);
        let service = Scripted::new(move |method, _, _| match method {
            "GET" => {
                reads.set(reads.get() + 1);
                let power = if reads.get() > 1 { "Off" } else { "On" };
                (200, machine(power, json!(["ForceOff"])))
            }
            _ => (409, refusal("ActionParameterValueConflict")),
        });
        let system = System::read(&service).unwrap();
        assert_eq!(reset(&service, &system, Reset::Off), Ok(()));
    }

    #[test]
    fn switching_on_is_tried_again_while_the_machine_can_not_yet() {
        let refusals = Cell::new(2);
        let service = Scripted::new(move |method, _, _| match method {
            "GET" => (200, machine("Off", json!(["On"]))),
            _ if refusals.get() == 0 => (204, Value::Null),
            _ => {
                refusals.set(refusals.get() - 1);
                (409, refusal("ActionParameterValueConflict"))
            }
        });
        let system = System::read(&service).unwrap();
        assert_eq!(reset(&service, &system, Reset::On), Ok(()));
        assert_eq!(service.changes().len(), 3);

        let never = Scripted::new(|method, _, _| match method {
            "GET" => (200, machine("Off", json!(["On"]))),
            _ => (409, refusal("ActionParameterValueConflict")),
        });
        let error = reset(&never, &system, Reset::On).unwrap_err();
        assert!(matches!(error, Error::Busy(_)), "{error:?}");
        assert!(
            never.left.get() >= RESERVE,
            "it took more than the call has"
        );
    }

    #[test]
    fn another_refusal_is_told_in_the_services_words() {
        let service = Scripted::new(|method, _, _| match method {
            "GET" => (200, machine("On", json!(["ForceOff"]))),
            _ => (400, refusal("Nonsense")),
        });
        let system = System::read(&service).unwrap();
        let error = reset(&service, &system, Reset::Off).unwrap_err();
        assert!(error.message().contains("Nonsense"), "{error:?}");
    }
}
