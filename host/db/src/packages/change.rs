//! Changing packages: in one transaction, one after another on all conductors.

use ironbark_model::lifecycle::{
    Canary, PackageEvent, PackageGrants, PackageVersion, Publisher, VersionState,
};
use ironbark_model::package::DriverPackage;
use ironbark_model::{Error, Result, Timestamp};
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::blobs::settle;
use super::users::UseCheck;
use crate::conductors::set_interfaces;
use crate::error::told;
use crate::sql::{Statement, to_json, within};
use crate::{Database, Registration};

/// Neither the version that is there nor the one that is put is stopped: only then the put one's state counts, since a
/// quarantine or its end may have come in between.
const OPEN: &str = "driver_versions.state IN ('installed', 'awaiting approval') \
                    AND excluded.state IN ('installed', 'awaiting approval')";
/// Events that are kept of one package.
const HISTORY: i64 = 1000;

/// A transaction that changes packages. Its first statement keeps all others out until the end. Dropped without a commit, it
/// changes nothing. Nothing but database work may be awaited while it lives.
#[derive(Debug)]
pub struct PackagesTx {
    pub(super) transaction: Transaction<'static, Any>,
}

impl Database {
    /// Begins a transaction on packages.
    pub async fn change_packages(&self) -> Result<PackagesTx> {
        let mut transaction = self.begin().await?;
        Statement::new("UPDATE driver_changes SET number = number + 1")
            .run(&mut transaction)
            .await
            .map_err(told)?;
        Ok(PackagesTx { transaction })
    }
}

impl PackagesTx {
    /// Stores an installed version, or changes what is known of one that is there. Its bytes must be in the database.
    ///
    /// A version that is there stays disabled or quarantined, or doesn't become so: that is what
    /// [`version_state`](Self::version_state) is for.
    ///
    /// # Errors
    /// `NotFound` without its bytes; `Conflict` if this version is there with other bytes: a version never changes.
    pub async fn version_put(&mut self, version: &PackageVersion) -> Result<()> {
        let staged = Statement::new("UPDATE driver_blobs SET digest = digest WHERE digest = $1")
            .bind(version.digest.as_str());
        if self.run(staged).await? == 0 {
            return Err(Error::not_found(format!(
                "The bytes of driver package {} ({}) are not in the database; upload them first.",
                version.package, version.digest
            )));
        }
        let there = self.version(&version.package, &version.version).await?;
        if let Some(there) = there.filter(|there| there.digest != version.digest) {
            return Err(Error::conflict(format!(
                "{}@{} is installed already with other bytes ({}), and a version never changes. Give what you changed \
                 a new version, or remove that version first.",
                there.package, there.version, there.digest
            )));
        }
        let text = format!(
            "INSERT INTO driver_versions (package, version, digest, size, vendor, asked, capabilities, hardware_types, \
             implementations, state_schema, source, file, publisher, publisher_key, state, reason, stopped, created_at, \
             activated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
             ON CONFLICT (package, version) DO UPDATE SET vendor = excluded.vendor, asked = excluded.asked, \
             capabilities = excluded.capabilities, hardware_types = excluded.hardware_types, \
             implementations = excluded.implementations, state_schema = excluded.state_schema, source = excluded.source, \
             file = excluded.file, publisher = excluded.publisher, publisher_key = excluded.publisher_key, \
             state = CASE WHEN {OPEN} THEN excluded.state ELSE driver_versions.state END, \
             reason = CASE WHEN {OPEN} THEN excluded.reason ELSE driver_versions.reason END, \
             activated_at = COALESCE(driver_versions.activated_at, excluded.activated_at)",
        );
        let statement = Statement::new(AssertSqlSafe(text))
            .bind(version.package.as_str())
            .bind(version.version.as_str())
            .bind(version.digest.as_str())
            .bind(version.size)
            .bind(version.vendor.as_str())
            .bind(to_json(&version.asked)?)
            .bind(to_json(&version.capabilities)?)
            .bind(to_json(&version.hardware_types)?)
            .bind(to_json(&version.implementations)?)
            .bind(version.state_schema.as_str())
            .bind(version.source.as_str())
            .bind(version.file.as_deref())
            .bind(version.publisher.as_deref())
            .bind(version.publisher_key.as_deref())
            .bind(version.state.as_str())
            .bind(version.reason.as_deref())
            .bind(i64::from(version.stopped))
            .bind(version.created_at.0)
            .bind(version.activated_at.map(|time| time.0));
        self.run(statement).await.map(drop)
    }

