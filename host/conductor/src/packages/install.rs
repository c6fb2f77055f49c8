//! Installing: from bytes to a version that may be active. The same for uploads, the folder and what ships.

use std::sync::Arc;

use ironbark_db::PackagesTx;
use ironbark_drivers::{Grants, PreparedPackage};
use ironbark_model::lifecycle::{MAX_VERSIONS, PackageVersion, Publisher, VersionState};
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Error, Result, Timestamp};
use ironbark_package::{Capability, Contents, Metadata};
use ironbark_rpc::Installation;
use serde_json::{Value, json};

use super::actor::Actor;
use super::before::Before;
use super::decision::{Decision, Wanted};
use super::granted::{asked_by, written};
use super::hash;
use super::switch::{self, Planned, When};
use super::{names, nodes, trust};
use crate::audit::Action;
use crate::context::Context;

/// In a list of grants: all that the package asks for.
const ALL_GRANTS: &str = "*";

/// A package that is to be installed.
pub(super) struct Candidate {
    pub(super) bytes: Arc<[u8]>,
    pub(super) signature: Option<String>,
    pub(super) source: PackageSource,
    pub(super) file: Option<String>,
    pub(super) wanted: Wanted,
    /// Also make it the active version.
    pub(super) activate: bool,
    /// Although nodes don't fit it.
    pub(super) force: bool,
    /// Although its package's name is another publisher's.
    pub(super) take_over: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) version: PackageVersion,
    pub(super) active: bool,
}

/// Installs the package whose bytes are in the database. Answers with what came of it.
pub(crate) async fn upload(
    ctx: &Arc<Context>,
    installation: Installation,
    actor: &Actor,
) -> Result<Value> {
    let _turn = ctx.packages.turn().await?;
    let digest = &installation.digest;
    let bytes = ctx.db.blob_get(digest).await?.ok_or_else(|| {
        Error::not_found(format!(
            "The bytes of driver package {digest} are not in the database; upload them first."
        ))
    })?;
    let bytes: Arc<[u8]> = bytes.into();
    if hash(&bytes).await? != *digest {
        return Err(Error::internal(format!(
            "The bytes stored as {digest} are damaged; upload the package again."
        )));
    }
    let candidate = Candidate {
        bytes,
        signature: installation.signature,
        source: PackageSource::Api,
        file: None,
        wanted: match installation.grants {
            None => Wanted::AsBefore,
            Some(grants) if grants.iter().any(|grant| grant == ALL_GRANTS) => Wanted::All,
            Some(grants) => Wanted::Named(grants.into_iter().collect()),
        },
        activate: installation.activate,
        force: installation.force,
        take_over: installation.take_over,
    };
    let installed = install(ctx, candidate, actor, When::Running).await?;
    Ok(json!({
        "name": installed.version.package,
        "version": installed.version.version,
        "state": installed.version.state,
        "active": installed.active,
    }))
}

