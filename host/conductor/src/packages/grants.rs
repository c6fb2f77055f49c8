//! What packages are granted: more, or less. It holds from the next call on.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_model::lifecycle::VersionState;
use ironbark_model::{Error, Result};
use ironbark_package::Capability;
use serde_json::{Value, json};

use super::actor::Actor;
use super::granted::{Granted, asked_of};
use super::life::{Life, prepare};
use super::switch;
use super::{Memory, canary};
use crate::context::Context;

/// In a list of grants: all that the versions ask for.
const ALL_GRANTS: &str = "*";

/// Sets what a package is granted, or with a `version` adds what that asks for under these names. Versions that waited for that
/// may be activated now.
///
/// A name that was granted already stays what it was: only naming the version, or `*`, grants what a version asks for more
/// under it, so that taking one capability away never gives more of another.
///
/// # Errors
/// `InvalidParameter` for something that none of its versions asks for.
pub(super) async fn set(
    ctx: &Arc<Context>,
    memory: &mut Memory,
    name: &str,
    version: Option<&str>,
    names: &[String],
    actor: &Actor,
) -> Result<Value> {
    let mut life = Life::read(ctx, name).await?;
    let granted = decide(&life, version, names)?;
    let before = std::mem::replace(&mut life.granted, granted);
    let written = life.granted.to_row()?;
    let active = match &life.active {
        Some(active) => {
            let version = life.version(&active.version)?;
            let prepared = life.prepare(ctx, version).await?;
            Some((switch::row_of(version, &prepared), prepared))
        }
        None => None,
    };

    let mut tx = ctx.db.change_packages().await?;
    tx.grants_set(name, &written).await?;
    let detail = Some(difference(&before, &life.granted));
    tx.note(&actor.did_with("grant", name, detail)).await?;
    for version in &life.versions {
        let waits = version.state == VersionState::AwaitingApproval;
        if waits && asked_of(version)?.iter().all(|one| life.granted.has(one)) {
            let key = (name, version.version.as_str());
            let waits = Some(VersionState::AwaitingApproval);
            tx.version_state(key, waits, VersionState::Installed, None, false)
                .await?;
        }
    }
    match active {
        Some((row, prepared)) => {
            tx.active_grants_set(name, &row.granted).await?;
            tx.commit().await?;
            switch::activate_here(ctx, prepared).await;
        }
        None => tx.commit().await?,
    }
    canary::follow(ctx, memory).await?;
    apply_to_retained(ctx).await?;
    Ok(json!({"package": name, "granted": written.names}))
}

/// What is granted then.
fn decide(life: &Life, version: Option<&str>, names: &[String]) -> Result<Granted> {
    let mut asked: Vec<Capability> = Vec::new();
    for known in &life.versions {
        if version.is_none_or(|version| version == known.version) {
            asked.extend(asked_of(known)?);
        }
    }
    let who = match version {
        Some(version) => {
            life.version(version)?;
            format!("{}@{version} does not ask for it. It asks", life.name)
        }
        None => format!(
            "no installed version of package {} asks for it. They ask",
            life.name
        ),
    };
    let askable: BTreeSet<String> = asked.iter().map(|one| one.name().to_owned()).collect();
    let all = names.iter().any(|one| one == ALL_GRANTS);
    let named: BTreeSet<String> = if all {
        askable.clone()
    } else {
        names.iter().cloned().collect()
    };
    if let Some(unknown) = named.difference(&askable).next() {
        return Err(Error::invalid(format!(
            "'{unknown}' can't be granted: {who} for: {}.",
            listed(&askable)
        )));
    }
    let mut granted = life.granted.clone();
    let known = granted.names.clone();
    if version.is_none() {
        granted.keep(|name| named.contains(name));
    } else if named.is_empty() {
        return Err(Error::invalid(
            "Say which capabilities of this version are granted, beside what its package has: '*' for all. To take some \
             away, name the package without a version.",
        ));
    }
    let anew = all || version.is_some();
    for one in &asked {
        if named.contains(one.name()) && (anew || !known.contains(one.name())) {
            granted.add(one);
        }
    }
    Ok(granted)
}

/// Loads versions anew that are only pinned, if they have more than their package is granted now.
pub(super) async fn apply_to_retained(ctx: &Context) -> Result<()> {
    for package in ctx.drivers.retained_packages() {
        // One that was removed has no grants, and what began with it goes on.
        let Some(granted) = ctx.db.package_grants(package.name()).await? else {
            continue;
        };
        let granted = Granted::from_row(granted)?;
        if !package.granted().is_subset(&granted.of(package.metadata())) {
            let prepared = prepare(ctx, package.digest(), &granted).await?;
            ctx.drivers.retain(prepared);
        }
    }
    Ok(())
}

/// What changes, for people.
fn difference(before: &Granted, after: &Granted) -> String {
    let mut text = format!("{} → {}", listed(&before.names), listed(&after.names));
    for entry in after.entries() {
        if before.names.contains(entry.name()) && !before.has(entry) {
            text.push_str("; ");
            text.push_str(&entry.beyond(before.entries()));
        }
    }
    text
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}
