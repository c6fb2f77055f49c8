//! Reading about packages.

use ironbark_model::Result;
use ironbark_model::lifecycle::{
    Canary, PackageEvent, PackageGrants, PackageOwner, PackageVersion,
};
use ironbark_model::package::DriverPackage;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::decode::{
    ACTIVE, CANARY, EVENT, OWNER, VERSION, active_from, canary_from, event_from, grants_from,
    owner_from, version_from,
};
use crate::Database;
use crate::error::told;
use crate::sql::{Columns, Statement};

impl Database {
    /// All active packages, by name.
    pub async fn package_list(&self) -> Result<Vec<DriverPackage>> {
        let text = format!("SELECT {ACTIVE} FROM driver_packages ORDER BY name");
        self.all(Statement::new(AssertSqlSafe(text)), active_from)
            .await
    }

    /// The active version of the package of this name.
    pub async fn package_get(&self, name: &str) -> Result<Option<DriverPackage>> {
        let text = format!("SELECT {ACTIVE} FROM driver_packages WHERE name = $1");
        let statement = Statement::new(AssertSqlSafe(text)).bind(name);
        Ok(self.all(statement, active_from).await?.pop())
    }

    /// All installed versions of all packages, by name, the newest installation first.
    pub async fn package_versions_all(&self) -> Result<Vec<PackageVersion>> {
        let text = format!(
            "SELECT {VERSION} FROM driver_versions ORDER BY package, created_at DESC, version"
        );
        self.all(Statement::new(AssertSqlSafe(text)), version_from)
            .await
    }

    /// The installed versions of one package, the newest installation first.
    pub async fn package_versions(&self, package: &str) -> Result<Vec<PackageVersion>> {
        let text = format!(
            "SELECT {VERSION} FROM driver_versions WHERE package = $1 ORDER BY created_at DESC, version"
        );
        let statement = Statement::new(AssertSqlSafe(text)).bind(package);
        self.all(statement, version_from).await
    }

    /// What was granted to a package; `None` if nobody ever decided.
    pub async fn package_grants(&self, package: &str) -> Result<Option<PackageGrants>> {
        let statement =
            Statement::new("SELECT granted, entries FROM driver_grants WHERE package = $1")
                .bind(package);
        Ok(self.all(statement, grants_from).await?.pop())
    }

    /// Packages that were granted something before it was written down what exactly, by name.
    pub async fn packages_granted_by_name(&self) -> Result<Vec<String>> {
        let text = "SELECT package FROM driver_grants WHERE entries IS NULL ORDER BY package";
        self.all(Statement::new(text), |row| Columns::of(row).text())
            .await
    }

    /// Which publishers own which packages' names, by name of the package.
    pub async fn package_owners(&self) -> Result<Vec<PackageOwner>> {
        let text = format!("SELECT {OWNER} FROM driver_owners ORDER BY package");
        self.all(Statement::new(AssertSqlSafe(text)), owner_from)
            .await
    }

    /// All canaries, by name of the package.
    pub async fn package_canaries(&self) -> Result<Vec<Canary>> {
        let text = format!("SELECT {CANARY} FROM driver_canaries ORDER BY package");
        self.all(Statement::new(AssertSqlSafe(text)), canary_from)
            .await
    }

    /// The latest `limit` things that were done with a package, the latest first.
    pub async fn package_history(&self, package: &str, limit: u32) -> Result<Vec<PackageEvent>> {
        let text = format!(
            "SELECT {EVENT} FROM driver_history WHERE package = $1 ORDER BY id DESC LIMIT $2"
        );
        let statement = Statement::new(AssertSqlSafe(text))
            .bind(package)
            .bind(i64::from(limit));
        self.all(statement, event_from).await
    }

    /// All rows of a statement.
    pub(crate) async fn all<T>(
        &self,
        statement: Statement,
        decode: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut connection = self.reader().await?;
        let rows = statement.rows(&mut connection).await.map_err(told)?;
        rows.iter().map(decode).collect()
    }
}
