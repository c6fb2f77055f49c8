//! Reading inside of a change of packages: nobody else changes them until it ends.

use ironbark_model::Result;
use ironbark_model::lifecycle::PackageVersion;
use sqlx::AssertSqlSafe;

use super::change::PackagesTx;
use super::decode::{VERSION, version_from};
use crate::error::told;
use crate::sql::Statement;

impl PackagesTx {
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
