//! Everything that is known of one package, and which of its versions somebody means.

use std::sync::Arc;

use ironbark_drivers::{Grants, PreparedPackage};
use ironbark_model::lifecycle::{Canary, PackageVersion, VersionState};
use ironbark_model::package::DriverPackage;
use ironbark_model::{Error, Result};

use super::decide::newest;
use super::decision::{Decision, Seen, Wanted};
use super::granted::{Granted, asked_of};
use super::hash;
use crate::context::Context;

/// Everything that is known of one package.
pub(super) struct Life {
    pub(super) name: String,
    /// The newest installation first; never empty.
    pub(super) versions: Vec<PackageVersion>,
    pub(super) active: Option<DriverPackage>,
    pub(super) canary: Option<Canary>,
    pub(super) granted: Granted,
}

impl Life {
    /// Reads it.
    ///
    /// # Errors
    /// `NotFound` if no version is installed.
    pub(super) async fn read(ctx: &Context, name: &str) -> Result<Self> {
        let versions = ctx.db.package_versions(name).await?;
        if versions.is_empty() {
            return Err(not_found(name));
        }
        let canaries = ctx.db.package_canaries().await?;
        let granted = ctx.db.package_grants(name).await?.unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            versions,
            active: ctx.db.package_get(name).await?,
            canary: canaries.into_iter().find(|canary| canary.package == name),
            granted: Granted::from_row(granted)?,
        })
    }

    /// The version of this number.
    pub(super) fn version(&self, version: &str) -> Result<&PackageVersion> {
        self.versions
            .iter()
            .find(|known| known.version == version)
            .ok_or_else(|| {
                let known: Vec<&str> = self
                    .versions
                    .iter()
                    .map(|known| known.version.as_str())
                    .collect();
                Error::not_found(format!(
                    "{}@{version} is not installed. Installed: {}.",
                    self.name,
                    known.join(", ")
                ))
            })
    }

    /// The version that is meant, or else the active one.
    pub(super) fn or_active(&self, version: Option<&str>) -> Result<&PackageVersion> {
        match (version, &self.active) {
            (Some(version), _) => self.version(version),
            (None, Some(active)) => self.version(&active.version),
            (None, None) => Err(Error::invalid(format!(
                "Package {} has no active version: say which version is meant.",
                self.name
            ))),
        }
    }

    /// The version that is meant, or else the newest of those that may be used.
    pub(super) fn or_newest(&self, version: Option<&str>) -> Result<&PackageVersion> {
        if let Some(version) = version {
            return self.version(version);
        }
        let usable = self.versions.iter().filter(|version| {
            matches!(
                version.state,
                VersionState::Installed | VersionState::AwaitingApproval
            )
        });
        newest(usable).ok_or_else(|| {
            Error::conflict(format!(
                "No version of package {} may be used: release one, or install another.",
                self.name
            ))
        })
    }

    /// Whether this is the active version.
    pub(super) fn is_active(&self, version: &PackageVersion) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| active.digest == version.digest)
    }

    /// Whether this is the canary.
    pub(super) fn is_canary(&self, version: &PackageVersion) -> bool {
        self.canary
            .as_ref()
            .is_some_and(|canary| canary.digest == version.digest)
    }

    /// Why a version would await approval, if it weren't disabled or quarantined; `None` if it wouldn't.
    pub(super) fn waits(&self, version: &PackageVersion) -> Result<Option<String>> {
        let active = self.active.as_ref();
        let seen = active.map(|active| Seen::of(active, &self.versions));
        let asked = asked_of(version)?;
        let granted = Some(&self.granted);
        let decided = Decision::new(
            &Wanted::AsBefore,
            &asked,
            granted,
            seen.transpose()?.as_ref(),
        );
        let waits = !decided.undecided.is_empty();
        Ok(waits.then(|| Decision::reason(&decided.undecided, granted)))
    }

    /// Loads a version with what its package is granted. Nothing active changes.
    pub(super) async fn prepare(
        &self,
        ctx: &Context,
        version: &PackageVersion,
    ) -> Result<PreparedPackage> {
        prepare(ctx, &version.digest, &self.granted).await
    }
}

/// Loads the package of this digest with what it asks for of what is granted.
///
/// # Errors
/// `Conflict` if the database has other bytes under this digest: whoever may write there must not choose what runs here.
pub(super) async fn prepare(
    ctx: &Context,
    digest: &str,
    granted: &Granted,
) -> Result<PreparedPackage> {
    let bytes = ctx.db.blob_get(digest).await?.ok_or_else(|| {
        Error::not_found(format!(
            "the bytes of driver package {digest} are not in the database"
        ))
    })?;
    let bytes: Arc<[u8]> = bytes.into();
    if hash(&bytes).await? != digest {
        return Err(Error::conflict(format!(
            "the bytes that the database has of driver package {digest} are not those that were installed: they are damaged, \
             or somebody changed them. Install the same version again"
        )));
    }
    let metadata = super::install::read_metadata(&bytes)?;
    let grants = Grants::only(granted.of(&metadata));
    Ok(ctx.drivers.prepare(bytes, &grants).await?)
}

pub(super) fn not_found(name: &str) -> Error {
    Error::not_found(format!("Driver package {name} could not be found."))
}
