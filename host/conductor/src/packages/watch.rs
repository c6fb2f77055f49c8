//! Packages that come as files: what ships with Ironbark, and the folder of the operator.

use std::sync::Arc;

use ironbark_drivers::FoundPackage;
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Error, ErrorKind, Result};

use super::actor::Actor;
use super::decide::takes_over;
use super::decision::Wanted;
use super::install::{self, Candidate, read_metadata};
use super::switch::When;
use super::{Memory, folder, hash, remove};
use crate::audit::Action;
use crate::context::Context;

/// A package file that was read.
struct File<'a> {
    name: &'a str,
    bytes: Arc<[u8]>,
    source: PackageSource,
    signature: Option<String>,
    /// It came or changed while we watched.
    changed: bool,
}

/// Installs what ships with Ironbark, unless a package of that name is there from elsewhere.
pub(super) async fn install_bundled(ctx: &Arc<Context>) -> Result<()> {
    let Some(path) = &ctx.config.bundled_folder else {
        return Ok(());
    };
    let files = match folder::all(path).await {
        Ok(files) => files,
        Err(error) => {
            tracing::error!(folder = %path.display(), %error, "the folder of bundled drivers can't be read");
            return Ok(());
        }
    };
    for (name, bytes) in files {
        let file = File {
            name: &name,
            bytes,
            source: PackageSource::Bundled,
            signature: None,
            changed: false,
        };
        if let Err(error) = install(ctx, file, When::Starting).await {
            report(&name, &error);
        }
    }
    Ok(())
}

/// Does what changed in the folder. What is wrong with a file is said once, until it changes.
pub(super) async fn watch(ctx: &Arc<Context>, memory: &mut Memory, when: When) -> Result<()> {
    let changes = memory.watched.look().await;
    if let Some(files) = &changes.first {
        find_missing(ctx, memory, files).await?;
    }
    for found in &changes.new {
        take_in(ctx, memory, found, changes.first.is_none(), when).await;
    }
    for file in &changes.gone {
        if let Some((name, _)) = memory.files.remove(file) {
            let row = ctx.db.package_get(&name).await?;
            if let Some(row) = row.filter(|row| is_from(row, file)) {
                lose(ctx, memory, row).await?;
            }
        }
    }
    remove_gone(ctx, memory, when).await
}

/// The file that the active package `row` came from is gone. Another file with the same package, or another version of it, takes
/// its place; without one the package goes.
async fn lose(ctx: &Context, memory: &mut Memory, row: DriverPackage) -> Result<()> {
    let other = memory.files.iter().find(|(_, (name, _))| *name == row.name);
    match other.map(|(file, (_, digest))| (file.clone(), digest.clone())) {
        None => {
            memory.to_remove.insert(row.name);
        }
        Some((file, digest)) if digest == row.digest => {
            let mut tx = ctx.db.change_packages().await?;
            tx.file_set(&row.digest, &file).await?;
            tx.commit().await?;
        }
        Some((file, _)) => memory.watched.try_again(&file),
    }
    Ok(())
}

/// At the start: packages whose file is gone go too, if no other conductor may have it in its folder.
async fn find_missing(ctx: &Context, memory: &mut Memory, files: &[String]) -> Result<()> {
    let alone = ctx
        .db
        .conductors_all()
        .await?
        .iter()
        .all(|conductor| conductor.hostname == ctx.host());
    if !alone {
        return Ok(());
    }
    for row in ctx.db.package_list().await? {
        let file = row.file.as_deref().unwrap_or_default();
        if row.source == PackageSource::Folder && !files.iter().any(|name| name == file) {
            memory.to_remove.insert(row.name);
        }
    }
    Ok(())
}

