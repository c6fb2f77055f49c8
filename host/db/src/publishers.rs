//! Trusted publishers of driver packages. [`crate::PackagesTx`] changes them.

use ironbark_model::Result;
use ironbark_model::lifecycle::Publisher;
use sqlx::any::AnyRow;

use crate::Database;
use crate::sql::{Columns, Statement};

pub(crate) const ALL: &str =
    "SELECT name, public_key, packages, expires_at, created_at FROM publishers ORDER BY name";

impl Database {
    /// All trusted publishers, by name.
    pub async fn publishers(&self) -> Result<Vec<Publisher>> {
        self.all(Statement::new(ALL), publisher_from).await
    }
}

pub(crate) fn publisher_from(row: &AnyRow) -> Result<Publisher> {
    let mut columns = Columns::of(row);
    Ok(Publisher {
        name: columns.text()?,
        public_key: columns.text()?,
        packages: columns.json()?,
        expires_at: columns.opt_time()?,
        created_at: columns.time()?,
    })
}
