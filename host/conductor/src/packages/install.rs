//! Installing: from bytes to a version that may be active. The same for uploads, the folder and what ships.

use std::sync::Arc;

use ironbark_db::PackagesTx;
use ironbark_drivers::{Grants, Package, PreparedPackage};
use ironbark_model::lifecycle::{Canary, MAX_VERSIONS, PackageVersion, Publisher, VersionState};
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Error, Result, Timestamp};
use ironbark_package::{Capability, Contents, Metadata};
use ironbark_rpc::Installation;
use serde_json::{Value, json};

use super::actor::Actor;
use super::decide::last_good;
use super::decision::{Decision, Seen, Wanted};
use super::granted::{Granted, asked_by, written};
use super::hash;
use super::nodes;
use super::switch::{self, Planned, When};
use super::trust;
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
    let before = Before::read(ctx, &metadata, &digest).await?;
    before.check_immutable(&candidate)?;
    let asked: Vec<Capability> = asked_by(&metadata).cloned().collect();
    let decided = Decision::new(
        &candidate.wanted,
        &asked,
        before.granted.as_ref(),
        before.seen()?.as_ref(),
    );
    let grants = Grants::only(decided.granted.iter().cloned());
    let bytes = Arc::clone(&candidate.bytes);
    let prepared = ctx.drivers.prepare(bytes, &grants).await?;
    let mut version = describe(
        &metadata,
        prepared.package(),
        &candidate,
        publisher,
        &before,
        &decided,
    )?;
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
    let activates =
        candidate.activate && !unchanged && version.state != VersionState::AwaitingApproval;
    let planned = if activates {
        Some(check(ctx, &prepared, &version, &candidate).await?)
    } else {
        None
    };
    if candidate.source != PackageSource::Api {
        ctx.db.blob_put(&digest, &candidate.bytes).await?;
    }
    let mut tx = write(ctx, &before, &version, actor).await?;
    if activates || before.granted.is_none() {
        tx.grants_set(&version.package, &decided.after.to_row()?)
            .await?;
    } else if matches!(candidate.wanted, Wanted::All | Wanted::Named(_)) {
        // What somebody grants to a version that comes into use later takes nothing from the one that is.
        tx.grants_set(&version.package, &decided.beside.to_row()?)
            .await?;
    }
    let active = match planned {
        Some(planned) => {
            let granted = format!("granted: {}", row.granted.join(", "));
            tx.note(&actor.did("activate", &version, Some(granted)))
                .await?;
            let from = (&row, version.state);
            switch::activate(ctx, tx, prepared, from, planned, when).await?;
            version.state = VersionState::Installed;
            true
        }
        None => {
            tx.commit().await?;
            before.is_active(&digest)
        }
    };
    if version.state == VersionState::AwaitingApproval {
        tracing::warn!(
            package = %version.package, version = %version.version, reason = version.reason,
            "a driver package asks for more than was granted: it waits for approval"
        );
    }
    Ok(Installed { version, active })
}

/// What there is of a package before another version is installed.
struct Before {
    versions: Vec<PackageVersion>,
    /// The same version with the same bytes.
    same: Option<PackageVersion>,
    /// The same version with other bytes.
    other: Option<PackageVersion>,
    active: Option<DriverPackage>,
    canary: Option<Canary>,
    granted: Option<Granted>,
}

impl Before {
    async fn read(ctx: &Context, metadata: &Metadata, digest: &str) -> Result<Self> {
        let name = metadata.name.as_str();
        let versions = ctx.db.package_versions(name).await?;
        let there = versions
            .iter()
            .find(|version| version.version == metadata.version)
            .cloned();
        let canaries = ctx.db.package_canaries().await?;
        let granted = ctx.db.package_grants(name).await?;
        Ok(Self {
            same: there.clone().filter(|there| there.digest == digest),
            other: there.filter(|there| there.digest != digest),
            active: ctx.db.package_get(name).await?,
            canary: canaries.into_iter().find(|canary| canary.package == name),
            granted: granted.map(Granted::from_row).transpose()?,
            versions,
        })
    }

    /// A version never means other bytes than it once did. Only what ships with Ironbark is as immutable as Ironbark is.
    fn check_immutable(&self, candidate: &Candidate) -> Result<()> {
        let Some(there) = &self.other else {
            return Ok(());
        };
        let ships = PackageSource::Bundled;
        if there.source == ships && candidate.source == ships {
            return Ok(());
        }
        Err(Error::conflict(format!(
            "{}@{} is installed already with other bytes ({}), and a version never changes. Give what you changed a \
             new version, or remove that version first.",
            there.package, there.version, there.digest
        )))
    }

    /// What is known of the active version, if there is one.
    fn seen(&self) -> Result<Option<Seen>> {
        let active = self.active.as_ref();
        active
            .map(|active| Seen::of(active, &self.versions))
            .transpose()
    }

    fn is_active(&self, digest: &str) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| active.digest == digest)
    }

    /// The versions that make room for one more: the oldest that are neither in use nor the one to go back to.
    fn surplus(&self) -> Vec<&PackageVersion> {
        let active = self.active.as_ref();
        let good = active.and_then(|active| last_good(&self.versions, &active.version));
        let canary = self.canary.as_ref();
        let kept = [
            active.map(|active| active.version.as_str()),
            good.map(|good| good.version.as_str()),
            canary.map(|canary| canary.version.as_str()),
        ];
        // The newest come first.
        self.versions
            .iter()
            .rev()
            .filter(|version| !kept.contains(&Some(version.version.as_str())))
            .take((self.versions.len() + 1).saturating_sub(MAX_VERSIONS))
            .collect()
    }
}

/// The row of a version. One that was there keeps its times, its signature, and a quarantine or disablement.
fn describe(
    metadata: &Metadata,
    package: &Package,
    candidate: &Candidate,
    publisher: Option<Publisher>,
    before: &Before,
    decided: &Decision,
) -> Result<PackageVersion> {
    let mut version = PackageVersion {
        package: metadata.name.clone(),
        version: metadata.version.clone(),
        digest: package.digest().to_owned(),
        size: i64::try_from(package.size()).unwrap_or(i64::MAX),
        vendor: metadata.vendor.clone(),
        asked: package.asked().into_iter().collect(),
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
    if !decided.undecided.is_empty() {
        version.state = VersionState::AwaitingApproval;
        version.reason = Some(Decision::reason(
            &decided.undecided,
            before.granted.as_ref(),
        ));
    }
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

/// Writes that a version is installed; what else goes with it is for the caller to add, and to commit.
async fn write(
    ctx: &Context,
    before: &Before,
    version: &PackageVersion,
    actor: &Actor,
) -> Result<PackagesTx> {
    let mut tx = ctx.db.change_packages().await?;
    if let Some(other) = &before.other {
        tx.version_remove(&other.package, &other.version).await?;
    }
    tx.version_put(version).await?;
    if before.same.is_some() {
        return Ok(tx);
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
    tx.note(&actor.did("install", version, signed)).await?;
    Ok(tx)
}

/// The metadata of a package file.
pub(super) fn read_metadata(bytes: &[u8]) -> Result<Metadata> {
    let wrong = |error: &dyn std::error::Error| Error::invalid(error.to_string());
    let contents = Contents::read(bytes).map_err(|error| wrong(&error))?;
    Metadata::parse(&contents.metadata).map_err(|error| wrong(&error))
}
