//! What is known of a package, and of all others as far as it matters, before another version of it is installed.

use ironbark_model::lifecycle::{Canary, MAX_VERSIONS, PackageOwner, PackageVersion};
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Error, Result};
use ironbark_package::Metadata;

use super::decide::last_good;
use super::decision::Seen;
use super::granted::Granted;
use super::install::Candidate;
use super::names;
use crate::context::Context;

/// What there is of a package before another version is installed.
pub(super) struct Before {
    versions: Vec<PackageVersion>,
    /// The same version with the same bytes.
    pub(super) same: Option<PackageVersion>,
    /// The same version with other bytes.
    pub(super) other: Option<PackageVersion>,
    pub(super) active: Option<DriverPackage>,
    canary: Option<Canary>,
    pub(super) granted: Option<Granted>,
    /// The versions of other packages.
    others: Vec<PackageVersion>,
    owners: Vec<PackageOwner>,
}

impl Before {
    /// Reads it.
    pub(super) async fn read(ctx: &Context, metadata: &Metadata, digest: &str) -> Result<Self> {
        let name = metadata.name.as_str();
        let all = ctx.db.package_versions_all().await?;
        let (versions, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.package == name);
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
            others,
            owners: ctx.db.package_owners().await?,
        })
    }

    /// A version never means other bytes than it once did. Only what ships with Ironbark is as immutable as Ironbark is.
    pub(super) fn check_immutable(&self, candidate: &Candidate) -> Result<()> {
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

    /// Whether a version takes over its package from another publisher, who owns it.
    ///
    /// # Errors
    /// `Forbidden` if it does and nobody said so; `Conflict` if it brings what another package has.
    pub(super) fn check_names(&self, version: &PackageVersion, take_over: bool) -> Result<bool> {
        names::check_brought(version, &self.others, &self.owners)?;
        match names::check_package(self.owner(&version.package), version) {
            Ok(()) => Ok(false),
            Err(_) if take_over => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whose the package's name is.
    pub(super) fn owner(&self, package: &str) -> Option<&PackageOwner> {
        self.owners.iter().find(|owner| owner.package == package)
    }

    /// What is known of the active version, if there is one: nothing if it is another's who is to lose the package.
    pub(super) fn seen(&self, takes_over: bool) -> Result<Option<Seen>> {
        let Some(active) = &self.active else {
            return Ok(None);
        };
        if takes_over {
            return Ok(Some(Seen::default()));
        }
        Seen::of(active, &self.versions).map(Some)
    }

    /// Whether these bytes are the active version.
    pub(super) fn is_active(&self, digest: &str) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| active.digest == digest)
    }

    /// The versions that make room for one more: the oldest that are neither in use nor the one to go back to.
    pub(super) fn surplus(&self) -> Vec<&PackageVersion> {
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