    /// Changes whether a version may be used, and says why. `stopped` ends also what began with it.
    ///
    /// # Errors
    /// `Conflict` if it isn't in the state `from` any more; with `None` it may be in any.
    pub async fn version_state(
        &mut self,
        (package, version): (&str, &str),
        from: Option<VersionState>,
        state: VersionState,
        reason: Option<&str>,
        stopped: bool,
    ) -> Result<()> {
        if let Some(from) = from {
            self.expect_state((package, version), from).await?;
        }
        let statement = Statement::new(
            "UPDATE driver_versions SET state = $1, reason = $2, stopped = $3 WHERE package = $4 AND version = $5",
        )
        .bind(state.as_str())
        .bind(reason)
        .bind(i64::from(stopped))
        .bind(package)
        .bind(version);
        self.run(statement).await.map(drop)
    }

    /// Forgets a version. Its bytes stay for a while.
    pub async fn version_remove(&mut self, package: &str, version: &str) -> Result<()> {
        let statement =
            Statement::new("DELETE FROM driver_versions WHERE package = $1 AND version = $2")
                .bind(package)
                .bind(version);
        self.run(statement).await.map(drop)
    }

    /// Makes an installed version the active one of its package, if it is still in the state in which it was when that was
    /// decided.
    ///
    /// # Errors
    /// `NotFound` if that version isn't installed with these bytes; `Conflict` if it isn't in the state `from` any more: somebody
    /// may have quarantined it.
    pub async fn activate(&mut self, package: &DriverPackage, from: VersionState) -> Result<()> {
        let there = self.version(&package.name, &package.version).await?;
        if there.is_none_or(|there| there.digest != package.digest) {
            return Err(Error::not_found(format!(
                "{}@{} ({}) is not installed any more; install it again.",
                package.name, package.version, package.digest
            )));
        }
        self.expect_state((&package.name, &package.version), from)
            .await?;
        let statement = Statement::new(
            "UPDATE driver_versions SET state = 'installed', reason = NULL, stopped = 0, activated_at = $1 \
             WHERE package = $2 AND version = $3 AND digest = $4",
        )
        .bind(Timestamp::now().0)
        .bind(package.name.as_str())
        .bind(package.version.as_str())
        .bind(package.digest.as_str());
        self.run(statement).await?;
        let statement = Statement::new(
            "INSERT INTO driver_packages (name, version, digest, size, vendor, granted, hardware_types, source, file, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name) DO UPDATE SET \
             version = excluded.version, digest = excluded.digest, size = excluded.size, vendor = excluded.vendor, \
             granted = excluded.granted, hardware_types = excluded.hardware_types, source = excluded.source, \
             file = excluded.file, created_at = excluded.created_at",
        )
        .bind(package.name.as_str())
        .bind(package.version.as_str())
        .bind(package.digest.as_str())
        .bind(package.size)
        .bind(package.vendor.as_str())
        .bind(to_json(&package.granted)?)
        .bind(to_json(&package.hardware_types)?)
        .bind(package.source.as_str())
        .bind(package.file.as_deref())
        .bind(package.created_at.0);
        self.run(statement).await?;
        self.drain_end(&package.digest).await
    }

    /// Says in which file of the folder the version with these bytes is.
    pub async fn file_set(&mut self, digest: &str, file: &str) -> Result<()> {
        for text in [
            "UPDATE driver_versions SET file = $1 WHERE digest = $2",
            "UPDATE driver_packages SET file = $1 WHERE digest = $2",
        ] {
            self.run(Statement::new(text).bind(file).bind(digest))
                .await?;
        }
        Ok(())
    }

    /// Changes what the active version of a package has of what is granted.
    pub async fn active_grants_set(&mut self, package: &str, granted: &[String]) -> Result<()> {
        let statement = Statement::new("UPDATE driver_packages SET granted = $1 WHERE name = $2")
            .bind(to_json(&granted)?)
            .bind(package);
        self.run(statement).await.map(drop)
    }

    /// Leaves a package without an active version; false if it had none.
    pub async fn deactivate(&mut self, package: &str) -> Result<bool> {
        let statement = Statement::new("DELETE FROM driver_packages WHERE name = $1").bind(package);
        Ok(self.run(statement).await? > 0)
    }

    /// Sets what is granted to a package.
    pub async fn grants_set(&mut self, package: &str, granted: &PackageGrants) -> Result<()> {
        let entries = granted.entries.as_ref().map(to_json).transpose()?;
        let statement = Statement::new(
            "INSERT INTO driver_grants (package, granted, entries) VALUES ($1, $2, $3) \
             ON CONFLICT (package) DO UPDATE SET granted = excluded.granted, entries = excluded.entries",
        )
        .bind(package)
        .bind(to_json(&granted.names)?)
        .bind(entries);
        self.run(statement).await.map(drop)
    }