/// Installs a package, and activates it if that is wanted and nothing has to be decided first. If it can't be activated, it
/// isn't installed either.
pub(super) async fn install(
    ctx: &Arc<Context>,
    candidate: Candidate,
    actor: &Actor,
    when: When,
) -> Result<Installed> {
    let metadata = read_metadata(&candidate.bytes)?;
    let signature = candidate.signature.as_deref();
    let publisher = trust::publisher_of(
        ctx,
        &candidate.bytes,
        signature,
        &metadata.name,
        candidate.source,
    )
    .await?;
    let digest = hash(&candidate.bytes).await?;
    let mut before = Before::read(ctx, &metadata, &digest).await?;
    before.check_immutable(&candidate)?;
    let mut version = describe(&metadata, &candidate, &digest, publisher, &before)?;
    let takes_over = before.check_names(&version, candidate.take_over)?;
    if takes_over {
        // Nothing of what was decided about another's package holds for this one.
        before.granted = None;
    }
    let asked: Vec<Capability> = asked_by(&metadata).cloned().collect();
    let decided = Decision::new(
        &candidate.wanted,
        &asked,
        before.granted.as_ref(),
        before.seen(takes_over)?.as_ref(),
    );
    let waits = !decided.undecided.is_empty();
    if waits && version.state == VersionState::Installed {
        version.state = VersionState::AwaitingApproval;
        let reason = Decision::reason(&decided.undecided, before.granted.as_ref());
        version.reason = Some(reason);
    }
    let grants = Grants::only(decided.granted.iter().cloned());
    let bytes = Arc::clone(&candidate.bytes);
    let prepared = ctx.drivers.prepare(bytes, &grants).await?;
    let row = switch::row_of(&version, &prepared);
    let unchanged = before.active.as_ref().is_some_and(|active| {
        active.digest == digest && active.granted == row.granted && active.source == row.source
    });
    if candidate.activate && unchanged && !switch::is_active(ctx, &row) {
        // Another conductor was asked first: this one follows, and leaves what is written.
        switch::adopt(ctx, prepared, when).await?;
        return Ok(Installed {
            version,
            active: true,
        });
    }
    let activates = candidate.activate && !unchanged && !waits;
    let planned = if activates {
        Some(check(ctx, &prepared, &version, &candidate).await?)
    } else {
        None
    };
    if candidate.source != PackageSource::Api {
        ctx.db.blob_put(&digest, &candidate.bytes).await?;
    }
    let change = Change {
        before: &before,
        decided: &decided,
        version: &version,
        row: &row,
        wanted: &candidate.wanted,
        takes_over,
    };
    let activates = planned.is_some();
    let activating = planned.map(|planned| (prepared, planned, when));
    let begun = match takes_over {
        true => Some(ctx.audit.begin_action(taking_over(&version, actor)).await?),
        false => None,
    };
    let written = change.write(ctx, activating, actor).await;
    if let Some(begun) = begun {
        begun.end(written.as_ref().err().map(Error::kind));
    }
    written?;
    if activates {
        version.state = VersionState::Installed;
    }
    if version.state == VersionState::AwaitingApproval {
        tracing::warn!(
            package = %version.package, version = %version.version, reason = version.reason,
            "a driver package asks for more than was granted: it waits for approval"
        );
    }
    let active = activates || before.is_active(&digest);
    Ok(Installed { version, active })
}

fn taking_over(version: &PackageVersion, actor: &Actor) -> Action {
    Action {
        operation: "take over",
        package: Some(version.package.clone()),
        digest: Some(version.digest.clone()),
        publisher: None,
        actor: Some(actor.name().to_owned()),
        request_id: actor.request_id().map(str::to_owned),
    }
}

/// The row of a version. One that was there keeps its times, its signature, and a quarantine or disablement.
fn describe(
    metadata: &Metadata,
    candidate: &Candidate,
    digest: &str,
    publisher: Option<Publisher>,
    before: &Before,
) -> Result<PackageVersion> {
    let mut asked: Vec<String> = asked_by(metadata)
        .map(|asked| asked.name().to_owned())
        .collect();
    asked.sort();
    let mut version = PackageVersion {
        package: metadata.name.clone(),
        version: metadata.version.clone(),
        digest: digest.to_owned(),
        size: i64::try_from(candidate.bytes.len()).unwrap_or(i64::MAX),
        vendor: metadata.vendor.clone(),
        asked,
        capabilities: written(&metadata.capabilities)?,
        hardware_types: metadata
            .hardware_types
            .iter()
            .map(|hardware_type| hardware_type.name.clone())
            .collect(),
        implementations: implementations(metadata),
        state_schema: metadata.state_schema.clone(),
        source: candidate.source,
        file: candidate.file.clone(),
        publisher: publisher.as_ref().map(|one| one.name.clone()),
        publisher_key: publisher.map(|one| one.public_key),
        state: VersionState::Installed,
        reason: None,
        stopped: false,
        created_at: Timestamp::now(),
        activated_at: None,
    };
    let Some(same) = &before.same else {
        return Ok(version);
    };
    version.created_at = same.created_at;
    version.activated_at = same.activated_at;
    if version.publisher.is_none() {
        version.publisher.clone_from(&same.publisher);
        version.publisher_key.clone_from(&same.publisher_key);
    }
    if matches!(
        same.state,
        VersionState::Quarantined | VersionState::Disabled
    ) {
        version.state = same.state;
        version.reason.clone_from(&same.reason);
        version.stopped = same.stopped;
    }
    Ok(version)
}

/// The implementations that a package brings: `power/acme`.
pub(super) fn implementations(metadata: &Metadata) -> Vec<String> {
    metadata
        .interfaces
        .iter()
        .flat_map(|(kind, entries)| {
            entries
                .iter()
                .map(move |entry| format!("{kind}/{}", entry.name))
        })
        .collect()
}

