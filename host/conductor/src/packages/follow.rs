//! Following the database: other conductors install and remove too.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_drivers::{Grants, PreparedPackage};
use ironbark_model::package::DriverPackage;
use ironbark_model::{Error, ErrorKind, Result};

use super::Memory;
use super::decide::{Active, difference};
use super::switch::{self, When};
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
                give_up(ctx, memory, package, error);
            }
        }
        left = failed.into_iter().map(|(package, _)| package).collect();
        if stuck || left.is_empty() {
            break;
        }
    }
    memory
        .failed
        .retain(|name, _| wanted.iter().any(|package| &package.name == name));
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
    if let Some((digest, then)) = memory.failed.get(&package.name)
        && *digest == package.digest
        && *then == digests(ctx)
    {
        // It would fail again; it was reported.
        return Err(Error::internal("it failed before"));
    }
    let prepared = prepare(
        ctx,
        &package.digest,
        &Grants::only(package.granted.iter().cloned()),
    )
    .await?;
    switch::adopt(ctx, prepared, when).await
}

async fn prepare(ctx: &Context, digest: &str, grants: &Grants) -> Result<PreparedPackage> {
    let bytes = ctx.db.blob_get(digest).await?.ok_or_else(|| {
        Error::not_found(format!(
            "the bytes of driver package {digest} are not in the database"
        ))
    })?;
    Ok(ctx.drivers.prepare(bytes.into(), grants).await?)
}

/// The version has no row any more that says what it was granted: it gets what the active version of its name has, and
/// nothing if there is none.
async fn prepare_pinned(ctx: &Context, digest: &str) -> Result<PreparedPackage> {
    let bytes: Arc<[u8]> = ctx
        .db
        .blob_get(digest)
        .await?
        .ok_or_else(|| Error::not_found("its bytes are not in the database"))?
        .into();
    let asked = ctx
        .drivers
        .prepare(Arc::clone(&bytes), &Grants::AsAsked)
        .await?;
    let active = ctx
        .drivers
        .packages()
        .into_iter()
        .find(|package| package.name() == asked.package().name());
    let granted: Vec<String> = active
        .map(|active| {
            active
                .granted()
                .intersection(asked.package().granted())
                .cloned()
                .collect()
        })
        .unwrap_or_default();
    Ok(ctx.drivers.prepare(bytes, &Grants::only(granted)).await?)
}

fn give_up(ctx: &Context, memory: &mut Memory, package: &DriverPackage, error: &Error) {
    // Our own trouble passes.
    if matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Internal)
        && !memory.failed.contains_key(&package.name)
    {
        tracing::warn!(package = %package.name, %error, "a driver package could not be loaded now");
        return;
    }
    let state = (package.digest.clone(), digests(ctx));
    if memory.failed.get(&package.name) != Some(&state) {
        tracing::error!(
            package = %package.name, version = %package.version, digest = %package.digest, %error,
            "a driver package that is installed can't be loaded by this conductor: it doesn't drive what the package brings"
        );
        memory.failed.insert(package.name.clone(), state);
    }
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
