//! Driver packages: their bytes by digest, and which of them are active.
//!
//! Bytes are first *staged*, and *installed* once a package of that digest is active. What is no longer active becomes
//! staged again, and is deleted after a while, but not as long as an operation still runs with it.

use ironbark_model::package::{DriverPackage, MAX_PACKAGE_BYTES};
use ironbark_model::{Error, ErrorKind, Result, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::conductors::set_interfaces;
use crate::error::told;
use crate::nodes::node_refs;
use crate::sql::{Columns, Statement, to_json, within};
use crate::{Database, NodeFilter, NodeRef, Registration};

const COLUMNS: &str =
    "name, version, digest, size, vendor, granted, hardware_types, source, file, created_at";

/// Who says whether nodes can do without what a change of packages takes away. Asked inside of the change's transaction, so
/// that it sees every node that is there when the change becomes true.
pub struct UseCheck<'a> {
    /// The hardware types that lose something.
    pub hardware_types: Vec<String>,
    /// Gets all nodes of these types; an error undoes the change.
    pub check: &'a (dyn Fn(&[NodeRef]) -> Result<()> + Send + Sync),
}

impl Database {
    /// Stages a package's bytes under their digest (SHA-256 in lower-case hex, which the caller has checked). Bytes that
    /// are there already stay, and count as staged now.
    ///
    /// # Errors
    /// `TooLarge` beyond [`MAX_PACKAGE_BYTES`].
    pub async fn blob_put(&self, digest: &str, data: &[u8]) -> Result<()> {
        if data.len() > MAX_PACKAGE_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "A driver package has at most {MAX_PACKAGE_BYTES} bytes, this one has {}.",
                    data.len()
                ),
            ));
        }
        self.write(
            Statement::new(
                "INSERT INTO driver_blobs (digest, size, state, created_at, data) VALUES ($1, $2, 'staged', $3, $4) \
                 ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at",
            )
            .bind(digest)
            .bind(i64::try_from(data.len()).unwrap_or(i64::MAX))
            .bind(Timestamp::now().0)
            .bind(data.to_vec()),
        )
        .await?;
        Ok(())
    }

    /// A package's bytes, staged or installed.
    pub async fn blob_get(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        let mut connection = self.reader().await?;
        let row = Statement::new("SELECT data FROM driver_blobs WHERE digest = $1")
            .bind(digest)
            .row(&mut connection)
            .await
            .map_err(told)?;
        row.map(|row| Columns::of(&row).bytes()).transpose()
    }

    /// Deletes bytes that have been only staged since before `older_than` and that no operation runs with;
    /// answers how many packages that were.
    pub async fn blob_prune_staged(&self, older_than: Timestamp) -> Result<u64> {
        self.write(
            Statement::new(
                "DELETE FROM driver_blobs WHERE state = 'staged' AND created_at < $1 \
                 AND NOT EXISTS (SELECT 1 FROM driver_packages p WHERE p.digest = driver_blobs.digest) \
                 AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.package_digest = driver_blobs.digest)",
            )
            .bind(older_than.0),
        )
        .await
    }

    /// All active packages, by name.
    pub async fn package_list(&self) -> Result<Vec<DriverPackage>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM driver_packages ORDER BY name"
        )))
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter().map(package_from).collect()
    }

    /// The active package of this name.
    pub async fn package_get(&self, name: &str) -> Result<Option<DriverPackage>> {
        let mut connection = self.reader().await?;
        let row = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM driver_packages WHERE name = $1"
        )))
        .bind(name)
        .row(&mut connection)
        .await
        .map_err(told)?;
        row.as_ref().map(package_from).transpose()
    }

    /// Makes a package active in place of the one of the same name, in one transaction. Its bytes must be there.
    ///
    /// # Errors
    /// `NotFound` if [`Database::blob_put`] hasn't stored its bytes.
    pub async fn package_activate(&self, package: &DriverPackage) -> Result<()> {
        let mut transaction = self.begin().await?;
        activate(&mut transaction, package).await?;
        within(transaction.commit()).await.map_err(told)
    }

    /// Takes a package out of use; false if there is none of this name. Its bytes stay for a while.
    pub async fn package_remove(&self, name: &str) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let removed = remove(&mut transaction, name).await?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(removed)
    }

    /// [`Database::package_activate`] and [`Database::conductor_set_interfaces`] in one transaction: who sees the package
    /// also sees that the conductor drives what it brings.
    ///
    /// # Errors
    /// Those of both, and of `users`.
    pub async fn package_activate_registered(
        &self,
        package: &DriverPackage,
        registration: &Registration,
        users: &UseCheck<'_>,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        activate(&mut transaction, package).await?;
        set_interfaces(&mut transaction, registration).await?;
        users.ask(&mut transaction).await?;
        within(transaction.commit()).await.map_err(told)
    }

    /// [`Database::package_remove`] and [`Database::conductor_set_interfaces`] in one transaction.
    ///
    /// # Errors
    /// Those of [`Database::conductor_set_interfaces`] and of `users`.
    pub async fn package_remove_registered(
        &self,
        name: &str,
        registration: &Registration,
        users: &UseCheck<'_>,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let removed = remove(&mut transaction, name).await?;
        set_interfaces(&mut transaction, registration).await?;
        users.ask(&mut transaction).await?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(removed)
    }
}

impl UseCheck<'_> {
    async fn ask(&self, connection: &mut AnyConnection) -> Result<()> {
        if self.hardware_types.is_empty() {
            return Ok(());
        }
        let filter = NodeFilter {
            drivers: Some(self.hardware_types.clone()),
            include_children: true,
            ..NodeFilter::default()
        };
        (self.check)(&node_refs(connection, &filter).await?)
    }
}

async fn activate(connection: &mut AnyConnection, package: &DriverPackage) -> Result<()> {
    let installed = Statement::new("UPDATE driver_blobs SET state = 'installed' WHERE digest = $1")
        .bind(package.digest.as_str())
        .run(connection)
        .await
        .map_err(told)?;
    if installed == 0 {
        return Err(Error::not_found(format!(
            "The bytes of driver package {} ({}) are not in the database; upload them first.",
            package.name, package.digest
        )));
    }
    Statement::new(
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
    .bind(package.created_at.0)
    .run(connection)
    .await
    .map_err(told)?;
    stage_unused(connection).await
}

async fn remove(connection: &mut AnyConnection, name: &str) -> Result<bool> {
    let removed = Statement::new("DELETE FROM driver_packages WHERE name = $1")
        .bind(name)
        .run(connection)
        .await
        .map_err(told)?;
    stage_unused(connection).await?;
    Ok(removed > 0)
}

/// Installed bytes that no active package has any more are staged from now on.
async fn stage_unused(connection: &mut AnyConnection) -> Result<()> {
    Statement::new(
        "UPDATE driver_blobs SET state = 'staged', created_at = $1 WHERE state = 'installed' \
         AND NOT EXISTS (SELECT 1 FROM driver_packages p WHERE p.digest = driver_blobs.digest)",
    )
    .bind(Timestamp::now().0)
    .run(connection)
    .await
    .map_err(told)?;
    Ok(())
}

fn package_from(row: &AnyRow) -> Result<DriverPackage> {
    let mut columns = Columns::of(row);
    Ok(DriverPackage {
        name: columns.text()?,
        version: columns.text()?,
        digest: columns.text()?,
        size: columns.int()?,
        vendor: columns.text()?,
        granted: columns.json()?,
        hardware_types: columns.json()?,
        source: columns.parsed()?,
        file: columns.opt_text()?,
        created_at: columns.time()?,
    })
}
