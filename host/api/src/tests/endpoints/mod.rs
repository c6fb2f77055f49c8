//! Every endpoint, asked once: what it answers is in `snapshots/`.
//!
//! [`every_endpoint_has_its_snapshot`] takes the endpoints from the tables of paths: one that is new has to be asked here. Each
//! file of cases has a site of its own, whose [`world`] is always the same, and asks it in the order of its list.

mod belongings;
mod case;
mod hardware;
mod nodes;
mod own;
mod ramdisks;
mod recipes;
mod service;
mod vendor;
mod world;

use std::collections::BTreeSet;

use self::case::{Case, name_of};
use super::snapshot;
use crate::gates::paths::{OWN_PATHS, PATHS};
use crate::openapi;

/// What isn't in the tables: paths that are answered before anybody looks there.
const ROOTS: &[(&str, &str)] = &[
    ("/", "GET"),
    ("/", "HEAD"),
    ("/v1", "GET"),
    ("/v1", "HEAD"),
    ("/healthcheck", "GET"),
    ("/openapi.json", "GET"),
];

fn all() -> Vec<Case> {
    [
        belongings::cases,
        hardware::cases,
        nodes::cases,
        own::cases,
        ramdisks::cases,
        recipes::cases,
        service::cases,
        vendor::cases,
    ]
    .into_iter()
    .flat_map(|cases| cases())
    .collect()
}

/// Asks all of them, one after another.
async fn walk(cases: Vec<Case>) {
    let site = world::site().await;
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.name();
        let text = case.ask(&site).await;
        wrong.extend(snapshot::compare(&name, &text).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Path and method of everything in the tables.
pub(super) fn in_tables() -> BTreeSet<(String, &'static str)> {
    [("/v1", PATHS), ("/ironbark/v1", OWN_PATHS)]
        .iter()
        .flat_map(|(root, table)| table.iter().map(move |path| (root, path)))
        .flat_map(|(root, path)| {
            let whole = format!("{root}/{}", path.pattern);
            path.method_names()
                .map(move |method| (whole.clone(), method))
        })
        .collect()
}

#[test]
fn every_endpoint_has_its_snapshot() {
    // What only says that there is nothing isn't described, and is asked below.
    let described: BTreeSet<(String, &str)> = openapi::operations()
        .iter()
        .map(|operation| (operation.path(), operation.method))
        .collect();
    let mut endpoints: BTreeSet<(String, &str)> =
        in_tables().intersection(&described).cloned().collect();
    endpoints.extend(
        ROOTS
            .iter()
            .map(|(path, method)| ((*path).to_owned(), *method)),
    );
    let cases = all();
    let asked: BTreeSet<(String, &str)> = cases.iter().map(Case::endpoint).collect();
    let unasked: Vec<_> = endpoints.difference(&asked).collect();
    assert!(unasked.is_empty(), "no case asks {unasked:?}");
    let unknown: Vec<_> = asked.difference(&endpoints).collect();
    assert!(unknown.is_empty(), "there is no {unknown:?}");
    assert_eq!(asked.len(), cases.len(), "one is asked twice");

    let mut names: BTreeSet<String> = cases.iter().map(Case::name).collect();
    assert_eq!(names.len(), cases.len(), "two have the same name");
    names.insert(NOTHING.to_owned());
    let files = snapshot::names();
    let missing: Vec<_> = names.difference(&files).collect();
    assert!(missing.is_empty(), "no snapshot of {missing:?}");
    let stale: Vec<_> = files.difference(&names).collect();
    assert!(stale.is_empty(), "snapshots of nothing: {stale:?}");
}

/// The one snapshot of all paths that only say that there is nothing.
const NOTHING: &str = "nothing";

#[tokio::test]
async fn paths_that_are_there_to_say_that_nothing_is_all_say_so() {
    let site = world::site().await;
    let asked: BTreeSet<(String, &str)> = all().iter().map(Case::endpoint).collect();
    let nothing: Vec<(String, &str)> = in_tables().difference(&asked).cloned().collect();
    assert!(!nothing.is_empty());
    for (path, method) in nothing {
        let path: &'static str = path.replace("**", "x").leak();
        let text = case::case(method, path).ask(&site).await;
        // Only the first line says what was asked.
        let answered = text.split_once('\n').unwrap().1;
        snapshot::compare(NOTHING, answered)
            .unwrap_or_else(|wrong| panic!("{}: {wrong}", name_of(method, path)));
    }
}

#[tokio::test]
async fn belongings() {
    walk(belongings::cases()).await;
}

#[tokio::test]
async fn hardware() {
    walk(hardware::cases()).await;
}

#[tokio::test]
async fn nodes() {
    walk(nodes::cases()).await;
}

#[tokio::test]
async fn own() {
    walk(own::cases()).await;
}

#[tokio::test]
async fn ramdisks() {
    walk(ramdisks::cases()).await;
}

#[tokio::test]
async fn recipes() {
    walk(recipes::cases()).await;
}

#[tokio::test]
async fn service() {
    walk(service::cases()).await;
}

#[tokio::test]
async fn vendor() {
    walk(vendor::cases()).await;
}
