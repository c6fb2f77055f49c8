use std::{cell::RefCell, rc::Rc};

use ironbark_driver::{Wait, WaitOn};

use super::*;
use crate::service::tests::Scripted;

const BIOS: &str = "/redfish/v1/Systems/1/Bios";
const RESET: &str = "POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

/// What a machine has, for a test to change.
#[derive(Clone)]
struct Machine(Rc<RefCell<Value>>);

impl Machine {
    fn new(power: &str) -> Self {
        Self(Rc::new(RefCell::new(json!({
            "/redfish/v1/Systems/1": {"PowerState": power, "Bios": {"@odata.id": BIOS}},
            BIOS: {
                "Attributes": {"Turbo": "On", "Cores": 8, "Sriov": true},
                "@Redfish.Settings": {"SettingsObject": {"@odata.id": format!("{BIOS}/SD")}, "SupportedApplyTimes": ["OnReset"]},
            },
        }))))
    }

    fn service(&self) -> Scripted {
        let machine = self.clone();
        Scripted::new(move |method, path, _| match method {
            "GET" => match machine.0.borrow().get(path) {
                Some(found) => (200, found.clone()),
                None => (404, json!({})),
            },
            _ => (204, Value::Null),
        })
    }

    fn set(&self, path: &str, pointer: &str, value: Value) {
        let mut machine = self.0.borrow_mut();
        *machine[path].pointer_mut(pointer).unwrap() = value;
    }
}

fn change(name: &str, value: BiosValue) -> BiosChange {
    BiosChange {
        name: name.to_owned(),
        value,
    }
}

fn cores(number: i64) -> Vec<BiosChange> {
    vec![change("Cores", BiosValue::Integer(number))]
}

/// The cursor of an outcome that waits.
fn waits(outcome: &Outcome) -> Restarting {
    match outcome {
        Outcome::Wait(Wait {
            on: WaitOn::PollAfter(_),
            cursor,
            ..
        }) => serde_json::from_str(cursor).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn settings_are_sent_the_machine_restarts_and_is_looked_at() {
    let machine = Machine::new("On");
    let service = machine.service();
    let outcome = apply(&service, &cores(16), None, Reset::Cycle).unwrap();
    let sent = json!({"Attributes": {"Cores": 16}, "@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"}});
    assert_eq!(
        service.changes(),
        [
            (format!("PATCH {BIOS}/SD"), sent),
            (RESET.to_owned(), json!({"ResetType": "PowerCycle"})),
        ]
    );
    let step = waits(&outcome);
    assert!(!step.was_off);

    let service = machine.service();
    let outcome = apply(&service, &cores(16), Some(step), Reset::Cycle).unwrap();
    let step = waits(&outcome);
    assert_eq!(step.polls, 1);
    machine.set(BIOS, "/Attributes/Cores", json!(16));
    let outcome = apply(&service, &cores(16), Some(step), Reset::Cycle).unwrap();
    assert!(matches!(outcome, Outcome::Done));
    assert!(service.changes().is_empty(), "it was sent again");
}

#[test]
fn what_is_so_already_needs_no_restart() {
    let service = Machine::new("On").service();
    let changes = [
        change("Cores", BiosValue::Text("8".to_owned())),
        change("Sriov", BiosValue::Text("True".to_owned())),
        change("Turbo", BiosValue::Text("On".to_owned())),
    ];
    let outcome = apply(&service, &changes, None, Reset::Cycle).unwrap();
    assert!(matches!(outcome, Outcome::Done));
    assert!(service.changes().is_empty());
}

#[test]
fn a_machine_that_was_off_is_off_again() {
    let machine = Machine::new("Off");
    let service = machine.service();
    let outcome = apply(&service, &cores(16), None, Reset::Cycle).unwrap();
    assert_eq!(service.changes()[1].1, json!({"ResetType": "On"}));
    let step = waits(&outcome);
    assert!(step.was_off);
    machine.set(BIOS, "/Attributes/Cores", json!(16));
    machine.set("/redfish/v1/Systems/1", "/PowerState", json!("On"));
    let service = machine.service();
    let outcome = apply(&service, &cores(16), Some(step), Reset::Cycle).unwrap();
    assert!(matches!(outcome, Outcome::Done));
    assert_eq!(
        service.changes(),
        [(RESET.to_owned(), json!({"ResetType": "ForceOff"}))]
    );
}

#[test]
fn names_that_the_machine_does_not_have_change_nothing() {
    let service = Machine::new("On").service();
    let changes = [
        change("Cores", BiosValue::Integer(4)),
        change("Warp", BiosValue::Boolean(true)),
    ];
    let error = apply(&service, &changes, None, Reset::Cycle).unwrap_err();
    assert!(matches!(&error, Error::InvalidParameter(text) if text.contains("Warp")));
    assert!(service.changes().is_empty());
}

#[test]
fn a_machine_that_does_not_take_them_fails_by_name_and_in_time() {
    let machine = Machine::new("On");
    let step = Restarting {
        polls: MOST_POLLS,
        was_off: false,
        last_result: None,
    };
    let service = machine.service();
    let error = apply(&service, &cores(16), Some(step.clone()), Reset::Cycle).unwrap_err();
    assert!(error.message().contains("Cores"), "{error:?}");

    let settings =
        json!({"Time": "now", "Messages": [{"Severity": "Critical", "Message": "too many cores"}]});
    machine.set(BIOS, "/@Redfish.Settings", settings);
    let step = Restarting { polls: 1, ..step };
    let error = apply(&service, &cores(16), Some(step.clone()), Reset::Cycle).unwrap_err();
    assert!(error.message().contains("too many cores"), "{error:?}");
    // What it said of an earlier change says nothing of this one.
    let old = Restarting {
        last_result: Some("now".to_owned()),
        ..step
    };
    assert!(apply(&service, &cores(16), Some(old), Reset::Cycle).is_ok());
}

#[test]
fn a_factory_reset_ends_when_nothing_is_left_for_the_next_start() {
    let machine = Machine::new("On");
    let service = machine.service();
    let outcome = factory_reset(&service, None, Reset::Restart).unwrap();
    assert_eq!(
        service.changes()[0].0,
        format!("POST {BIOS}/Actions/Bios.ResetBios")
    );
    assert_eq!(service.changes()[1].1, json!({"ResetType": "ForceRestart"}));
    let step = waits(&outcome);

    machine.0.borrow_mut()[format!("{BIOS}/SD")] = json!({"Attributes": {"Cores": 4}});
    let step = waits(&factory_reset(&service, Some(step), Reset::Restart).unwrap());
    let step = waits(&factory_reset(&service, Some(step), Reset::Restart).unwrap());
    machine.set(BIOS, "/Attributes/Cores", json!(4));
    let outcome = factory_reset(&service, Some(step), Reset::Restart).unwrap();
    assert!(matches!(outcome, Outcome::Done));
}

#[test]
fn settings_are_read() {
    let read = settings(&Machine::new("On").service()).unwrap();
    let names: Vec<&str> = read.iter().map(|setting| setting.name.as_str()).collect();
    assert_eq!(names.len(), 3);
    assert!(names.contains(&"Turbo"));
    let none = Scripted::with(json!({"/redfish/v1/Systems/1": {}}));
    assert!(matches!(settings(&none), Err(Error::Unsupported(_))));
}
