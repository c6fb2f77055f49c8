//! Quarantines, here and in the database: found here, written down there, and followed by all conductors.

use std::sync::Arc;

use ironbark_model::lifecycle::VersionState;
use ironbark_model::{ErrorKind, Result};

use super::actor::Actor;
use super::life::Life;
use super::stop;
use crate::context::Context;

/// Writes down the quarantines that this conductor found, and goes back to versions that are good.
pub(super) async fn write_down(ctx: &Arc<Context>) -> Result<()> {
    for package in ctx.drivers.loaded() {
        let Some(found) = package.quarantine().filter(|quarantine| !quarantine.known) else {
            continue;
        };
        let life = match Life::read(ctx, package.name()).await {
            Ok(life) => life,
            // It was removed meanwhile: nobody is left to tell.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                package.set_quarantine(found.stopped);
                continue;
            }
            Err(error) => return Err(error),
        };
        let version = life
            .versions
            .iter()
            .find(|version| version.digest == package.digest());
        let Some(version) = version else {
            package.set_quarantine(found.stopped);
            continue;
        };
        if version.state == VersionState::Quarantined {
            // Another conductor was faster.
            package.set_quarantine(version.stopped);
            continue;
        }
        let reason = format!("{} calls broke on conductor {}", found.faults, ctx.host());
        let actor = Actor::conductor(ctx);
        stop::put_away(ctx, &life, version, &reason, false, &actor).await?;
    }
    Ok(())
}

/// Makes the quarantines here those of the database.
pub(super) async fn follow(ctx: &Context) -> Result<()> {
    let versions = ctx.db.package_versions_all().await?;
    for package in ctx.drivers.loaded() {
        let version = versions
            .iter()
            .find(|version| version.digest == package.digest());
        let Some(version) = version else { continue };
        match (version.state, package.quarantine()) {
            (VersionState::Quarantined, Some(here)) if here.stopped == version.stopped => {}
            (VersionState::Quarantined, _) => package.set_quarantine(version.stopped),
            (_, Some(here)) if here.known => package.release_quarantine(),
            _ => {}
        }
    }
    Ok(())
}
