//! Which version is the active one: activating, promoting a canary, going back.

use std::sync::Arc;

use ironbark_drivers::ActivationPlan;
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_model::{Error, Result};
use serde_json::{Value, json};

use super::actor::Actor;
use super::canary;
use super::decide::{is_newer, last_good};
use super::life::Life;
use super::nodes::{self, NodeCheck};
use super::switch::{self, When};
use super::trust;
use crate::context::Context;

/// How a version becomes active.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// `activate`, `promote` or `rollback`: what the history says.
    pub(super) action: &'static str,
    /// Although nodes don't fit its schema, or it keeps its state in another form.
    pub(super) force: bool,
    /// Only say what would happen.
    pub(super) dry_run: bool,
}

/// Makes a version, or else the newest, the active one.
pub(super) async fn activate(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    how: How,
    actor: &Actor,
) -> Result<Value> {
    let life = Life::read(ctx, name).await?;
    let version = life.or_newest(version)?;
    switch_to(ctx, &life, version, how, actor).await
}

/// Makes the canary the active version.
pub(super) async fn promote(
    ctx: &Arc<Context>,
    name: &str,
    force: bool,
    actor: &Actor,
) -> Result<Value> {
    let life = Life::read(ctx, name).await?;
    let canary = life.canary.as_ref().ok_or_else(|| {
        Error::conflict(format!(
            "Package {name} has no canary to promote: begin one first, or activate a version."
        ))
    })?;
    let how = How {
        action: "promote",
        force,
        dry_run: false,
    };
    switch_to(ctx, &life, life.version(&canary.version)?, how, actor).await
}

/// Ends the canary, if there is one and no version is named; otherwise goes back to that version, or to the last good one.
pub(super) async fn roll_back(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    how: How,
    actor: &Actor,
) -> Result<Value> {
    let life = Life::read(ctx, name).await?;
    if version.is_none() && life.canary.is_some() {
        return canary::end(ctx, &life, how.dry_run, actor).await;
    }
    let active = life.or_active(None)?;
    let target = match version {
        Some(version) => life.version(version)?,
        None => last_good(&life.versions, &active.version).ok_or_else(|| {
            Error::conflict(format!(
                "Package {name} has no version to go back to: none but {} was ever active and may still be used. \
                 Activate one by its version.",
                active.version
            ))
        })?,
    };
    switch_to(ctx, &life, target, how, actor).await
}

/// Checks everything, and makes `version` the active one.
pub(super) async fn switch_to(
    ctx: &Arc<Context>,
    life: &Life,
    version: &PackageVersion,
    how: How,
    actor: &Actor,
) -> Result<Value> {
    let prepared = life.prepare(ctx, version).await?;
    let what = format!("{}@{} can't be activated", life.name, version.version);
    let found = nodes::check(ctx, &prepared, None).await?;
    let checks = async {
        check_state(life, version, how.force, &what)?;
        trust::check_still(ctx, version).await?;
        if !how.force {
            check_schema(life, version, how.action == "rollback", &what)?;
            found.refuse(&what)?;
        }
        let planned = switch::plan(ctx, &prepared, what.clone())?;
        if how.dry_run {
            planned.preview(ctx).await?;
        }
        Ok(planned)
    };
    let planned = checks.await;
    if how.dry_run {
        let plan = ctx.drivers.check_activation(&prepared).unwrap_or_default();
        let refused = planned.err().map(|error: Error| error.message().to_owned());
        return Ok(preview(life, version, &plan, &found, refused));
    }
    let planned = planned?;
    let row = switch::row_of(version, &prepared);
    let mut tx = ctx.db.change_packages().await?;
    let active = life.active.as_ref();
    let before = active.map(|active| active.digest.as_str());
    tx.expect_active(&life.name, before).await?;
    trust::check_inside(ctx, &mut tx, version).await?;
    let detail = active.map(|active| format!("replaces {}", active.version));
    tx.note(&actor.did(how.action, version, detail)).await?;
    let from = (&row, version.state);
    switch::activate(ctx, tx, prepared, from, planned, When::Running).await?;
    Ok(json!({
        "package": life.name,
        "version": version.version,
        "active": true,
        "nodes": found,
    }))
}

fn preview(
    life: &Life,
    version: &PackageVersion,
    plan: &ActivationPlan,
    found: &NodeCheck,
    refused: Option<String>,
) -> Value {
    json!({
        "package": life.name,
        "version": version.version,
        "dry_run": true,
        "replaces": life.active.as_ref().map(|active| &active.version),
        "hardware_types_added": plan.hardware_types_added,
        "hardware_types_removed": plan.hardware_types_removed,
        "implementations_removed": plan.implementations_removed,
        "nodes": found,
        "refused": refused,
    })
}

fn check_state(life: &Life, version: &PackageVersion, force: bool, what: &str) -> Result<()> {
    let waits = |reason: &str| {
        Err(Error::conflict(format!(
            "{what}: it awaits approval, since it {reason}, which was not granted. Grant that with its version (`ironbark driver \
             grant {}@{} …`), or activate it without with force.",
            version.package, version.version
        )))
    };
    let reason = version.reason.as_deref().unwrap_or("no reason was given");
    match version.state {
        VersionState::Quarantined => Err(Error::conflict(format!(
            "{what}: it is quarantined ({reason}). Release it first."
        ))),
        VersionState::AwaitingApproval if !force => waits(reason),
        // Naming a version that was disabled says that it is wanted again, not that it gets what it waited for.
        VersionState::Disabled if !force => match life.waits(version)? {
            Some(reason) => waits(&reason),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Notes of a newer version may mean nothing to an older one.
fn check_schema(life: &Life, version: &PackageVersion, goes_back: bool, what: &str) -> Result<()> {
    let Some(active) = &life.active else {
        return Ok(());
    };
    let active = life.version(&active.version)?;
    let goes_back = goes_back || is_newer(&active.version, &version.version);
    if !goes_back || active.state_schema == version.state_schema {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "{what}: {} keeps its notes on nodes as state schema '{}', and {} as '{}', so that it may not understand them. \
         Do it all the same with force.",
        active.version, active.state_schema, version.version, version.state_schema
    )))
}
