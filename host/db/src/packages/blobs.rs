//! The bytes of packages, by digest.
//!
//! Bytes are first *staged*, and *installed* once a version of that digest is. What no version has any more becomes
//! staged again, and is deleted after a while, but not as long as an operation still runs with it.

use ironbark_model::package::MAX_PACKAGE_BYTES;
use ironbark_model::{Error, ErrorKind, Result, Timestamp};
use sqlx::AnyConnection;

use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement};

impl Database {
    /// Stages a package's bytes under their digest (SHA-256 in lower-case hex, which the caller has checked). Bytes that
    /// are there already count as staged now, and are repaired if they were damaged.
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
                 ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at, size = excluded.size, \
                 data = excluded.data",
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

    /// When a package's bytes were last stored.
    pub async fn blob_stored_at(&self, digest: &str) -> Result<Option<Timestamp>> {
        let statement =
            Statement::new("SELECT created_at FROM driver_blobs WHERE digest = $1").bind(digest);
        Ok(self
            .all(statement, |row| Columns::of(row).time())
            .await?
            .pop())
    }

    /// Deletes bytes that have been only staged since before `older_than` and that no operation runs with;
    /// answers how many packages that were.
    pub async fn blob_prune_staged(&self, older_than: Timestamp) -> Result<u64> {
        self.write(
            Statement::new(
                "DELETE FROM driver_blobs WHERE state = 'staged' AND created_at < $1 \
                 AND NOT EXISTS (SELECT 1 FROM driver_versions v WHERE v.digest = driver_blobs.digest) \
                 AND NOT EXISTS (SELECT 1 FROM driver_packages p WHERE p.digest = driver_blobs.digest) \
                 AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.package_digest = driver_blobs.digest)",
            )
            .bind(older_than.0),
        )
        .await
    }
}

/// Bytes that a version has are installed; those that none has any more are staged from now on.
pub(super) async fn settle(connection: &mut AnyConnection) -> Result<()> {
    Statement::new(
        "UPDATE driver_blobs SET state = 'installed' WHERE state = 'staged' \
         AND EXISTS (SELECT 1 FROM driver_versions v WHERE v.digest = driver_blobs.digest)",
    )
    .run(connection)
    .await
    .map_err(told)?;
    Statement::new(
        "UPDATE driver_blobs SET state = 'staged', created_at = $1 WHERE state = 'installed' \
         AND NOT EXISTS (SELECT 1 FROM driver_versions v WHERE v.digest = driver_blobs.digest)",
    )
    .bind(Timestamp::now().0)
    .run(connection)
    .await
    .map_err(told)?;
    Ok(())
}
