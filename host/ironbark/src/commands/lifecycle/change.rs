//! Commands that change which versions of a package are used, and what they may do.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::args::{CanaryArgs, Named, Service, SwitchArgs};
use super::client::{Client, list, text};

/// `driver promote`
pub(super) async fn promote(name: &str, force: bool, service: &Service) -> Result<()> {
    let answer = post(service, name, "promote", json!({"force": force})).await?;
    Client::new(service)?.print(&answer, is_active)
}

/// `driver disable`
pub(super) async fn disable(package: &Named, force: bool, service: &Service) -> Result<()> {
    let body = json!({"version": package.version, "force": force});
    let answer = post(service, &package.name, "disable", body).await?;
    Client::new(service)?.print(&answer, has_state)
}

/// `driver quarantine`
pub(super) async fn quarantine(package: &Named, now: bool, service: &Service) -> Result<()> {
    let body = json!({"version": package.version, "now": now});
    let answer = post(service, &package.name, "quarantine", body).await?;
    Client::new(service)?.print(&answer, |answer| {
        format!("{} Active: {}.", has_state(answer), text(answer, "active"))
    })
}

/// `driver release`
pub(super) async fn release(package: &Named, service: &Service) -> Result<()> {
    let body = json!({"version": package.version});
    let answer = post(service, &package.name, "release", body).await?;
    Client::new(service)?.print(&answer, |answer| {
        format!("{} It may be activated.", has_state(answer))
    })
}

/// `driver activate` and `driver rollback`
pub(super) async fn switch(action: &str, args: &SwitchArgs) -> Result<()> {
    let body = json!({
        "version": args.package.version, "force": args.force, "dry_run": args.dry_run,
    });
    let answer = post(&args.service, &args.package.name, action, body).await?;
    Client::new(&args.service)?.print(&answer, |answer| {
        if args.dry_run {
            preview(answer)
        } else {
            is_active(answer)
        }
    })
}

/// `driver canary`
pub(super) async fn canary(args: &CanaryArgs) -> Result<()> {
    let mut body = json!({"version": args.package.version, "force": args.force});
    let scope = &args.scope;
    if let Value::Object(body) = &mut body {
        let chosen = [
            ("nodes", scope.nodes.as_ref().map(|nodes| json!(nodes))),
            ("percent", scope.percent.map(|percent| json!(percent))),
            (
                "conductor_group",
                scope.conductor_group.as_ref().map(|group| json!(group)),
            ),
        ];
        for (key, value) in chosen {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        }
    }
    let answer = post(&args.service, &args.package.name, "canary", body).await?;
    Client::new(&args.service)?.print(&answer, |answer| {
        format!(
            "{}@{} is a canary now. `ironbark driver promote` gives it to all nodes, `driver rollback` takes it back.",
            text(answer, "package"),
            text(answer, "version")
        )
    })
}

/// `driver grant`
pub(super) async fn grant(
    package: &Named,
    capabilities: &[String],
    service: &Service,
) -> Result<()> {
    let client = Client::new(service)?;
    let name = &package.name;
    let request = client
        .request(Method::PUT, &format!("packages/{name}/grants"))?
        .json(&json!({"granted": capabilities, "version": package.version}));
    let answer = client.send(request).await?;
    client.print(&answer, |answer| {
        format!(
            "{name} is granted {}. It holds from the next call on; a version that awaited this may be activated.",
            list(answer, "granted")
        )
    })
}

/// `driver remove`
pub(super) async fn remove(package: &Named, service: &Service) -> Result<()> {
    let client = Client::new(service)?;
    let mut request = client.request(Method::DELETE, &format!("packages/{}", package.name))?;
    if let Some(version) = &package.version {
        request = request.query(&[("version", version)]);
    }
    client.send(request).await?;
    let done = json!({"package": package.name, "version": package.version, "removed": true});
    client.print(&done, |_| match &package.version {
        Some(version) => format!("{}@{version} is removed.", package.name),
        None => format!("{} is removed, with all its versions.", package.name),
    })
}

async fn post(service: &Service, name: &str, action: &str, body: Value) -> Result<Value> {
    let client = Client::new(service)?;
    let request = client
        .request(Method::POST, &format!("packages/{name}/{action}"))?
        .json(&body);
    client.send(request).await
}

fn is_active(answer: &Value) -> String {
    format!(
        "{}@{} is active.",
        text(answer, "package"),
        text(answer, "version")
    )
}

fn has_state(answer: &Value) -> String {
    format!(
        "{}@{} is {}.",
        text(answer, "package"),
        text(answer, "version"),
        text(answer, "state")
    )
}

fn preview(answer: &Value) -> String {
    let number = |key: &str| {
        answer
            .get("nodes")
            .and_then(|nodes| nodes.get(key))
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    let verdict = match answer.get("refused").and_then(Value::as_str) {
        Some(reason) => format!("It would be refused: {reason}"),
        None => "It would be activated.".to_owned(),
    };
    format!(
        "{}@{} would replace {}.\nNodes: {} checked, {} would fail ({} of them fail already).\nHardware types: {} come, {} go.\n{verdict}",
        text(answer, "package"),
        text(answer, "version"),
        text(answer, "replaces"),
        number("checked"),
        number("failing"),
        number("failing_already"),
        list(answer, "hardware_types_added"),
        list(answer, "hardware_types_removed"),
    )
}
