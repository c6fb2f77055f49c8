//! Metadata and component say the same, or are refused; old packages may only declare what had no export.

#![allow(clippy::unwrap_used)]

use ironbark_package::{Contents, Disagreement, Metadata};
use serde_json::{Value, json};

fn metadata(more: &Value) -> Metadata {
    let mut document = json!({"name": "acme", "version": "1.0.0", "vendor": "Acme"});
    for (key, value) in more.as_object().unwrap() {
        document
            .as_object_mut()
            .unwrap()
            .insert(key.clone(), value.clone());
    }
    Metadata::parse(document.to_string().as_bytes()).unwrap()
}

fn component(exports: &[&str], imports: &[&str]) -> Contents {
    let full = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("ironbark:driver/{name}@0.1.0"))
            .collect()
    };
    Contents {
        metadata: Vec::new(),
        imports: full(imports),
        exports: full(exports),
    }
}

#[test]
fn what_is_declared_is_exported_and_the_reverse() {
    let both =
        metadata(&json!({"interfaces": {"power": [{"name": "a"}], "bios": [{"name": "a"}]}}));
    assert_eq!(
        both.check_complete(&component(&["power", "bios"], &["call", "types"])),
        Ok(())
    );
    assert_eq!(
        both.check_agreement(&component(&["bios"], &[])),
        Err(Disagreement::Missing("power"))
    );
    assert_eq!(
        both.check_agreement(&component(&["power", "bios", "raid"], &[])),
        Err(Disagreement::Undeclared("raid"))
    );
}

#[test]
fn old_packages_only_declare_and_new_ones_do_not() {
    let declared = metadata(&json!({
        "interfaces": {"bios": [{"name": "a"}]},
        "steps": [{"kind": "clean", "interface": "bios", "step": "factory_reset"}]
    }));
    let old = component(&["steps"], &[]);
    assert_eq!(declared.check_agreement(&old), Ok(()));
    assert_eq!(
        declared.check_complete(&old),
        Err(Disagreement::Missing("bios"))
    );
    // Its step must be run by something.
    assert_eq!(
        declared.check_agreement(&component(&[], &[])),
        Err(Disagreement::Missing("steps"))
    );
}

#[test]
fn steps_of_an_interfaces_own_need_no_steps_export() {
    let own = metadata(&json!({
        "interfaces": {"bios": [{"name": "a"}]},
        "steps": [{"kind": "clean", "interface": "bios", "step": "factory_reset"}]
    }));
    assert_eq!(own.check_complete(&component(&["bios"], &[])), Ok(()));
    let other = metadata(&json!({
        "interfaces": {"bios": [{"name": "a"}]},
        "steps": [{"kind": "clean", "interface": "bios", "step": "polish"}]
    }));
    assert_eq!(
        other.check_agreement(&component(&["bios"], &[])),
        Err(Disagreement::Missing("steps"))
    );
}

#[test]
fn what_is_imported_is_asked_for() {
    let asking =
        metadata(&json!({"capabilities": ["agent", {"name": "ssh", "templates": ["on"]}]}));
    assert_eq!(
        asking.check_agreement(&component(&[], &["agent", "ssh", "call", "log"])),
        Ok(())
    );
    for import in ["redfish", "boot-media", "ipmi", "state"] {
        assert_eq!(
            asking.check_agreement(&component(&[], &[import])),
            Err(Disagreement::OverReach(import.to_owned()))
        );
    }
}
