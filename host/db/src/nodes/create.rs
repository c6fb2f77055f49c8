//! Making nodes.

use ironbark_model::{Node, Result, Timestamp};
use sqlx::AnyConnection;

use super::columns::node_insert;
use crate::error::{told, told_of_write};
use crate::sql::{Columns, Statement, within};
use crate::{Database, chassis};

impl Database {
    /// Stores a new node with its traits. Its number is the database's, `created_at` is now unless it is given,
    /// and nobody holds it. A UUID, name or instance UUID that another node has is a conflict; a chassis that isn't there
    /// is an invalid parameter.
    pub async fn node_create(&self, node: &Node) -> Result<Node> {
        let mut node = Node {
            created_at: Some(node.created_at.unwrap_or_else(Timestamp::now)),
            reservation: None,
            fence: 0,
            ..node.clone()
        };
        if node.traits.is_empty() && node.chassis_uuid.is_none() {
            let mut connection = self.writer().await?;
            node.id = insert(&mut connection, &node).await?;
        } else {
            let mut transaction = self.begin().await?;
            if let Some(chassis) = &node.chassis_uuid {
                chassis::hold_for_node(&mut transaction, chassis).await?;
            }
            node.id = insert(&mut transaction, &node).await?;
            insert_traits(&mut transaction, node.id, &node.traits).await?;
            within(transaction.commit()).await.map_err(told)?;
            node.traits.sort();
            node.traits.dedup();
        }
        Ok(node)
    }
}

/// What to say when another node already has what must be unique.
pub(crate) fn duplicate(node: &Node, column: &str) -> Option<String> {
    match column {
        "nodes.uuid" => Some(format!("A node with UUID {} already exists.", node.uuid)),
        "nodes.name" => Some(format!(
            "A node with name {} already exists.",
            node.name.as_deref().unwrap_or_default()
        )),
        "nodes.instance_uuid" => Some(format!(
            "Instance {} is already associated with a node, it cannot be associated with node {} too.",
            node.instance_uuid.as_deref().unwrap_or_default(),
            node.uuid
        )),
        _ => None,
    }
}

/// Adds traits that the node doesn't have yet.
pub(crate) async fn insert_traits(
    connection: &mut AnyConnection,
    id: i64,
    traits: &[String],
) -> Result<()> {
    for name in traits {
        Statement::new(
            "INSERT INTO node_traits (node_id, trait) VALUES ($1, $2) ON CONFLICT (node_id, trait) DO NOTHING",
        )
        .bind(id)
        .bind(name.as_str())
        .run(connection)
        .await
        .map_err(told)?;
    }
    Ok(())
}

async fn insert(connection: &mut AnyConnection, node: &Node) -> Result<i64> {
    let created_at = node.created_at.map_or(0, |time| time.0);
    let row = node_insert(node, created_at)?
        .row(connection)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(node, column)))?
        .ok_or_else(|| ironbark_model::Error::internal("The database gave a node no number."))?;
    Columns::of(&row).int()
}
