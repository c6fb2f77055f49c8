//! Trying a version out on some nodes before all get it.

use std::sync::Arc;

use ironbark_model::lifecycle::{Canary, CanaryScope, VersionState};
use ironbark_model::{Error, ErrorKind, Result, Timestamp};
use serde_json::{Value, json};

use super::actor::Actor;
use super::granted::Granted;
use super::life::{Life, prepare};
use super::nodes;
use super::{Failure, Memory, stop, trust};
use crate::context::Context;

/// Most nodes that a canary names one by one.
const MAX_NODES: usize = 1000;

/// Lets the nodes of `scope` use a version, or else the newest, from their next call on.
pub(super) async fn begin(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    scope: CanaryScope,
    force: bool,
    actor: &Actor,
) -> Result<Value> {
    check_scope(ctx, &scope).await?;
    let life = Life::read(ctx, name).await?;
    let version = life.or_newest(version)?;
    let what = format!("{name}@{} can't be a canary", version.version);
    if life.is_active(version) {
        return Err(Error::conflict(format!(
            "{what}: it is the active version already."
        )));
    }
    if version.state != VersionState::Installed {
        return Err(Error::conflict(format!(
            "{what}: it is {}{}. Release it, or grant what it asks for, first.",
            version.state.as_str(),
            version
                .reason
                .as_ref()
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default()
        )));
    }
    trust::check_still(ctx, version).await?;
    let prepared = life.prepare(ctx, version).await?;
    ctx.drivers.check_canary(&prepared)?;
    let found = nodes::check(ctx, &prepared, Some(&scope)).await?;
    if !force {
        found.refuse(&what)?;
    }
    let canary = Canary {
        package: name.to_owned(),
        version: version.version.clone(),
        digest: version.digest.clone(),
        scope: scope.clone(),
        created_at: Timestamp::now(),
    };
    let mut tx = ctx.db.change_packages().await?;
    tx.expect_state((name, &version.version), version.state)
        .await?;
    trust::check_inside(ctx, &mut tx, version).await?;
    tx.canary_set(&canary).await?;
    let detail = serde_json::to_string(&scope).ok();
    tx.note(&actor.did("canary", version, detail)).await?;
    tx.commit().await?;
    ctx.drivers.set_canary(prepared, scope.clone());
    Ok(json!({
        "package": name,
        "version": version.version,
        "scope": scope,
        "nodes": found,
    }))
}

/// Lets all nodes use the active version again.
pub(super) async fn end(
    ctx: &Arc<Context>,
    life: &Life,
    dry_run: bool,
    actor: &Actor,
) -> Result<Value> {
    let Some(canary) = &life.canary else {
        return Err(Error::conflict(format!(
            "Package {} has no canary.",
            life.name
        )));
    };
    if !dry_run {
        let mut tx = ctx.db.change_packages().await?;
        tx.canary_clear(&life.name).await?;
        let version = life.version(&canary.version)?;
        let detail = Some("the canary ended".to_owned());
        tx.note(&actor.did("rollback", version, detail)).await?;
        tx.commit().await?;
        ctx.drivers.clear_canary(&life.name);
    }
    Ok(json!({
        "package": life.name,
        "version": life.active.as_ref().map(|active| &active.version),
        "active": true,
        "canary_ended": canary.version,
        "dry_run": dry_run,
    }))
}

/// Makes the canaries here those of the database.
pub(super) async fn follow(ctx: &Context, memory: &mut Memory) -> Result<()> {
    let wanted = ctx.db.package_canaries().await?;
    memory.failed_canaries.retain(|package, failure| {
        wanted
            .iter()
            .any(|canary| canary.package == *package && canary.digest == failure.digest)
    });
    let here = ctx.drivers.canaries();
    for (_, package) in &here {
        if !wanted.iter().any(|canary| canary.package == package.name()) {
            ctx.drivers.clear_canary(package.name());
        }
    }
    for canary in wanted {
        let granted = ctx.db.package_grants(&canary.package).await?;
        let granted = Granted::from_row(granted.unwrap_or_default())?;
        let same = here.iter().any(|(scope, package)| {
            *scope == canary.scope
                && package.digest() == canary.digest
                && *package.granted() == granted.of(package.metadata())
        });
        let failed = memory.failed_canaries.get(&canary.package);
        let stored_at = ctx.db.blob_stored_at(&canary.digest).await?;
        let failed_before = failed
            .is_some_and(|failed| failed.digest == canary.digest && failed.stored_at == stored_at);
        if same || failed_before {
            continue;
        }
        let loaded = prepare(ctx, &canary.digest, &granted).await;
        match loaded.and_then(|prepared| Ok((ctx.drivers.check_canary(&prepared)?, prepared))) {
            Ok(((), prepared)) => ctx.drivers.set_canary(prepared, canary.scope),
            // Our own trouble passes.
            Err(error) if matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Internal) => {
                tracing::warn!(package = %canary.package, %error, "a canary could not be loaded now");
            }
            Err(error) => {
                tracing::error!(
                    package = %canary.package, version = %canary.version, %error,
                    "a canary can't be loaded here: this conductor's nodes stay with the active version"
                );
                let failure = Failure {
                    version: canary.version,
                    digest: canary.digest,
                    active: Vec::new(),
                    stored_at,
                    reason: error.message().to_owned(),
                };
                memory.failed_canaries.insert(canary.package, failure);
            }
        }
    }
    Ok(())
}

/// Quarantines canaries whose calls break too often.
pub(super) async fn watch(ctx: &Arc<Context>) -> Result<()> {
    for (package, counts) in ctx.drivers.canary_counts() {
        if !breaks_too_often(
            counts.calls,
            counts.faults,
            ctx.config.canary_min_calls,
            ctx.config.canary_max_fault_rate,
        ) {
            continue;
        }
        let life = Life::read(ctx, package.name()).await?;
        let reason = format!(
            "as a canary: {} of {} calls broke on conductor {}",
            counts.faults,
            counts.calls,
            ctx.host()
        );
        let version = life.version(package.version())?;
        let actor = Actor::conductor(ctx);
        stop::put_away(ctx, &life, version, &reason, false, &actor).await?;
    }
    Ok(())
}

fn breaks_too_often(calls: u64, faults: u64, min_calls: u64, max_rate: f64) -> bool {
    // Exact enough: counts beyond 2^52 don't occur.
    calls >= min_calls && faults as f64 > calls as f64 * max_rate
}

async fn check_scope(ctx: &Context, scope: &CanaryScope) -> Result<()> {
    match scope {
        CanaryScope::Percent(share) if !(1..=99).contains(share) => Err(Error::invalid(
            "A canary's share of the nodes is from 1 to 99 percent; for all nodes activate the version.",
        )),
        CanaryScope::Nodes(uuids) if uuids.is_empty() || uuids.len() > MAX_NODES => Err(
            Error::invalid(format!("A canary names from 1 to {MAX_NODES} nodes.")),
        ),
        CanaryScope::Nodes(uuids) => {
            for uuid in uuids {
                let ident = ironbark_model::ident::Ident::Uuid(uuid.clone());
                if ctx.db.node_get(&ident).await?.is_none() {
                    return Err(Error::invalid(format!(
                        "A canary can't be tried on node {uuid}, which does not exist."
                    )));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_canary_is_judged_when_enough_calls_were_made() {
        for (calls, faults, expected) in [
            (0, 0, false), (10, 10, false), (20, 1, false), (20, 2, true), (1000, 50, false), (1000, 51, true),
        ] {
            assert_eq!(breaks_too_often(calls, faults, 20, 0.05), expected, "{faults} of {calls}");
        }
    }
}
