//! Packages that a conductor can't load.

use ironbark_model::{Result, Timestamp};

use crate::error::told;
use crate::sql::{Columns, Statement, within};
use crate::{Database, PackageFailure};

impl Database {
    /// Replaces what a conductor says it can't load. Does nothing for a conductor that isn't registered.
    pub async fn package_failures_set(
        &self,
        hostname: &str,
        failures: &[PackageFailure],
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let row = Statement::new("SELECT id FROM conductors WHERE hostname = $1")
            .bind(hostname)
            .row(&mut transaction)
            .await
            .map_err(told)?;
        let Some(row) = row else { return Ok(()) };
        let id = Columns::of(&row).int()?;
        Statement::new("DELETE FROM conductor_package_failures WHERE conductor_id = $1")
            .bind(id)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        for failure in failures {
            Statement::new(
                "INSERT INTO conductor_package_failures (conductor_id, package, version, reason, created_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(id)
            .bind(failure.package.as_str())
            .bind(failure.version.as_str())
            .bind(failure.reason.as_str())
            .bind(Timestamp::now().0)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        }
        within(transaction.commit()).await.map_err(told)
    }

    /// What conductors that say they are online can't load, by conductor.
    pub async fn package_failures(&self) -> Result<Vec<PackageFailure>> {
        let statement = Statement::new(
            "SELECT c.hostname, f.package, f.version, f.reason FROM conductor_package_failures f \
             JOIN conductors c ON c.id = f.conductor_id WHERE c.online = 1 ORDER BY c.hostname, f.package",
        );
        self.all(statement, |row| {
            let mut columns = Columns::of(row);
            Ok(PackageFailure {
                conductor: columns.text()?,
                package: columns.text()?,
                version: columns.text()?,
                reason: columns.text()?,
            })
        })
        .await
    }
}
