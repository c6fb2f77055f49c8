use std::cell::Cell;

use super::*;
use crate::service::tests::{Scripted, refusal};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const CHANGE: &str = "PATCH /redfish/v1/Systems/1";

fn kept(service: &Scripted) -> Option<String> {
    service.note(KEPT_DEVICE).unwrap()
}

fn machine(boot: Value) -> Scripted {
    Scripted::with(json!({ SYSTEM: {"Manufacturer": "Acme", "Boot": boot} }))
}

/// A machine that takes devices for the next boot only.
fn forgetful() -> Scripted {
    Scripted::new(|method, _, body| match method {
        "GET" => (
            200,
            json!({"Boot": {"BootSourceOverrideEnabled": "Disabled"}}),
        ),
        _ if body.is_some_and(|body| body.to_string().contains("Continuous")) => {
            (400, refusal("PropertyValueNotInList"))
        }
        _ => (204, Value::Null),
    })
}

#[test]
fn only_what_the_machine_knows_is_offered() {
    let service = machine(json!({
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "Usb"],
        "BootSourceOverrideMode@Redfish.AllowableValues": ["UEFI"],
    }));
    let system = System::read(&service).unwrap();
    assert_eq!(devices(&system), ["pxe", "disk"]);
    assert_eq!(modes(&system), ["uefi"]);
    let error = set_device(&service, "cdrom", false).unwrap_err();
    assert!(error.message().contains("pxe, disk"), "{error:?}");
    assert!(set_mode(&service, "bios").is_err());
    assert!(service.changes().is_empty());
    let silent = System::read(&machine(json!({}))).unwrap();
    assert_eq!(devices(&silent).len(), DEVICES.len());
}

#[test]
fn a_device_is_set_for_once_or_for_good() {
    for (persistent, enabled) in [(false, "Once"), (true, "Continuous")] {
        let service = machine(json!({"BootSourceOverrideEnabled": "Disabled"}));
        service.set_note(KEPT_DEVICE, Some("disk")).unwrap();
        set_device(&service, "pxe", persistent).unwrap();
        let body = json!({"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": enabled}});
        assert_eq!(service.changes(), [(CHANGE.to_owned(), body)]);
        // A device for one boot leaves the one for all others as it is.
        assert_eq!(kept(&service).is_some(), !persistent);
    }
}

#[test]
fn what_is_set_already_is_not_sent_but_to_makers_that_need_it() {
    let boot = json!({"BootSourceOverrideEnabled": "Once", "BootSourceOverrideMode": "UEFI"});
    for (maker, expected) in [
        ("Acme", json!({"BootSourceOverrideTarget": "Cd"})),
        (
            "Supermicro",
            json!({"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}),
        ),
        (
            "ASRockRack",
            json!({"BootSourceOverrideTarget": "Cd", "BootSourceOverrideMode": "UEFI"}),
        ),
    ] {
        let service = Scripted::with(json!({ SYSTEM: {"Manufacturer": maker, "Boot": boot} }));
        set_device(&service, "cdrom", false).unwrap();
        assert_eq!(
            service.changes(),
            [(CHANGE.to_owned(), json!({"Boot": expected}))],
            "{maker}"
        );
    }
}

#[test]
fn a_machine_that_forgets_is_told_before_each_start() {
    let service = forgetful();
    set_device(&service, "disk", true).unwrap();
    assert_eq!(kept(&service).as_deref(), Some("disk"));
    let seen = device(&service).unwrap();
    assert_eq!(
        (seen.device.as_deref(), seen.persistent),
        (Some("disk"), Some(true))
    );
    let before = service.changes().len();
    before_start(&service, &System::read(&service).unwrap()).unwrap();
    let body =
        json!({"Boot": {"BootSourceOverrideTarget": "Hdd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(service.changes()[before..], [(CHANGE.to_owned(), body)]);

    // The next boot is meant to be from another device.
    let once =
        machine(json!({"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"}));
    once.set_note(KEPT_DEVICE, Some("disk")).unwrap();
    before_start(&once, &System::read(&once).unwrap()).unwrap();
    assert!(once.changes().is_empty());
    let seen = device(&once).unwrap();
    assert_eq!(
        (seen.device.as_deref(), seen.persistent),
        (Some("pxe"), Some(false))
    );
}

#[test]
fn an_error_that_is_none_of_the_value_is_no_reason_to_remember() {
    let service = Scripted::new(|method, _, _| match method {
        "GET" => (200, json!({})),
        _ => (500, json!({})),
    });
    assert!(set_device(&service, "disk", true).is_err());
    assert_eq!(kept(&service), None);
    assert_eq!(service.changes().len(), 1);
}

#[test]
fn a_machine_that_starts_is_asked_again_and_in_the_end_busy() {
    let refusals = Cell::new(2);
    let service = Scripted::new(move |method, _, _| match method {
        "GET" => (200, json!({})),
        _ if refusals.get() == 0 => (204, Value::Null),
        _ => {
            refusals.set(refusals.get() - 1);
            (400, refusal("UnableToModifyDuringSystemPOST"))
        }
    });
    set_mode(&service, "uefi").unwrap();
    assert_eq!(service.changes().len(), 3);

    let never = Scripted::new(|method, _, _| match method {
        "GET" => (200, json!({})),
        _ => (400, refusal("UnableToModifyDuringSystemPOST")),
    });
    let error = set_device(&never, "pxe", true).unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error:?}");
    assert!(never.left.get() >= RESERVE);
}

#[test]
fn changes_go_where_the_machine_wants_them() {
    let service = Scripted::new(|method, path, _| match (method, path) {
        ("GET", _) => (
            200,
            json!({"@Redfish.Settings": {"SettingsObject": {"@odata.id": "/redfish/v1/Systems/1/Settings"}}}),
        ),
        (_, SYSTEM) => (405, json!({})),
        _ => (204, Value::Null),
    });
    set_mode(&service, "bios").unwrap();
    let (path, body) = service.changes().pop().unwrap();
    assert_eq!(path, "PATCH /redfish/v1/Systems/1/Settings");
    assert_eq!(body, json!({"Boot": {"BootSourceOverrideMode": "Legacy"}}));
}

#[test]
fn the_mode_has_a_name() {
    for (set, expected) in [
        ("UEFI", Some("uefi")),
        ("Legacy", Some("bios")),
        ("X", None),
    ] {
        let service = machine(json!({"BootSourceOverrideMode": set}));
        let found = mode(&System::read(&service).unwrap());
        assert_eq!(found.as_deref(), expected);
    }
}
