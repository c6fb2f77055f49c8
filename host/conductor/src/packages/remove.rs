//! Taking packages out of use for good.

use std::sync::Arc;

use ironbark_model::lifecycle::PackageVersion;
use ironbark_model::package::PackageSource;
use ironbark_model::{Error, ErrorKind, Result};

use super::actor::Actor;
use super::life::Life;
use super::switch::{self, When};
use crate::context::Context;

/// Takes a package out of use and forgets all its versions; or only one version, which isn't in use.
///
/// # Errors
/// `NotFound` if there is none; `Conflict` if nodes use what would go.
pub(crate) async fn remove(
    ctx: &Arc<Context>,
    name: &str,
    version: Option<&str>,
    actor: &Actor,
) -> Result<()> {
    let mut memory = ctx.packages.turn().await?;
    if let Some(version) = version {
        return one_version(ctx, name, version, actor).await;
    }
    let life = match Life::read(ctx, name).await {
        Ok(life) => life,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Another conductor was asked first: this one follows.
            let mut here = ctx.drivers.packages().into_iter();
            if here.any(|package| package.name() == name) {
                return switch::drop_here(ctx, name, When::Running).await;
            }
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    let from_file = life
        .active
        .as_ref()
        .is_some_and(|active| active.source != PackageSource::Api);
    all_of(ctx, &life, |_| true, actor).await?;
    memory.to_remove.remove(name);
    if from_file {
        tracing::warn!(
            package = name,
            "this package comes back at the next start as long as its file is there"
        );
    }
    Ok(())
}

/// Takes a package out of use whose file is gone, with all versions that came from files.
pub(super) async fn from_folder(ctx: &Arc<Context>, name: &str, actor: &Actor) -> Result<()> {
    match Life::read(ctx, name).await {
        Ok(life) => {
            let from_folder = |version: &PackageVersion| version.source == PackageSource::Folder;
            all_of(ctx, &life, from_folder, actor).await
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes a package out of use, and forgets those of its versions that `goes` names and the active one.
async fn all_of(
    ctx: &Arc<Context>,
    life: &Life,
    goes: impl Fn(&PackageVersion) -> bool,
    actor: &Actor,
) -> Result<()> {
    let name = life.name.as_str();
    let what = format!("Package {name} can't be removed");
    let planned = switch::plan_without(ctx, name, what, false);
    let mut tx = ctx.db.change_packages().await?;
    let mut stays = false;
    for version in &life.versions {
        if goes(version) || life.is_active(version) {
            tx.version_remove(name, &version.version).await?;
            tx.note(&actor.did("remove", version, None)).await?;
        } else {
            stays = true;
        }
    }
    if !stays {
        tx.grants_clear(name).await?;
        tx.owner_clear(name).await?;
    }
    switch::deactivate(ctx, tx, name, planned).await
}

async fn one_version(ctx: &Arc<Context>, name: &str, version: &str, actor: &Actor) -> Result<()> {
    let life = Life::read(ctx, name).await?;
    let version = life.version(version)?;
    if life.is_active(version) || life.is_canary(version) {
        return Err(Error::conflict(format!(
            "{name}@{} is in use: activate another version or end the canary first, or remove the whole package.",
            version.version
        )));
    }
    let mut tx = ctx.db.change_packages().await?;
    tx.version_remove(name, &version.version).await?;
    if life.versions.len() == 1 {
        tx.grants_clear(name).await?;
        tx.owner_clear(name).await?;
    }
    tx.note(&actor.did("remove", version, None)).await?;
    tx.commit().await
}
