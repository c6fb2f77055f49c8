//! Snapshots: what was asked and answered, as a file of `snapshots/`, without what differs from run to run.
//!
//! A test with `IRONBARK_SNAPSHOTS=write` writes them anew; what changed is then looked at like any other change.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::harness::Answer;

/// Headers that stand in a snapshot, where they are there. That versions and request ids are on every answer is tested for all at
/// once.
const HEADERS: &[&str] = &[
    "allow",
    "cache-control",
    "content-type",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
    "x-openstack-ironic-api-version",
];

const EXTENSION: &str = "http";

/// What was asked and answered, as text.
pub(super) fn written(asked: &str, body: Option<&str>, answer: &Answer, shown: &str) -> String {
    let mut text = format!("{asked}\n");
    if let Some(body) = body {
        let _ = writeln!(text, "\n{}", pretty(body));
    }
    let _ = writeln!(text, "\n---\n\n{}", answer.status);
    for name in HEADERS {
        if let Some(value) = answer.header(name) {
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    if !shown.is_empty() {
        let _ = writeln!(text, "\n{}", pretty(shown));
    }
    masked(&text)
}

/// Compares with the file of this name, or writes it. Says what is different.
pub(super) fn compare(name: &str, text: &str) -> Result<(), String> {
    let file = folder().join(name).with_extension(EXTENSION);
    if std::env::var_os("IRONBARK_SNAPSHOTS").is_some_and(|what| what == "write") {
        std::fs::write(&file, text).unwrap();
        return Ok(());
    }
    let wanted = std::fs::read_to_string(&file)
        .map_err(|error| format!("{name}: there is no snapshot ({error})"))?;
    if wanted == text {
        return Ok(());
    }
    let line = wanted
        .lines()
        .zip(text.lines())
        .take_while(|(wanted, got)| wanted == got)
        .count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    Err(format!(
        "{name}, line {}: wanted {:?}, got {:?}\n{text}",
        line + 1,
        at(&wanted),
        at(text)
    ))
}

/// The names of all files.
pub(super) fn names() -> BTreeSet<String> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .inspect(|path| assert_eq!(path.extension().unwrap(), EXTENSION, "{}", path.display()))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tests/snapshots")
}

/// JSON with a line for each value; errors' inner JSON taken out. Anything else as it is.
fn pretty(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.trim_end().to_owned();
    };
    if let Some(inner) = value.get("error_message").and_then(Value::as_str) {
        value["error_message (JSON as text)"] = serde_json::from_str(inner).unwrap();
        value.as_object_mut().unwrap().remove("error_message");
    }
    serde_json::to_string_pretty(&value).unwrap()
}

/// Replaces UUIDs by numbers, the same by the same, and times.
fn masked(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(uuid) = rest.get(..36).filter(|start| is_like(start, UUID)) {
            let number = seen.iter().position(|known| *known == uuid);
            let number = number.unwrap_or_else(|| {
                seen.push(uuid);
                seen.len() - 1
            });
            let _ = write!(masked, "<uuid {}>", number + 1);
            rest = &rest[36..];
        } else if let Some(length) = TIMES.iter().find_map(|form| {
            let start = rest.get(..form.len())?;
            is_like(start, form).then_some(form.len())
        }) {
            masked.push_str("<time>");
            rest = &rest[length..];
        } else {
            masked.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    masked
}

/// `x` is a hex digit in lower case, `9` a digit, anything else itself.
const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const TIMES: &[&str] = &[
    "9999-99-99T99:99:99.999999+00:00",
    "9999-99-99T99:99:99.999999",
    "9999-99-99T99:99:99+00:00",
];

fn is_like(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                b'9' => byte.is_ascii_digit(),
                _ => byte == form,
            })
}

#[test]
fn only_uuids_and_times_are_replaced() {
    let (one, two) = (
        "1be26c0b-03f2-4d2e-ae87-c02d7f33c999",
        "24eaf343-9a60-4967-84f2-c92a0a81b52b",
    );
    let text = format!("ä {two}/{one} 2026-11-27T09:03:00.000042+00:00 {two} 2026-11-27 1.5");
    assert_eq!(
        masked(&text),
        "ä <uuid 1>/<uuid 2> <time> <uuid 1> 2026-11-27 1.5"
    );
}
