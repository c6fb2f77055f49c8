//! Following the database: other conductors install and remove too.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_db::PackageFailure;
use ironbark_drivers::PreparedPackage;
use ironbark_model::package::DriverPackage;
use ironbark_model::{Error, ErrorKind, Result};

use super::decide::{Active, difference};
use super::granted::Granted;
use super::install::read_metadata;
use super::life;
use super::switch::{self, When};
use super::{Failure, Memory};
use crate::context::Context;

/// Makes the active packages those of the database. One that can't be loaded here is reported once and left out.
pub(super) async fn follow(ctx: &Arc<Context>, memory: &mut Memory, when: When) -> Result<()> {
    let wanted = ctx.db.package_list().await?;
    let todo = difference(&wanted, &active(ctx));
    for name in &todo.remove {
        switch::drop_here(ctx, name, when).await?;
    }
    // A package may need a name that another one gives up only with its own change: as long as one succeeds, others may.
    let mut left = todo.load;
    loop {
        let before = left.len();
        let mut failed = Vec::new();
        for package in left {
            if let Err(error) = load(ctx, memory, &package, when).await {
                failed.push((package, error));
            }
        }
        let stuck = failed.len() == before;
        if stuck {
            for (package, error) in &failed {
                give_up(ctx, memory, package, error).await?;
            }
        }
        left = failed.into_iter().map(|(package, _)| package).collect();
        if stuck || left.is_empty() {
            break;
        }
    }
    let here = active(ctx);
    memory.failed.retain(|name, failure| {
        let wanted = wanted
            .iter()
            .any(|package| package.name == *name && package.digest == failure.digest);
        wanted && !here.iter().any(|active| active.digest == failure.digest)
    });
    Ok(())
}

/// Tells the API which packages can't be loaded here, when that changed.
pub(super) async fn tell_failures(ctx: &Context, memory: &mut Memory) -> Result<()> {
    let failures: Vec<PackageFailure> = memory
        .failed
        .iter()
        .chain(&memory.failed_canaries)
        .map(|(package, failure)| PackageFailure {
            conductor: ctx.host().to_owned(),
            package: package.clone(),
            version: failure.version.clone(),
            reason: failure.reason.clone(),
        })
        .collect();
    if memory.told.as_ref() != Some(&failures) {
        ctx.db.package_failures_set(ctx.host(), &failures).await?;
        memory.told = Some(failures);
    }
    Ok(())
}

/// Loads versions that aren't active, but that open operations began with.
pub(super) async fn load_pinned(ctx: &Arc<Context>) -> Result<()> {
    let active = active(ctx);
    let mut seen: BTreeSet<String> = ctx.drivers.retained_digests().into_iter().collect();
    for (operation, node) in ctx.db.operations_open().await? {
        let Some(digest) = operation.package_digest else {
            continue;
        };
        if active.iter().any(|active| active.digest == digest) || !seen.insert(digest.clone()) {
            continue;
        }
        match prepare_pinned(ctx, &digest).await {
            Ok(prepared) => ctx.drivers.retain(prepared),
            Err(error) => tracing::error!(
                node = %node.uuid, request_id = %operation.request_id, %digest, %error,
                "the driver version that this node's step began with can't be loaded: the step will fail"
            ),
        }
    }
    Ok(())
}

/// Lets go of versions that are not active and that no operation needs.
pub(super) async fn release_unpinned(ctx: &Arc<Context>) -> Result<()> {
    for digest in ctx.drivers.retained_digests() {
        if ctx.db.operations_pinning(&digest).await?.is_empty() {
            ctx.drivers.release(&digest);
        }
    }
    Ok(())
}

async fn load(
    ctx: &Arc<Context>,
    memory: &Memory,
    package: &DriverPackage,
    when: When,
) -> Result<()> {
    if let Some(failure) = memory.failed.get(&package.name)
        && failure.digest == package.digest
        && failure.active == digests(ctx)
        && failure.stored_at == ctx.db.blob_stored_at(&package.digest).await?
    {
        // It would fail again; it was reported.
        return Err(Error::internal("it failed before"));
    }
    // Its own: what it has was decided when it became the active version, and its bytes are the same.
    let granted = Granted::by_name(package.granted.iter().cloned());
    let prepared = life::prepare(ctx, &package.digest, &granted).await?;
    switch::adopt(ctx, prepared, when).await
}

/// It gets what its package is granted now, and nothing if that was removed.
async fn prepare_pinned(ctx: &Context, digest: &str) -> Result<PreparedPackage> {
    let bytes = ctx
        .db
        .blob_get(digest)
        .await?
        .ok_or_else(|| Error::not_found("its bytes are not in the database"))?;
    let name = read_metadata(&bytes)?.name;
    let granted = ctx.db.package_grants(&name).await?.unwrap_or_default();
    life::prepare(ctx, digest, &Granted::from_row(granted)?).await
}

async fn give_up(
    ctx: &Context,
    memory: &mut Memory,
    package: &DriverPackage,
    error: &Error,
) -> Result<()> {
    // Our own trouble passes.
    if matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Internal)
        && !memory.failed.contains_key(&package.name)
    {
        tracing::warn!(package = %package.name, %error, "a driver package could not be loaded now");
        return Ok(());
    }
    let active = digests(ctx);
    let stored_at = ctx.db.blob_stored_at(&package.digest).await?;
    let before = memory.failed.get(&package.name);
    let said = before.is_some_and(|before| {
        before.digest == package.digest && before.active == active && before.stored_at == stored_at
    });
    if !said {
        tracing::error!(
            package = %package.name, version = %package.version, digest = %package.digest, %error,
            "a driver package that is installed can't be loaded by this conductor: it doesn't drive what the package brings"
        );
        let failure = Failure {
            version: package.version.clone(),
            digest: package.digest.clone(),
            active,
            stored_at,
            reason: error.message().to_owned(),
        };
        memory.failed.insert(package.name.clone(), failure);
    }
    Ok(())
}

fn active(ctx: &Context) -> Vec<Active> {
    ctx.drivers
        .packages()
        .iter()
        .map(|package| Active {
            name: package.name().to_owned(),
            digest: package.digest().to_owned(),
            granted: package.granted().iter().cloned().collect(),
        })
        .collect()
}

fn digests(ctx: &Context) -> Vec<String> {
    active(ctx)
        .into_iter()
        .map(|active| active.digest)
        .collect()
}
