//! What a change of packages looks at inside of its transaction, in which nobody else changes them: states, active versions, and
//! whose names are.

use ironbark_model::lifecycle::{PackageOwner, PackageVersion, Publisher, VersionState};
use ironbark_model::{Error, Result};
use sqlx::AssertSqlSafe;

use super::change::PackagesTx;
use super::decode::{OWNER, VERSION, owner_from, version_from};
use crate::error::told;
use crate::publishers;
use crate::sql::{Columns, Statement};

impl PackagesTx {
    /// Refuses if a version isn't in the state any more in which it was when something was decided about it.
    ///
    /// # Errors
    /// `NotFound` without that version; `Conflict` if it is in another state.
    pub async fn expect_state(
        &mut self,
        (package, version): (&str, &str),
        state: VersionState,
    ) -> Result<()> {
        let what = format!("{package}@{version}");
        let Some(there) = self.version(package, version).await? else {
            return Err(Error::not_found(format!(
                "{what} is not installed any more; install it again."
            )));
        };
        if there.state == state {
            return Ok(());
        }
        let reason = there.reason.map(|reason| format!(" ({reason})"));
        Err(Error::conflict(format!(
            "{what} has become {}{} meanwhile, so that nothing was changed: look at it, and decide again.",
            there.state.as_str(),
            reason.unwrap_or_default()
        )))
    }

    /// Refuses if another version of a package is active than when something was decided about it.
    ///
    /// # Errors
    /// `Conflict` then.
    pub async fn expect_active(&mut self, package: &str, digest: Option<&str>) -> Result<()> {
        let row = Statement::new("SELECT digest FROM driver_packages WHERE name = $1")
            .bind(package)
            .row(&mut self.transaction)
            .await
            .map_err(told)?;
        let active = row
            .as_ref()
            .map(|row| Columns::of(row).text())
            .transpose()?;
        if active.as_deref() == digest {
            return Ok(());
        }
        Err(Error::conflict(format!(
            "Another version of package {package} has become active meanwhile, so that nothing was changed: look at it, and \
             decide again."
        )))
    }

    /// All installed versions of all packages, by name, the newest installation first.
    pub async fn versions(&mut self) -> Result<Vec<PackageVersion>> {
        let text = format!(
            "SELECT {VERSION} FROM driver_versions ORDER BY package, created_at DESC, version"
        );
        let rows = Statement::new(AssertSqlSafe(text))
            .rows(&mut self.transaction)
            .await
            .map_err(told)?;
        rows.iter().map(version_from).collect()
    }

    /// All trusted publishers, by name.
    pub async fn publishers(&mut self) -> Result<Vec<Publisher>> {
        let rows = Statement::new(publishers::ALL)
            .rows(&mut self.transaction)
            .await
            .map_err(told)?;
        rows.iter().map(publishers::publisher_from).collect()
    }

    /// Which publishers own which packages' names, by name of the package.
    pub async fn owners(&mut self) -> Result<Vec<PackageOwner>> {
        let text = format!("SELECT {OWNER} FROM driver_owners ORDER BY package");
        let rows = Statement::new(AssertSqlSafe(text))
            .rows(&mut self.transaction)
            .await
            .map_err(told)?;
        rows.iter().map(owner_from).collect()
    }

    /// Says whose the name of a package is, in place of whom it was before.
    pub async fn owner_set(&mut self, owner: &PackageOwner) -> Result<()> {
        let statement = Statement::new(
            "INSERT INTO driver_owners (package, publisher, public_key, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (package) DO UPDATE SET publisher = excluded.publisher, public_key = excluded.public_key, \
             created_at = excluded.created_at",
        )
        .bind(owner.package.as_str())
        .bind(owner.publisher.as_str())
        .bind(owner.public_key.as_str())
        .bind(owner.created_at.0);
        self.run(statement).await.map(drop)
    }

    /// Lets the name of a package be nobody's.
    pub async fn owner_clear(&mut self, package: &str) -> Result<()> {
        let statement =
            Statement::new("DELETE FROM driver_owners WHERE package = $1").bind(package);
        self.run(statement).await.map(drop)
    }

    /// Digests of the active versions.
    pub async fn active_digests(&mut self) -> Result<Vec<String>> {
        let rows = Statement::new("SELECT digest FROM driver_packages ORDER BY name")
            .rows(&mut self.transaction)
            .await
            .map_err(told)?;
        rows.iter().map(|row| Columns::of(row).text()).collect()
    }

    pub(super) async fn version(
        &mut self,
        package: &str,
        version: &str,
    ) -> Result<Option<PackageVersion>> {
        let text =
            format!("SELECT {VERSION} FROM driver_versions WHERE package = $1 AND version = $2");
        Statement::new(AssertSqlSafe(text))
            .bind(package)
            .bind(version)
            .row(&mut self.transaction)
            .await
            .map_err(told)?
            .as_ref()
            .map(version_from)
            .transpose()
    }
}