    /// Forgets what was granted to a package.
    pub async fn grants_clear(&mut self, package: &str) -> Result<()> {
        let statement =
            Statement::new("DELETE FROM driver_grants WHERE package = $1").bind(package);
        self.run(statement).await.map(drop)
    }

    /// Begins a canary, in place of one that the package may have.
    pub async fn canary_set(&mut self, canary: &Canary) -> Result<()> {
        let statement = Statement::new(
            "INSERT INTO driver_canaries (package, version, digest, scope, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (package) DO UPDATE SET version = excluded.version, digest = excluded.digest, \
             scope = excluded.scope, created_at = excluded.created_at",
        )
        .bind(canary.package.as_str())
        .bind(canary.version.as_str())
        .bind(canary.digest.as_str())
        .bind(to_json(&canary.scope)?)
        .bind(canary.created_at.0);
        self.run(statement).await?;
        self.drain_end(&canary.digest).await
    }

    /// Ends a package's canary; false if it had none.
    pub async fn canary_clear(&mut self, package: &str) -> Result<bool> {
        let statement =
            Statement::new("DELETE FROM driver_canaries WHERE package = $1").bind(package);
        Ok(self.run(statement).await? > 0)
    }

    /// Ends the canary that has these bytes, if there is one.
    pub async fn canary_end(&mut self, digest: &str) -> Result<()> {
        let statement =
            Statement::new("DELETE FROM driver_canaries WHERE digest = $1").bind(digest);
        self.run(statement).await.map(drop)
    }

    /// Trusts a publisher.
    ///
    /// # Errors
    /// `Conflict` if there is one of this name.
    pub async fn publisher_add(&mut self, publisher: &Publisher) -> Result<()> {
        let statement = Statement::new(
            "INSERT INTO publishers (name, public_key, packages, expires_at, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(publisher.name.as_str())
        .bind(publisher.public_key.as_str())
        .bind(to_json(&publisher.packages)?)
        .bind(publisher.expires_at.map(|time| time.0))
        .bind(publisher.created_at.0);
        if self.run(statement).await? == 0 {
            return Err(Error::conflict(format!(
                "Publisher {} is trusted already. Remove it first, or choose another name.",
                publisher.name
            )));
        }
        Ok(())
    }

    /// Trusts a publisher no longer; false if there is none of this name.
    pub async fn publisher_remove(&mut self, name: &str) -> Result<bool> {
        let statement = Statement::new("DELETE FROM publishers WHERE name = $1").bind(name);
        Ok(self.run(statement).await? > 0)
    }

    /// Notes what was done, and forgets the oldest of a long history.
    pub async fn note(&mut self, event: &PackageEvent) -> Result<()> {
        let statement = Statement::new(
            "INSERT INTO driver_history (created_at, package, version, digest, action, actor, request_id, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(event.created_at.0)
        .bind(event.package.as_str())
        .bind(event.version.as_deref())
        .bind(event.digest.as_deref())
        .bind(event.action.as_str())
        .bind(event.actor.as_str())
        .bind(event.request_id.as_deref())
        .bind(event.detail.as_deref());
        self.run(statement).await?;
        let statement = Statement::new(
            "DELETE FROM driver_history WHERE package = $1 AND id <= \
             (SELECT h.id FROM driver_history h WHERE h.package = $1 ORDER BY h.id DESC LIMIT 1 OFFSET $2)",
        )
        .bind(event.package.as_str())
        .bind(HISTORY);
        self.run(statement).await.map(drop)
    }

    /// Changes what a conductor drives and can use: who sees the change of packages sees this too.
    ///
    /// # Errors
    /// One that [`crate::is_fence_lost`] knows, if a newer life of the host has registered.
    pub async fn register(&mut self, registration: &Registration) -> Result<()> {
        set_interfaces(&mut self.transaction, registration).await
    }

    /// Asks whether nodes can do without what goes: last, so that nothing comes in between.
    ///
    /// # Errors
    /// Those of `users`; drop the transaction then.
    pub async fn check_users(&mut self, users: &UseCheck<'_>) -> Result<()> {
        users.ask(&mut self.transaction).await
    }

    /// Makes everything true.
    pub async fn commit(mut self) -> Result<()> {
        settle(&mut self.transaction).await?;
        within(self.transaction.commit()).await.map_err(told)
    }

    /// A version that comes into use isn't drained: if it goes again, that begins anew.
    async fn drain_end(&mut self, digest: &str) -> Result<()> {
        let statement = Statement::new("DELETE FROM driver_drains WHERE digest = $1").bind(digest);
        self.run(statement).await.map(drop)
    }

    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64> {
        statement.run(&mut self.transaction).await.map_err(told)
    }
}
