//! Brings the schema up to date when the database is opened. The files are in `migrations/`, numbered alike for both
//! databases, and are part of the binary.

use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

use crate::DbError;
use crate::dialect::Dialect;

/// Number, name, text for SQLite, text for PostgreSQL.
const FILES: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "first schema",
        include_str!("../../../migrations/sqlite/0001_first_schema.sql"),
        include_str!("../../../migrations/postgres/0001_first_schema.sql"),
    ),
    (
        2,
        "package lifecycle",
        include_str!("../../../migrations/sqlite/0002_package_lifecycle.sql"),
        include_str!("../../../migrations/postgres/0002_package_lifecycle.sql"),
    ),
    (
        3,
        "audit",
        include_str!("../../../migrations/sqlite/0003_audit.sql"),
        include_str!("../../../migrations/postgres/0003_audit.sql"),
    ),
    (
        4,
        "driver drains",
        include_str!("../../../migrations/sqlite/0004_driver_drains.sql"),
        include_str!("../../../migrations/postgres/0004_driver_drains.sql"),
    ),
    (
        5,
        "chassis, portgroups, volumes",
        include_str!("../../../migrations/sqlite/0005_chassis_portgroups_volumes.sql"),
        include_str!("../../../migrations/postgres/0005_chassis_portgroups_volumes.sql"),
    ),
    (
        6,
        "hardware",
        include_str!("../../../migrations/sqlite/0006_hardware.sql"),
        include_str!("../../../migrations/postgres/0006_hardware.sql"),
    ),
    (
        7,
        "allocations_templates_runbooks",
        include_str!("../../../migrations/sqlite/0007_allocations_templates_runbooks.sql"),
        include_str!("../../../migrations/postgres/0007_allocations_templates_runbooks.sql"),
    ),
    (
        8,
        "inspection_rules",
        include_str!("../../../migrations/sqlite/0008_inspection_rules.sql"),
        include_str!("../../../migrations/postgres/0008_inspection_rules.sql"),
    ),
    (
        9,
        "driver usage",
        include_str!("../../../migrations/sqlite/0009_driver_usage.sql"),
        include_str!("../../../migrations/postgres/0009_driver_usage.sql"),
    ),
    (
        10,
        "node revisions",
        include_str!("../../../migrations/sqlite/0010_node_revisions.sql"),
        include_str!("../../../migrations/postgres/0010_node_revisions.sql"),
    ),
    (
        11,
        "package rights",
        include_str!("../../../migrations/sqlite/0011_package_rights.sql"),
        include_str!("../../../migrations/postgres/0011_package_rights.sql"),
    ),
];

/// Where the database notes which files it has seen.
const TABLE: &str = "schema_migrations";

/// Applies what is missing; refuses a database that a newer binary wrote.
pub(crate) async fn migrate(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> Result<(), DbError> {
    let migrations = FILES.iter().map(|(version, name, sqlite, postgres)| {
        let text = match dialect {
            Dialect::Sqlite => *sqlite,
            Dialect::Postgres => *postgres,
        };
        let kind = MigrationType::Simple;
        Migration::new(*version, (*name).into(), kind, text.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(TABLE);

    refuse_newer(connection).await?;
    migrator.run(connection).await.map_err(DbError::Migrate)
}

async fn refuse_newer(connection: &mut AnyConnection) -> Result<(), DbError> {
    connection
        .ensure_migrations_table(TABLE)
        .await
        .map_err(DbError::Migrate)?;
    let applied = connection
        .list_applied_migrations(TABLE)
        .await
        .map_err(DbError::Migrate)?;
    let database = applied.iter().map(|one| one.version).max().unwrap_or(0);
    let binary = FILES.iter().map(|file| file.0).max().unwrap_or(0);
    if database > binary {
        return Err(DbError::Newer {
            database,
            binary,
            binary_version: env!("CARGO_PKG_VERSION"),
        });
    }
    Ok(())
}
