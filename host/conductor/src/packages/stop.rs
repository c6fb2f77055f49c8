//! Taking versions out of use: disabled by an operator, or quarantined because they do harm; and giving them another chance.

use std::sync::Arc;

use ironbark_db::PackagesTx;
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_model::{Error, Result};
use serde_json::{Value, json};

use super::actor::Actor;
use super::back;
use super::life::Life;
use super::switch;
use crate::context::Context;

/// Takes a version, or else the active one, out of use until somebody activates or releases it. One that is quarantined stays
/// so: that is more.
pub(super) async fn disable(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    force: bool,
    actor: &Actor,
) -> Result<Value> {
    let life = Life::read(ctx, name).await?;
    let version = life.or_active(version)?;
    let what = format!("{name}@{} can't be disabled", version.version);
    let planned = life
        .is_active(version)
        .then(|| switch::plan_without(ctx, name, what, force));
    let mut tx = ctx.db.change_packages().await?;
    let key = (name, version.version.as_str());
    let state = match version.state {
        VersionState::Quarantined => {
            tx.expect_state(key, version.state).await?;
            version.state
        }
        from => {
            let (to, reason) = (
                VersionState::Disabled,
                format!("disabled by {}", actor.name()),
            );
            tx.version_state(key, Some(from), to, Some(&reason), false)
                .await?;
            to
        }
    };
    tx.note(&actor.did("disable", version, None)).await?;
    if let Some(planned) = planned {
        switch::deactivate(ctx, tx, name, planned).await?;
    } else {
        if life.is_canary(version) {
            tx.canary_clear(name).await?;
        }
        tx.commit().await?;
        if life.is_canary(version) {
            ctx.drivers.clear_canary(name);
        }
    }
    Ok(json!({"package": name, "version": version.version, "state": state}))
}

/// Stops a version, or else the active one. Its package goes back to the last good version, if there is one.
pub(super) async fn quarantine(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    now: bool,
    actor: &Actor,
) -> Result<Value> {
    let life = Life::read(ctx, name).await?;
    let version = life.or_active(version)?;
    let reason = format!("quarantined by {}", actor.name());
    let active = put_away(ctx, &life, version, &reason, now, actor).await?;
    Ok(json!({
        "package": name,
        "version": version.version,
        "state": VersionState::Quarantined,
        "active": active,
    }))
}

/// Writes a quarantine down, ends the canary if it is that, and goes back to the last good version if it was the active
/// one. Answers with the active version afterwards; a quarantined one stays active, and uncalled, if there is no other.
pub(super) async fn put_away(
    ctx: &Arc<Context>,
    life: &Life,
    version: &PackageVersion,
    reason: &str,
    now: bool,
    actor: &Actor,
) -> Result<Option<String>> {
    let mut tx = ctx.db.change_packages().await?;
    write(&mut tx, version, reason, now, actor).await?;
    tx.commit().await?;
    Ok(carry_out(ctx, life, version, reason, now, actor).await)
}

/// Writes a quarantine down, together with what else `tx` has.
pub(super) async fn write(
    tx: &mut PackagesTx,
    version: &PackageVersion,
    reason: &str,
    now: bool,
    actor: &Actor,
) -> Result<()> {
    let key = (version.package.as_str(), version.version.as_str());
    tx.version_state(key, None, VersionState::Quarantined, Some(reason), now)
        .await?;
    tx.canary_end(&version.digest).await?;
    tx.note(&actor.did("quarantine", version, Some(reason.to_owned())))
        .await
}

/// What follows from a quarantine that is written down, here and at once; the rest, and what fails, others see to.
pub(super) async fn carry_out(
    ctx: &Arc<Context>,
    life: &Life,
    version: &PackageVersion,
    reason: &str,
    now: bool,
    actor: &Actor,
) -> Option<String> {
    if now {
        set_here(ctx, version, now);
    }
    let canaries = ctx.drivers.canaries();
    if canaries
        .iter()
        .any(|(_, canary)| canary.digest() == version.digest)
    {
        ctx.drivers.clear_canary(&version.package);
    }
    tracing::error!(
        package = %version.package, version = %version.version, digest = %version.digest, reason,
        "driver package version quarantined"
    );
    let active = back::now(ctx, life, version, actor).await;
    // Only then: until nodes have the good version, a call of this one is better than none.
    set_here(ctx, version, now);
    active
}

/// Refuses calls of the version on this conductor.
fn set_here(ctx: &Context, version: &PackageVersion, now: bool) {
    for loaded in ctx.drivers.loaded() {
        if loaded.digest() == version.digest {
            loaded.set_quarantine(now);
        }
    }
}

/// Ends a quarantine or a disablement. A version that isn't active doesn't become so by that, and one that asks for more than
/// was granted awaits approval, as it would have before.
pub(super) async fn release(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    actor: &Actor,
) -> Result<Value> {
    let life = Life::read(ctx, name).await?;
    let stopped = |version: &&PackageVersion| {
        matches!(
            version.state,
            VersionState::Quarantined | VersionState::Disabled
        )
    };
    let version = match version {
        Some(version) => life.version(version)?,
        None => {
            let mut all = life.versions.iter().filter(stopped);
            match (all.next(), all.next()) {
                (Some(only), None) => only,
                (None, _) => {
                    return Err(Error::conflict(format!(
                        "No version of package {name} is quarantined or disabled."
                    )));
                }
                _ => {
                    return Err(Error::invalid(format!(
                        "Several versions of package {name} are quarantined or disabled: say which one is meant."
                    )));
                }
            }
        }
    };
    if !stopped(&version) {
        return Err(Error::conflict(format!(
            "{name}@{} is neither quarantined nor disabled.",
            version.version
        )));
    }
    let waits = life.waits(version)?;
    let state = match &waits {
        Some(_) => VersionState::AwaitingApproval,
        None => VersionState::Installed,
    };
    let mut tx = ctx.db.change_packages().await?;
    let key = (name, version.version.as_str());
    tx.version_state(key, Some(version.state), state, waits.as_deref(), false)
        .await?;
    tx.note(&actor.did("release", version, version.reason.clone()))
        .await?;
    tx.commit().await?;
    for loaded in ctx.drivers.loaded() {
        if loaded.digest() == version.digest {
            loaded.release_quarantine();
        }
    }
    Ok(json!({"package": name, "version": version.version, "state": state}))
}
