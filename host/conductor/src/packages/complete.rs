//! Completes what is known of packages that an earlier release installed, from their bytes: at the start, before anything is
//! decided about them.

use ironbark_model::Result;
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_package::{Capability, Metadata};

use super::granted::{Granted, asked_by, written};
use super::install::{implementations, read_metadata};
use crate::context::Context;

/// Completes versions, then grants.
pub(super) async fn complete(ctx: &Context) -> Result<()> {
    for version in ctx.db.package_versions_all().await? {
        // A package that brings no implementation is looked at at each start, and found to be complete.
        if version.implementations.is_empty() {
            complete_version(ctx, version).await?;
        }
    }
    for package in ctx.db.packages_granted_by_name().await? {
        complete_grants(ctx, &package).await?;
    }
    Ok(())
}

async fn complete_version(ctx: &Context, mut version: PackageVersion) -> Result<()> {
    // What can't be read is reported when it is loaded.
    let Some(metadata) = metadata_of(ctx, &version.digest).await? else {
        return Ok(());
    };
    let implementations = implementations(&metadata);
    let capabilities = written(&metadata.capabilities)?;
    if version.implementations == implementations && version.capabilities == capabilities {
        return Ok(());
    }
    version.implementations = implementations;
    version.capabilities = capabilities;
    version.asked = asked_by(&metadata)
        .map(|asked| asked.name().to_owned())
        .collect();
    version.asked.sort();
    version.state_schema = metadata.state_schema;
    let mut tx = ctx.db.change_packages().await?;
    tx.version_put(&version).await?;
    tx.commit().await
}

/// A package's grants were names alone: what was granted is what its active version asks for under them, and what versions that
/// were active before do under names that it doesn't ask for.
async fn complete_grants(ctx: &Context, package: &str) -> Result<()> {
    let Some(row) = ctx.db.package_grants(package).await? else {
        return Ok(());
    };
    let by_name = Granted::from_row(row)?;
    if by_name.is_exact() {
        return Ok(());
    }
    let active = ctx.db.package_get(package).await?;
    let mut digests: Vec<String> = active.into_iter().map(|active| active.digest).collect();
    let mut before = ctx.db.package_versions(package).await?;
    before.retain(|version| {
        version.state == VersionState::Installed && version.activated_at.is_some()
    });
    before.sort_by_key(|version| std::cmp::Reverse(version.activated_at));
    digests.extend(before.into_iter().map(|version| version.digest));
    let mut entries: Vec<Capability> = Vec::new();
    for digest in digests {
        let Some(metadata) = metadata_of(ctx, &digest).await? else {
            continue;
        };
        for asked in asked_by(&metadata).filter(|asked| by_name.has(asked)) {
            if !entries.iter().any(|known| known.name() == asked.name()) {
                entries.push(asked.clone());
            }
        }
    }
    let mut row = Granted::exactly(entries).to_row()?;
    row.names = by_name.names.into_iter().collect();
    let mut tx = ctx.db.change_packages().await?;
    tx.grants_set(package, &row).await?;
    tx.commit().await
}

async fn metadata_of(ctx: &Context, digest: &str) -> Result<Option<Metadata>> {
    let bytes = ctx.db.blob_get(digest).await?;
    Ok(bytes.and_then(|bytes| read_metadata(&bytes).ok()))
}
