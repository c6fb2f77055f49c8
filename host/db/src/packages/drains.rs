//! Since when versions that waiting steps began with aren't in use any more.
//!
//! What drains is read from open operations, active versions and canaries; only the time is kept, from when somebody first saw it.

use ironbark_model::{Result, Timestamp};

use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement, within};

impl Database {
    /// The versions that open operations began with and that are neither active nor a canary, by digest, each with the time
    /// since when. One that is seen for the first time is so since `now`. Those that nobody needs any more are forgotten.
    pub async fn package_drains(&self, now: Timestamp) -> Result<Vec<(String, Timestamp)>> {
        let draining = self.draining().await?;
        let kept = self
            .all(Statement::new("SELECT digest FROM driver_drains"), |row| {
                Columns::of(row).text()
            })
            .await?;
        let is_new = draining.iter().any(|(_, since)| since.is_none());
        let is_over = kept
            .iter()
            .any(|digest| !draining.iter().any(|(other, _)| other == digest));
        // Mostly there is nothing to write, which every few seconds would be a lot of.
        if is_new || is_over {
            let mut transaction = self.begin().await?;
            Statement::new(
                "DELETE FROM driver_drains WHERE NOT EXISTS \
                 (SELECT 1 FROM operations o WHERE o.package_digest = driver_drains.digest) \
                 OR EXISTS (SELECT 1 FROM driver_packages p WHERE p.digest = driver_drains.digest) \
                 OR EXISTS (SELECT 1 FROM driver_canaries c WHERE c.digest = driver_drains.digest)",
            )
            .run(&mut transaction)
            .await
            .map_err(told)?;
            for (digest, _) in draining.iter().filter(|(_, since)| since.is_none()) {
                // Another conductor may have been faster: its time counts.
                Statement::new(
                    "INSERT INTO driver_drains (digest, since) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
                )
                .bind(digest.as_str())
                .bind(now.0)
                .run(&mut transaction)
                .await
                .map_err(told)?;
            }
            within(transaction.commit()).await.map_err(told)?;
        }
        Ok(draining
            .into_iter()
            .map(|(digest, since)| (digest, since.unwrap_or(now)))
            .collect())
    }

    async fn draining(&self) -> Result<Vec<(String, Option<Timestamp>)>> {
        let statement = Statement::new(
            "SELECT DISTINCT o.package_digest, d.since FROM operations o \
             LEFT JOIN driver_drains d ON d.digest = o.package_digest \
             WHERE o.package_digest IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM driver_packages p WHERE p.digest = o.package_digest) \
             AND NOT EXISTS (SELECT 1 FROM driver_canaries c WHERE c.digest = o.package_digest) \
             ORDER BY o.package_digest",
        );
        self.all(statement, |row| {
            let mut columns = Columns::of(row);
            Ok((columns.text()?, columns.opt_time()?))
        })
        .await
    }
}
