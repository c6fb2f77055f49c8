//! Shards: nothing but a name that nodes share.

use ironbark_model::Result;

use crate::Database;
use crate::sql::{Columns, Statement};

impl Database {
    /// How many nodes are in each shard, by name; first those in none.
    pub async fn shards(&self) -> Result<Vec<(Option<String>, i64)>> {
        let statement = Statement::new(
            "SELECT shard, COUNT(*) FROM nodes GROUP BY shard ORDER BY shard IS NOT NULL, shard",
        );
        self.all(statement, |row| {
            let mut columns = Columns::of(row);
            Ok((columns.opt_text()?, columns.int()?))
        })
        .await
    }
}
