//! Pages of whole nodes: only those are read that changed since they were read the last time.

use std::collections::HashMap;
use std::sync::Arc;

use ironbark_model::{Node, Result};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::cache::{Key, NodeCache};
use super::filter::conditions;
use super::line::{By, LineOfPage, line_for_pages, node_select, node_with_traits_from};
use super::read::LISTING;
use crate::error::told;
use crate::page::{Conditions, read_lines, rows_as_lines};
use crate::sql::{Packed, Statement, join};
use crate::{Database, NodeFilter, Page};

/// Most nodes that one statement reads by their numbers.
const CHUNK: usize = 1024;

impl Database {
    /// A page of the nodes that match, whole and with their traits.
    pub async fn node_list_whole(
        &self,
        filter: &NodeFilter,
        page: &Page,
    ) -> Result<Vec<Arc<Node>>> {
        let conditions = conditions(filter, "");
        let key = join(["id".to_owned(), "revision".to_owned()]);
        let mut snapshot = self.snapshot().await?;
        let lines = read_lines(&mut snapshot, &LISTING, &key, &conditions, page).await?;
        let keys: Vec<Key> = lines
            .iter()
            .map(|line| key_from(line))
            .collect::<Result<_>>()?;
        let found = self.node_cache().find(&keys);
        let missing: Vec<i64> = keys
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(key, _)| key.id)
            .collect();
        let mut read = HashMap::with_capacity(missing.len());
        for ids in missing.chunks(CHUNK) {
            read_some(&mut snapshot, ids, self.node_cache(), &mut read).await?;
        }
        snapshot.commit().await.map_err(told)?;
        // All of them are there, since it was one snapshot.
        let nodes = keys.iter().zip(found);
        Ok(nodes
            .filter_map(|(key, found)| found.or_else(|| read.remove(&key.id)))
            .collect())
    }
}

/// Adds the nodes with these numbers to `read`, and keeps them.
async fn read_some(
    connection: &mut AnyConnection,
    ids: &[i64],
    cache: &NodeCache,
    read: &mut HashMap<i64, Arc<Node>>,
) -> Result<()> {
    let mut wanted = Conditions::default();
    wanted.one_of_numbers("id", ids);
    let rest = format!("FROM nodes{}", wanted.text());
    let rows = Statement::new(AssertSqlSafe(rows_as_lines(line_for_pages(), &rest)))
        .bind_all(wanted.into_binds())
        .rows(connection)
        .await
        .map_err(told)?;
    for line in crate::page::lines_of(&rows)? {
        match LineOfPage::read(line)? {
            LineOfPage::Node(revision, node) => {
                let id = node.id;
                cache.keep(Key { id, revision }, line.len(), &node);
                read.insert(id, node);
            }
            LineOfPage::TooLarge(id) => {
                let select = node_select(By::Id).bind(id);
                if let Some(row) = select.row(connection).await.map_err(told)? {
                    read.insert(id, Arc::new(node_with_traits_from(&row)?));
                }
            }
        }
    }
    Ok(())
}

fn key_from(line: &str) -> Result<Key> {
    let mut parts = Packed::of(line);
    Ok(Key {
        id: parts.int()?,
        revision: parts.int()?,
    })
}
