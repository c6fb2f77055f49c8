//! Going back from a quarantined version to the last good one. It follows from what the database says, so that a quarantine that
//! is written down is followed by it also if whoever wrote it was killed, or failed for a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironbark_model::Result;
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use tokio::time::Instant;

use super::activate::{How, switch_to};
use super::actor::Actor;
use super::decide::last_good;
use super::life::Life;
use crate::context::Context;

/// How long after a failure it is tried again: it takes a look at all nodes.
const AGAIN: Duration = Duration::from_secs(30);

/// Packages that couldn't go back, by name.
pub(super) type Stuck = BTreeMap<String, Attempt>;

/// One that failed.
pub(super) struct Attempt {
    /// Digests of the quarantined version, and of the one to go back to.
    between: (String, String),
    at: Instant,
}

/// Goes back wherever the active version is quarantined and there is a good one.
pub(super) async fn where_due(ctx: &Arc<Context>, stuck: &mut Stuck) -> Result<()> {
    let versions = ctx.db.package_versions_all().await?;
    let mut due = BTreeMap::new();
    for active in ctx.db.package_list().await? {
        let version = versions.iter().find(|one| one.digest == active.digest);
        if let Some(version) = version.filter(|one| one.state == VersionState::Quarantined) {
            due.insert(active.name, version.clone());
        }
    }
    stuck.retain(|name, _| due.contains_key(name));
    for (name, version) in due {
        let life = Life::read(ctx, &name).await?;
        let Some(good) = good(&life, &version) else {
            stuck.remove(&name);
            continue;
        };
        let between = (version.digest.clone(), good.digest.clone());
        let before = stuck.get(&name).filter(|before| before.between == between);
        if before.is_some_and(|before| before.at.elapsed() < AGAIN) {
            continue;
        }
        let said = before.is_some();
        match switch(ctx, &life, good, &Actor::conductor(ctx)).await {
            Ok(()) => {
                stuck.remove(&name);
            }
            Err(error) => {
                if !said {
                    tracing::error!(
                        package = %name, version = %good.version, %error,
                        "a quarantined driver package can't go back to its last good version by itself: activate another one"
                    );
                }
                let at = Instant::now();
                stuck.insert(name, Attempt { between, at });
            }
        }
    }
    Ok(())
}

/// Goes back to the last good version now if this is the active one; answers with the active version afterwards. What fails is
/// tried again by [`where_due`].
pub(super) async fn now(
    ctx: &Arc<Context>,
    life: &Life,
    version: &PackageVersion,
    actor: &Actor,
) -> Option<String> {
    let active = life.active.as_ref().map(|active| active.version.clone());
    let Some(good) = good(life, version).filter(|_| life.is_active(version)) else {
        return active;
    };
    match switch(ctx, life, good, actor).await {
        Ok(()) => Some(good.version.clone()),
        Err(error) => {
            tracing::warn!(
                package = %life.name, version = %good.version, %error,
                "a quarantined driver package could not go back to its last good version: it is tried again"
            );
            active
        }
    }
}

fn good<'l>(life: &'l Life, version: &PackageVersion) -> Option<&'l PackageVersion> {
    last_good(&life.versions, &version.version)
}

/// Without force: a version that keeps other notes, or that nodes don't fit, is nothing to go back to unasked.
async fn switch(
    ctx: &Arc<Context>,
    life: &Life,
    good: &PackageVersion,
    actor: &Actor,
) -> Result<()> {
    let how = How {
        action: "rollback",
        force: false,
        dry_run: false,
    };
    switch_to(ctx, life, good, how, actor).await.map(drop)
}
