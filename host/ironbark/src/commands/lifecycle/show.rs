//! `ironbark driver list`, `show` and `history`

use std::fmt::Write as _;

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;

use super::args::Service;
use super::client::{Client, list as listed, objects, text};
use super::usage;

/// All packages, one a line.
pub(super) async fn list(service: &Service) -> Result<()> {
    let client = Client::new(service)?;
    let answer = client
        .send(client.request(Method::GET, "packages")?)
        .await?;
    client.print(&answer, |answer| {
        let packages = objects(answer, "packages");
        if packages.is_empty() {
            return "No driver packages are installed.".to_owned();
        }
        let mut shown = String::new();
        for package in packages {
            // Writing into a string can't fail.
            let _ = writeln!(
                shown,
                "{:<20} {:<10} {:<8} hardware types: {:<24} granted: {}{}",
                text(package, "name"),
                text(package, "version"),
                text(package, "source"),
                listed(package, "hardware_types"),
                listed(package, "granted"),
                remarks(package)
            );
        }
        shown
    })
}

/// One package with its versions.
pub(super) async fn show(name: &str, service: &Service) -> Result<()> {
    let client = Client::new(service)?;
    let path = format!("packages/{name}");
    let answer = client.send(client.request(Method::GET, &path)?).await?;
    client.print(&answer, |package| page(name, package))
}

fn page(name: &str, package: &Value) -> String {
    let mut shown = format!(
        "{name}: {} is active, granted {}\n",
        text(package, "version"),
        listed(package, "granted")
    );
    if let Some(owner) = package.get("owner").and_then(Value::as_str) {
        let _ = writeln!(shown, "belongs to publisher {owner}");
    }
    if let Some(canary) = package.get("canary").filter(|canary| !canary.is_null()) {
        let scope = canary.get("scope").cloned().unwrap_or_default();
        let _ = writeln!(shown, "canary: {} for {scope}", text(canary, "version"));
    }
    for version in objects(package, "versions") {
        let _ = writeln!(
            shown,
            "  {:<10} {:<18} signed by {:<16} asks for {}\n{:13}{} from {}, installed {}",
            text(version, "version"),
            standing(version),
            text(version, "publisher"),
            listed(version, "asked"),
            "",
            text(version, "digest"),
            text(version, "source"),
            text(version, "created_at")
        );
        if let Some(used) = version.get("used").filter(|used| !used.is_null()) {
            let _ = writeln!(
                shown,
                "{:13}used since then: {} (at {})",
                "",
                usage::amount(used),
                text(used, "counted_at")
            );
        }
        if let Some(reason) = version.get("reason").and_then(Value::as_str) {
            let _ = writeln!(shown, "{:13}{reason}", "");
        }
        for failure in objects(version, "failing_on") {
            let _ = writeln!(
                shown,
                "{:13}conductor {} can't load it: {}",
                "",
                text(failure, "conductor"),
                text(failure, "reason")
            );
        }
    }
    usage::add(package, &mut shown);
    shown
}

/// Who did what with `packages/NAME` or `publishers/NAME`, the latest first.
pub(super) async fn history(of: &str, service: &Service) -> Result<()> {
    let client = Client::new(service)?;
    let path = format!("{of}/history");
    let answer = client.send(client.request(Method::GET, &path)?).await?;
    client.print(&answer, |answer| {
        let mut shown = String::new();
        for event in objects(answer, "history") {
            let _ = writeln!(
                shown,
                "{}  {:<10} {:<10} by {:<20} {}",
                text(event, "created_at"),
                text(event, "action"),
                text(event, "version"),
                text(event, "actor"),
                event
                    .get("detail")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            );
        }
        shown
    })
}

/// What an operator should look at.
fn remarks(package: &Value) -> String {
    let mut remarks = String::new();
    if package
        .get("canary")
        .is_some_and(|canary| !canary.is_null())
    {
        remarks.push_str("  (has a canary)");
    }
    for version in objects(package, "versions") {
        let state = text(version, "state");
        if state != "installed" {
            let _ = write!(remarks, "  ({} {state})", text(version, "version"));
        }
        if !objects(version, "failing_on").is_empty() {
            let _ = write!(
                remarks,
                "  ({} can't be loaded everywhere)",
                text(version, "version")
            );
        }
    }
    remarks
}

fn standing(version: &Value) -> &str {
    let is = |key| version.get(key) == Some(&Value::Bool(true));
    match text(version, "state") {
        "installed" if is("active") => "active",
        "installed" if is("canary") => "canary",
        state => state,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_conductor_can_not_load_is_shown_with_its_reason() {
        let package = json!({
            "name": "acme", "version": "1.0.0", "granted": ["ipmi"], "owner": "acme-inc",
            "versions": [
                {"version": "1.0.0", "state": "installed", "active": true, "failing_on": []},
                {
                    "version": "2.0.0", "state": "awaiting approval",
                    "reason": "asks for more of ipmi than was granted: 0x2e/0x01",
                    "failing_on": [{"conductor": "host-b", "reason": "it needs a newer contract"}],
                },
            ],
        });
        let shown = page("acme", &package);
        assert!(
            shown.contains("conductor host-b can't load it: it needs a newer contract"),
            "{shown}"
        );
        assert!(shown.contains("belongs to publisher acme-inc"), "{shown}");
        assert!(shown.contains("than was granted: 0x2e/0x01"), "{shown}");
        assert_eq!(
            remarks(&package),
            "  (2.0.0 awaiting approval)  (2.0.0 can't be loaded everywhere)"
        );
    }
}
