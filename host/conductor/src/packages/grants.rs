//! What packages are granted: more, or less. It holds from the next call on.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_model::lifecycle::VersionState;
use ironbark_model::{Error, Result};
use serde_json::{Value, json};

use super::actor::Actor;
use super::life::{Life, prepare};
use super::switch;
use super::{Memory, canary};
use crate::context::Context;

/// In a list of grants: all that the versions ask for.
const ALL_GRANTS: &str = "*";

/// Sets what a package is granted. Versions that waited for that may be activated now.
///
/// # Errors
/// `InvalidParameter` for something that none of its versions asks for.
pub(super) async fn set(
    ctx: &Arc<Context>,
    memory: &mut Memory,
    name: &str,
    granted: &[String],
    actor: &Actor,
) -> Result<Value> {
    let mut life = Life::read(ctx, name).await?;
    let askable: BTreeSet<String> = life
        .versions
        .iter()
        .flat_map(|version| version.asked.iter().cloned())
        .collect();
    let granted: BTreeSet<String> = if granted.iter().any(|one| one == ALL_GRANTS) {
        askable.clone()
    } else {
        granted.iter().cloned().collect()
    };
    if let Some(unknown) = granted.difference(&askable).next() {
        return Err(Error::invalid(format!(
            "'{unknown}' can't be granted: no installed version of package {name} asks for it. They ask for: {}.",
            listed(&askable)
        )));
    }
    let before = std::mem::replace(&mut life.granted, granted);
    let written: Vec<String> = life.granted.iter().cloned().collect();
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
    let detail = format!("{} → {}", listed(&before), listed(&life.granted));
    tx.note(&actor.did_with("grant", name, Some(detail)))
        .await?;
    for version in &life.versions {
        let waits = version.state == VersionState::AwaitingApproval;
        if waits
            && version
                .asked
                .iter()
                .all(|asked| life.granted.contains(asked))
        {
            let key = (name, version.version.as_str());
            tx.version_state(key, VersionState::Installed, None, false)
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
    Ok(json!({"package": name, "granted": written}))
}

/// Loads versions anew that are only pinned, if they have more than their package is granted now.
pub(super) async fn apply_to_retained(ctx: &Context) -> Result<()> {
    for package in ctx.drivers.retained_packages() {
        // One that was removed has no grants, and what began with it goes on.
        let Some(granted) = ctx.db.package_grants(package.name()).await? else {
            continue;
        };
        let granted: BTreeSet<String> = granted.into_iter().collect();
        if !package.granted().is_subset(&granted) {
            let prepared = prepare(ctx, package.digest(), &granted).await?;
            ctx.drivers.retain(prepared);
        }
    }
    Ok(())
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}