async fn take_in(
    ctx: &Arc<Context>,
    memory: &mut Memory,
    found: &FoundPackage,
    changed: bool,
    when: When,
) {
    let bytes: Arc<[u8]> = match tokio::fs::read(&found.path).await {
        Ok(bytes) => bytes.into(),
        Err(error) => {
            tracing::warn!(file = %found.file, %error, "a driver file can't be read now");
            memory.watched.try_again(&found.file);
            return;
        }
    };
    if hash(&bytes).await.ok().as_ref() != Some(&found.digest) {
        // It changed since it was looked at.
        memory.watched.try_again(&found.file);
        return;
    }
    let file = File {
        name: &found.file,
        bytes,
        source: PackageSource::Folder,
        signature: found.signature.clone(),
        changed,
    };
    match install(ctx, file, when).await {
        Ok(name) => {
            memory.to_remove.remove(&name);
            let held = (name.clone(), found.digest.clone());
            let before = memory.files.insert(found.file.clone(), held);
            // The file holds another package now: the one that it held is gone.
            if let Some((before, _)) = before.filter(|(before, _)| *before != name) {
                memory.to_remove.insert(before);
            }
        }
        Err(error) => {
            report(&found.file, &error);
            if matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Internal) {
                memory.watched.try_again(&found.file);
            }
        }
    }
}

/// Installs a file's package, if it takes the place of what is active. Answers with the package's name.
async fn install(ctx: &Arc<Context>, file: File<'_>, when: When) -> Result<String> {
    let metadata = read_metadata(&file.bytes)?;
    let name = metadata.name;
    let digest = hash(&file.bytes).await?;
    let active = ctx.db.package_get(&name).await?;
    let versions = ctx.db.package_versions(&name).await?;
    let unsigned = versions
        .iter()
        .any(|known| known.digest == digest && known.publisher.is_none());
    let takes_over = takes_over(
        file.source,
        &metadata.version,
        &digest,
        active.as_ref(),
        &versions,
        file.changed,
    );
    // A signature that came later is taken in, whether or not the version is in use.
    let signs = unsigned && file.signature.is_some();
    if !(takes_over || signs) {
        if let Some(active) = active.filter(|active| active.digest != digest) {
            tracing::info!(
                file = file.name, package = %name, version = %metadata.version,
                active = %active.version, source = active.source.as_str(),
                "a driver file is not used: another version of its package is active"
            );
        }
        return Ok(name);
    }
    let candidate = Candidate {
        bytes: file.bytes,
        signature: file.signature,
        source: file.source,
        file: Some(file.name.to_owned()),
        wanted: Wanted::AsAsked,
        activate: takes_over,
        force: false,
        take_over: false,
    };
    let action = Action::of_file("install", &name, Some(&digest), candidate.source.as_str());
    let begun = ctx.audit.begin_action(action).await?;
    let installed = install::install(ctx, candidate, &Actor::conductor(ctx), when).await;
    begun.end(installed.as_ref().err().map(Error::kind));
    installed.map(|_| name)
}

/// Removes the packages whose files are gone. One that nodes use stays until they are gone.
async fn remove_gone(ctx: &Arc<Context>, memory: &mut Memory, when: When) -> Result<()> {
    // Before this conductor registered, it can't tell others; the first pass after that will.
    if when == When::Starting {
        return Ok(());
    }
    for name in memory.to_remove.clone() {
        match remove::from_folder(ctx, &name, &Actor::conductor(ctx)).await {
            Ok(()) => {
                memory.to_remove.remove(&name);
                memory.in_use.remove(&name);
                // Afterwards: it is tried again and again as long as nodes use the package.
                let source = PackageSource::Folder.as_str();
                let action = Action::of_file("remove", &name, None, source);
                match ctx.audit.begin_action(action).await {
                    Ok(begun) => begun.end(None),
                    Err(error) => {
                        tracing::error!(package = %name, %error, "the removal of a package could not be recorded");
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                if memory.in_use.insert(name.clone()) {
                    tracing::error!(package = %name, %error, "the file of a driver package is gone, but nodes use it: it stays until they don't");
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_from(row: &DriverPackage, file: &str) -> bool {
    row.source == PackageSource::Folder && row.file.as_deref() == Some(file)
}

fn report(file: &str, error: &Error) {
    tracing::error!(
        file, reason = %error,
        "a driver file is not used; it is looked at again when it changes. Nothing that runs is disturbed"
    );
}
