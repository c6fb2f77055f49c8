//! What versions used, added up over conductors and their restarts.

use std::collections::BTreeMap;

use ironbark_model::{Result, UsageCounts, VersionUsage};
use sqlx::AnyConnection;

use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement, within};

impl Database {
    /// Adds to what versions used, in one transaction. Versions that aren't installed with these bytes (any more) are left out.
    pub async fn package_usage_add(&self, used: &[VersionUsage]) -> Result<()> {
        if used.is_empty() {
            return Ok(());
        }
        // Whoever adds to several versions does it in the same order, so that nobody waits for each other.
        let mut used: Vec<&VersionUsage> = used.iter().collect();
        used.sort_by_key(|one| (&one.package, &one.version));
        let mut transaction = self.begin().await?;
        for one in used {
            if add(&mut transaction, one).await? {
                add_faults(&mut transaction, one).await?;
            }
        }
        within(transaction.commit()).await.map_err(told)
    }

    /// What installed versions used, by name and version. Those that were never called are left out.
    pub async fn package_usage(&self) -> Result<Vec<VersionUsage>> {
        let statement = Statement::new(
            "SELECT u.package, u.version, v.digest, u.calls, u.refused, u.cpu_us, u.peak_memory, u.host_calls, \
             u.throttled_us, u.log_lines_dropped, u.counted_at FROM driver_usage u \
             JOIN driver_versions v ON v.package = u.package AND v.version = u.version ORDER BY u.package, u.version",
        );
        let mut all = self
            .all(statement, |row| {
                let mut columns = Columns::of(row);
                Ok(VersionUsage {
                    package: columns.text()?,
                    version: columns.text()?,
                    digest: columns.text()?,
                    counts: UsageCounts {
                        calls: columns.int()?,
                        refused: columns.int()?,
                        cpu_us: columns.int()?,
                        peak_memory: columns.int()?,
                        host_calls: columns.int()?,
                        throttled_us: columns.int()?,
                        log_lines_dropped: columns.int()?,
                        faults: BTreeMap::new(),
                    },
                    counted_at: columns.time()?,
                })
            })
            .await?;
        let statement =
            Statement::new("SELECT package, version, kind, times FROM driver_usage_faults");
        let faults = self
            .all(statement, |row| {
                let mut columns = Columns::of(row);
                let of = (columns.text()?, columns.text()?);
                Ok((of, columns.text()?, columns.int()?))
            })
            .await?;
        for ((package, version), kind, times) in faults {
            let of = all
                .iter_mut()
                .find(|one| one.package == package && one.version == version);
            if let Some(one) = of {
                one.counts.faults.insert(kind, times);
            }
        }
        Ok(all)
    }
}

/// False if there is no such version.
async fn add(connection: &mut AnyConnection, used: &VersionUsage) -> Result<bool> {
    let counts = &used.counts;
    let rows = Statement::new(
        "INSERT INTO driver_usage (package, version, calls, refused, cpu_us, peak_memory, host_calls, throttled_us, \
         log_lines_dropped, counted_at) \
         SELECT package, version, $4, $5, $6, $7, $8, $9, $10, $11 FROM driver_versions \
         WHERE package = $1 AND version = $2 AND digest = $3 \
         ON CONFLICT (package, version) DO UPDATE SET calls = driver_usage.calls + excluded.calls, \
         refused = driver_usage.refused + excluded.refused, cpu_us = driver_usage.cpu_us + excluded.cpu_us, \
         peak_memory = CASE WHEN excluded.peak_memory > driver_usage.peak_memory \
         THEN excluded.peak_memory ELSE driver_usage.peak_memory END, \
         host_calls = driver_usage.host_calls + excluded.host_calls, \
         throttled_us = driver_usage.throttled_us + excluded.throttled_us, \
         log_lines_dropped = driver_usage.log_lines_dropped + excluded.log_lines_dropped, \
         counted_at = excluded.counted_at",
    )
    .bind(used.package.as_str())
    .bind(used.version.as_str())
    .bind(used.digest.as_str())
    .bind(counts.calls)
    .bind(counts.refused)
    .bind(counts.cpu_us)
    .bind(counts.peak_memory)
    .bind(counts.host_calls)
    .bind(counts.throttled_us)
    .bind(counts.log_lines_dropped)
    .bind(used.counted_at.0)
    .run(connection)
    .await
    .map_err(told)?;
    Ok(rows > 0)
}

async fn add_faults(connection: &mut AnyConnection, used: &VersionUsage) -> Result<()> {
    for (kind, times) in &used.counts.faults {
        Statement::new(
            "INSERT INTO driver_usage_faults (package, version, kind, times) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (package, version, kind) DO UPDATE SET times = driver_usage_faults.times + excluded.times",
        )
        .bind(used.package.as_str())
        .bind(used.version.as_str())
        .bind(kind.as_str())
        .bind(*times)
        .run(connection)
        .await
        .map_err(told)?;
    }
    Ok(())
}
