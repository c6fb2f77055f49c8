//! What `docs/endpoints.md` says of paths, methods and versions is what is there.

use std::collections::{BTreeMap, BTreeSet};

use super::gates::path_of;
use super::harness::{Answer, Site};
use crate::gates::paths::{OWN_PATHS, PATHS};
use crate::openapi;

/// One line of a table.
struct Line {
    path: String,
    methods: Vec<String>,
    /// By method, where the path has versions.
    since: BTreeMap<String, u16>,
    does: String,
}

fn lines() -> Vec<Line> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/endpoints.md");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Line> {
    let rest = text.strip_prefix("| `/")?;
    let cells: Vec<&str> = rest
        .trim_end_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    let [path, methods, since, does] = cells[..] else {
        panic!("four cells are expected: {text}");
    };
    let methods: Vec<String> = methods.split(", ").map(str::to_owned).collect();
    Some(Line {
        path: format!("/{}", path.trim_end_matches('`')),
        since: versions(since, &methods),
        methods,
        does: does.to_owned(),
    })
}

/// `52; PATCH 57`: 52, but PATCH 57. What else is said there is for people.
fn versions(cell: &str, methods: &[String]) -> BTreeMap<String, u16> {
    let mut parts = cell.split([';', ',']).map(str::trim);
    let Some(first) = parts.next().and_then(|first| first.parse().ok()) else {
        assert!(cell.trim().is_empty(), "{cell}");
        return BTreeMap::new();
    };
    let mut all: BTreeMap<String, u16> = methods
        .iter()
        .map(|method| (method.clone(), first))
        .collect();
    for part in parts {
        if let Some((method, version)) = part.split_once(' ')
            && methods.iter().any(|known| known == method)
        {
            all.insert(method.to_owned(), version.parse().unwrap());
        }
    }
    all
}

#[test]
fn every_endpoint_is_documented_and_nothing_else() {
    let lines = lines();
    let documented: BTreeSet<(String, String)> = lines
        .iter()
        .flat_map(|line| {
            let path = line.path.clone();
            line.methods
                .iter()
                .map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    let mut there: BTreeSet<(String, String)> = openapi::operations()
        .iter()
        .map(|operation| (operation.path(), operation.method.to_owned()))
        .collect();
    for (path, methods) in [
        ("/", &["GET", "HEAD"][..]),
        ("/v1", &["GET", "HEAD"]),
        ("/healthcheck", &["GET"]),
        ("/openapi.json", &["GET"]),
    ] {
        there.extend(
            methods
                .iter()
                .map(|method| (path.to_owned(), (*method).to_owned())),
        );
    }
    let missing: Vec<_> = there.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/endpoints.md lacks {missing:?}");
    let invented: Vec<_> = documented.difference(&there).collect();
    assert!(
        invented.is_empty(),
        "docs/endpoints.md invents {invented:?}"
    );
    for line in &lines {
        let known = ["real", "state", "fake"]
            .iter()
            .any(|word| line.does.starts_with(word));
        assert!(known, "{}: does what? {:?}", line.path, line.does);
    }
}

#[tokio::test]
async fn versions_are_as_documented() {
    let site = Site::new().await;
    let mut checked = 0;
    for line in lines() {
        let Some(pattern) = line.path.strip_prefix("/v1/") else {
            let own = OWN_PATHS
                .iter()
                .any(|own| line.path == format!("/ironbark/v1/{}", own.pattern));
            assert!(
                !own || line.since.is_empty(),
                "{} has no versions",
                line.path
            );
            continue;
        };
        assert_eq!(line.since.len(), line.methods.len(), "{}", line.path);
        let row = PATHS.iter().find(|row| row.pattern == pattern).unwrap();
        let first = line.since.values().min().unwrap();
        assert_eq!(row.since, *first, "{}", line.path);
        // One of its own: some of this removes it.
        let path = path_of(pattern, &site.node(|_| {}).await.uuid);
        for (method, since) in &line.since {
            let what = format!("{method} {path} since 1.{since}");
            let answer = site.send(method, &path, Some(*since), None).await;
            assert!(!is_too_new(&answer), "{what}: {}", answer.text);
            // The first version is that of who names none, and some things are there for them only.
            if *since > 2 {
                let answer = site.send(method, &path, Some(since - 1), None).await;
                let refused = matches!(answer.status.as_u16(), 404..=406);
                assert!(refused, "{what}: {} {}", answer.status, answer.text);
            }
            checked += 1;
        }
    }
    assert!(checked > 130, "{checked}");
}

fn is_too_new(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        405 | 406 => true,
        404 => answer.is_routers() || answer.fault().starts_with("This needs API version"),
        _ => false,
    }
}