/// Checks that a version can become the active one.
async fn check(
    ctx: &Context,
    prepared: &PreparedPackage,
    version: &PackageVersion,
    candidate: &Candidate,
) -> Result<Planned> {
    let what = format!("{}@{} can't be activated", version.package, version.version);
    if version.state == VersionState::Quarantined {
        return Err(Error::conflict(format!(
            "{what}: it is quarantined ({}). Release it first.",
            version.reason.as_deref().unwrap_or("no reason was given")
        )));
    }
    trust::check_still(ctx, version).await?;
    // What ships and the program belong together.
    if !candidate.force && candidate.source != PackageSource::Bundled {
        nodes::check(ctx, prepared, None).await?.refuse(&what)?;
    }
    switch::plan(ctx, prepared, what)
}

/// What an installation writes.
struct Change<'a> {
    before: &'a Before,
    decided: &'a Decision,
    version: &'a PackageVersion,
    row: &'a DriverPackage,
    wanted: &'a Wanted,
    takes_over: bool,
}

impl Change<'_> {
    /// In one transaction, together with what becomes active.
    async fn write(
        &self,
        ctx: &Arc<Context>,
        activating: Option<(PreparedPackage, Planned, When)>,
        actor: &Actor,
    ) -> Result<()> {
        let mut tx = ctx.db.change_packages().await?;
        self.own(&mut tx, actor).await?;
        self.install(&mut tx, actor).await?;
        let package = &self.version.package;
        if activating.is_some() || self.before.granted.is_none() {
            tx.grants_set(package, &self.decided.after.to_row()?)
                .await?;
        } else if matches!(self.wanted, Wanted::All | Wanted::Named(_)) {
            // What somebody grants to a version that comes into use later takes nothing from the one that is.
            tx.grants_set(package, &self.decided.beside.to_row()?)
                .await?;
        }
        let Some((prepared, planned, when)) = activating else {
            return tx.commit().await;
        };
        trust::check_inside(ctx, &mut tx, self.version).await?;
        let granted = format!("granted: {}", self.row.granted.join(", "));
        tx.note(&actor.did("activate", self.version, Some(granted)))
            .await?;
        let from = (self.row, self.version.state);
        switch::activate(ctx, tx, prepared, from, planned, when).await
    }

    /// Whose the names are, as it is now that nobody else changes it.
    async fn own(&self, tx: &mut PackagesTx, actor: &Actor) -> Result<()> {
        let owners = tx.owners().await?;
        let mut installed = tx.versions().await?;
        installed.retain(|one| one.package != self.version.package);
        names::check_brought(self.version, &installed, &owners)?;
        let package = &self.version.package;
        let owner = owners.iter().find(|owner| owner.package == *package);
        if owner != self.before.owner(package) {
            return Err(Error::conflict(format!(
                "Package {package} has become another publisher's meanwhile, so that nothing was changed: look at it, and \
                 decide again."
            )));
        }
        if self.version.source == PackageSource::Bundled {
            return Ok(());
        }
        match names::owner_of(owner, self.version, self.takes_over) {
            Some(new) if owner != Some(&new) => tx.owner_set(&new).await?,
            None if owner.is_some() => tx.owner_clear(package).await?,
            _ => {}
        }
        match owner {
            Some(owner) if self.takes_over => {
                let detail = format!(
                    "it was publisher {}'s, what it was granted is taken away",
                    owner.publisher
                );
                tx.note(&actor.did("take-over", self.version, Some(detail)))
                    .await
            }
            _ => Ok(()),
        }
    }

    /// That the version is installed, and what makes room for it.
    async fn install(&self, tx: &mut PackagesTx, actor: &Actor) -> Result<()> {
        let (before, version) = (self.before, self.version);
        if let Some(other) = &before.other {
            tx.version_remove(&other.package, &other.version).await?;
        }
        tx.version_put(version).await?;
        if before.same.is_some() {
            return Ok(());
        }
        for old in before.surplus() {
            tx.version_remove(&old.package, &old.version).await?;
            let why = format!("more than {MAX_VERSIONS} versions");
            tx.note(&actor.did("remove", old, Some(why))).await?;
        }
        let signed = version
            .publisher
            .as_ref()
            .map(|publisher| format!("signed by {publisher}"));
        tx.note(&actor.did("install", version, signed)).await
    }
}

/// The metadata of a package file.
pub(super) fn read_metadata(bytes: &[u8]) -> Result<Metadata> {
    let wrong = |error: &dyn std::error::Error| Error::invalid(error.to_string());
    let contents = Contents::read(bytes).map_err(|error| wrong(&error))?;
    Metadata::parse(&contents.metadata).map_err(|error| wrong(&error))
}
