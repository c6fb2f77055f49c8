//! The tables of gates and the tests that walk them: none is forgotten.

use std::collections::BTreeSet;
use std::path::Path;

/// The text of the Rust files of a folder below `src` whose names begin so, by name without ending.
fn sources(folder: &str, prefix: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(folder);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name.starts_with(prefix) && path.extension().is_some_and(|ending| ending == "rs") {
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// Tables and versions that some module of the gates says, as `module::NAME`.
fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for (module, text) in sources("gates", "") {
        for line in text.lines() {
            let Some(rest) = line
                .trim_start()
                .trim_start_matches("pub(crate) ")
                .strip_prefix("const ")
            else {
                continue;
            };
            let Some((name, kind)) = rest.split_once(": ") else {
                continue;
            };
            let is_gate = [
                "u16 ",
                "&[Attribute] ",
                "&[Filter] ",
                "&[(&str, u16)] ",
                "&[Verb] ",
                "&[(ProvisionState, u16)] ",
            ]
            .iter()
            .any(|gate| kind.starts_with(gate));
            if is_gate {
                let module = if module == "mod" { "gates" } else { &module };
                said.insert(format!("{module}::{name}"));
            }
        }
    }
    said
}

#[test]
fn every_table_and_every_version_is_walked_by_a_test() {
    // These are private, and walked by what reads them: `verb_since` and `verb_in_state_since`.
    const BY_OTHER_NAMES: &[(&str, &str)] = &[
        (
            "provision::CHECKED_AFTER_STATE",
            "provision::verb_in_state_since",
        ),
        ("provision::ABORT_IN", "provision::verb_in_state_since"),
    ];
    let said = said();
    for table in [
        "node::FIELDS",
        "ramdisk::HEARTBEAT",
        "gates::DETAIL_SINCE",
        "others::ROOT_LINKS",
    ] {
        assert!(said.contains(table), "{table} isn't seen: {said:?}");
    }
    let tests: String = sources("tests", "gates_")
        .into_iter()
        .chain(sources("tests", "gates"))
        .filter(|(name, _)| name != "gates_complete")
        .map(|(_, text)| text)
        .collect();
    let unwalked: Vec<&String> = said
        .iter()
        .filter(|name| {
            let other = BY_OTHER_NAMES.iter().find(|(known, _)| known == name);
            let wanted = other.map_or(name.as_str(), |(_, other)| *other);
            !names(&tests, wanted)
        })
        .collect();
    assert!(
        unwalked.is_empty(),
        "no test in tests/gates*.rs walks {unwalked:?}"
    );
}

/// Whether the text has this name, and not only a longer one.
fn names(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        !text[at + wanted.len()..]
            .starts_with(|next: char| next == '_' || next.is_ascii_alphanumeric())
    })
}

/// Handlers ask the tables: none of them knows a number of its own.
#[test]
fn no_handler_knows_a_version_by_its_number() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![folder.clone()];
    let mut found = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let is_other = ["tests", "gates"].iter().any(|name| path.ends_with(name));
                if !is_other {
                    folders.push(path);
                }
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // What is below it are tests of that file.
            let code = text.split("#[cfg(test)]").next().unwrap();
            for (number, line) in code.lines().enumerate() {
                let has_number = ["version.has(", "version.require(", "Version::new("]
                    .iter()
                    .filter_map(|call| line.split_once(call))
                    .any(|(_, rest)| rest.starts_with(|next: char| next.is_ascii_digit()));
                if has_number {
                    found.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:?}");
}
