//! The contract in `wit/` parses, says what every item means, and still takes what was built with every released one.
//!
//! `cargo xtask contract` runs this. `wit_component::semver_check` decides, world by world: types and signatures must be the same, a world may
//! import more and export less. `everything` is left out: it is the host's own, and exports more with every version.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use wit_component::semver_check;
use wit_parser::{Docs, PackageId, Resolve, Type, TypeDefKind, WorldId};

const HOST_WORLD: &str = "everything";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// All files of a folder as one, without the line that names the package.
fn text(folder: &Path) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no WIT", folder.display());
    files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            text.lines()
                .filter(|line| !line.starts_with("package "))
                .map(|line| format!("{line}\n"))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The folders of all released contracts. One whose name goes on after the version is a part of it.
fn released() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder().join("released"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

/// The newest of them.
fn newest() -> PathBuf {
    let version = |folder: &PathBuf| -> Option<Vec<u64>> {
        let name = folder.file_name()?.to_str()?;
        name.split('.').map(|part| part.parse().ok()).collect()
    };
    let whole = released()
        .into_iter()
        .filter(|folder| version(folder).is_some());
    whole.max_by_key(version).unwrap()
}

/// Adds a contract. Versions only tell the two apart; `semver_check` doesn't look at them.
fn push(resolve: &mut Resolve, version: &str, text: &str) -> PackageId {
    let text = format!("package ironbark:driver@{version};\n{text}");
    resolve
        .push_str("contract.wit", &text)
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// Whether components that were built with `old` run on a host with `new`.
fn check(old: &str, new: &str) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let (old, new) = (
        push(&mut resolve, "0.0.1", old),
        push(&mut resolve, "0.0.2", new),
    );
    check_packages(&resolve, old, new)
}

fn check_packages(resolve: &Resolve, old: PackageId, new: PackageId) -> Result<(), String> {
    let worlds: Vec<(String, WorldId)> = resolve.packages[old]
        .worlds
        .iter()
        .filter(|(name, _)| *name != HOST_WORLD)
        .map(|(name, world)| (name.clone(), *world))
        .collect();
    for (name, before) in worlds {
        let after = resolve.packages[new].worlds.get(&name).copied();
        let after = after.ok_or_else(|| format!("the world {name} is gone"))?;
        semver_check(resolve.clone(), before, after)
            .map_err(|error| format!("the world {name}: {error:#}"))?;
    }
    Ok(())
}

#[test]
fn what_was_built_with_a_released_contract_still_runs() {
    let now = text(&folder());
    for old in released() {
        if let Err(reason) = check(&text(&old), &now) {
            panic!("{} is broken by wit/: {reason}", old.display());
        }
    }
}

#[test]
fn the_newest_released_contract_has_every_interface() {
    let mut resolve = Resolve::default();
    let (released, now) = (text(&newest()), text(&folder()));
    let (released, now) = (
        push(&mut resolve, "0.0.1", &released),
        push(&mut resolve, "0.0.2", &now),
    );
    let names = |package: PackageId| resolve.packages[package].interfaces.keys();
    let missing: Vec<&String> = names(now)
        .filter(|name| !resolve.packages[released].interfaces.contains_key(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} aren't in {}: release a contract that has them, as a new folder",
        newest().display()
    );
    // And each is in a world that is checked, or nothing would be.
    for name in names(released) {
        let mut broken = resolve.clone();
        let interface = broken.packages[now].interfaces[name];
        let functions = &mut broken.interfaces[interface].functions;
        let is_plain = |name: &str| !name.starts_with("[constructor]");
        let Some(function) = functions
            .values_mut()
            .find(|function| is_plain(&function.name))
        else {
            assert_eq!(name, "types", "an interface without functions");
            continue;
        };
        function.result = match function.result {
            Some(Type::Char) => None,
            _ => Some(Type::Char),
        };
        assert!(
            check_packages(&broken, released, now).is_err(),
            "a function of {name} that returns something else is not noticed"
        );
    }
    assert_eq!(check_packages(&resolve, released, now), Ok(()));
}

#[test]
fn the_contract_may_grow_where_it_is_said_to() {
    let now = text(&folder());
    let grown = now
        .replace(
            "interface clock {",
            "interface clock {\n    time-zone: func() -> string;\n",
        )
        .replace("import clock;", "import clock;\n import later;")
        + "interface later { f: func(); }\ninterface management-later { g: func(); }\nworld later-driver { include imports; export management-later; }\n";
    assert_ne!(grown, now);
    assert_eq!(check(&now, &grown), Ok(()));
}

#[test]
fn what_would_break_drivers_is_noticed() {
    let now = text(&folder());
    for (what, from, to) in [
        (
            "a field more in a record",
            "completion-code: u8,",
            "completion-code: u8, lun: u8,",
        ),
        (
            "a case more in a variant",
            "protocol(string),",
            "protocol(string), later(string),",
        ),
        (
            "another parameter",
            "start-console: func()",
            "start-console: func(force: bool)",
        ),
        (
            "an export that grows",
            "start-console: func()",
            "pause-console: func(); start-console: func()",
        ),
        (
            "an import that shrinks",
            "    withdraw-all: func() -> result<_, error>;",
            "",
        ),
        ("a world that is gone", "world raid-driver", "world raids"),
    ] {
        let changed = now.replace(from, to);
        assert_ne!(changed, now, "{what}");
        assert!(check(&now, &changed).is_err(), "{what} is not noticed");
    }
}

#[test]
fn every_item_says_what_it_means() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(folder()).unwrap();
    let mut silent = Vec::new();
    let mut look = |name: String, docs: &Docs| {
        if docs
            .contents
            .as_ref()
            .is_none_or(|text| text.trim().is_empty())
        {
            silent.push(name);
        }
    };
    for (name, world) in &resolve.packages[package].worlds {
        look(name.clone(), &resolve.worlds[*world].docs);
    }
    for (name, interface) in &resolve.packages[package].interfaces {
        let interface = &resolve.interfaces[*interface];
        look(name.clone(), &interface.docs);
        for (function, item) in &interface.functions {
            // Of a resource, what the language makes itself has no place for words.
            if !function.starts_with("[resource-drop]") {
                look(format!("{name}.{function}"), &item.docs);
            }
        }
        for (type_name, id) in &interface.types {
            let item = &resolve.types[*id];
            match &item.kind {
                // Names that `use` brings in.
                TypeDefKind::Type(_) => continue,
                TypeDefKind::Record(record) => {
                    for field in &record.fields {
                        look(format!("{name}.{type_name}.{}", field.name), &field.docs);
                    }
                }
                TypeDefKind::Variant(variant) => {
                    for case in &variant.cases {
                        look(format!("{name}.{type_name}.{}", case.name), &case.docs);
                    }
                }
                TypeDefKind::Enum(all) => {
                    for case in &all.cases {
                        look(format!("{name}.{type_name}.{}", case.name), &case.docs);
                    }
                }
                _ => {}
            }
            look(format!("{name}.{type_name}"), &item.docs);
        }
    }
    assert!(silent.is_empty(), "not documented: {silent:?}");
}
