//! The journal: open operations, one at most for a node. A row is deleted when its work ends, so that the table is
//! exactly what must be carried on after a crash, and reading it costs as much as there is work.

use ironbark_model::{Error, Operation, Result, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::{told, told_of_write};
use crate::nodes::{node_ref_from, ref_columns};
use crate::sql::{Columns, Statement, large_object_to_text, to_json};
use crate::{Database, NodeRef};

const COLUMNS: &str = "o.uuid, n.uuid, o.kind, o.args, o.phase, o.steps, o.step_index, o.step_started, \
    o.cursor_json, o.wait_json, o.package_digest, o.deadline, o.request_id, o.resumes, o.created_at, o.updated_at";

const FROM: &str = "operations o JOIN nodes n ON n.id = o.node_id";

impl Database {
    /// The node's open operation.
    pub async fn operation_of(&self, node_uuid: &str) -> Result<Option<Operation>> {
        let mut connection = self.reader().await?;
        let row = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE n.uuid = $1"
        )))
        .bind(node_uuid)
        .row(&mut connection)
        .await
        .map_err(told)?;
        row.map(|row| operation_from(&mut Columns::of(&row)))
            .transpose()
    }

    /// All open operations with their nodes, oldest first.
    pub async fn operations_open(&self) -> Result<Vec<(Operation, NodeRef)>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS}, {} FROM {FROM} ORDER BY o.created_at, o.node_id",
            ref_columns()
        )))
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                Ok((operation_from(&mut columns)?, node_ref_from(&mut columns)?))
            })
            .collect()
    }

    /// UUIDs of the nodes whose current step began with this package.
    pub async fn operations_pinning(&self, digest: &str) -> Result<Vec<String>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT n.uuid FROM {FROM} WHERE o.package_digest = $1 ORDER BY n.id"
        )))
        .bind(digest)
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter().map(|row| Columns::of(row).text()).collect()
    }
}

/// The open operation of the node with this number.
pub(crate) async fn of_node(
    connection: &mut AnyConnection,
    node_id: i64,
) -> Result<Option<Operation>> {
    let row = Statement::new(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE o.node_id = $1"
    )))
    .bind(node_id)
    .row(connection)
    .await
    .map_err(told)?;
    row.map(|row| operation_from(&mut Columns::of(&row)))
        .transpose()
}

/// Opens an operation on the node with this number.
pub(crate) async fn insert(
    connection: &mut AnyConnection,
    node_id: i64,
    operation: &Operation,
) -> Result<()> {
    let statement = Statement::new(
        "INSERT INTO operations (kind, args, phase, steps, step_index, step_started, cursor_json, wait_json, \
         package_digest, deadline, request_id, resumes, updated_at, uuid, node_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    );
    bind_columns(statement, operation, operation.updated_at)?
        .bind(operation.uuid.as_str())
        .bind(node_id)
        .bind(operation.created_at.0)
        .run(connection)
        .await
        .map_err(|error| {
            told_of_write(error, |_| {
                Some(format!(
                    "Node {} has an operation in progress already.",
                    operation.node_uuid
                ))
            })
        })?;
    Ok(())
}

/// Writes the journal. `updated_at` becomes now, so that recovery can tell how old the work is.
pub(crate) async fn update(
    connection: &mut AnyConnection,
    node_id: i64,
    operation: &Operation,
) -> Result<()> {
    let statement = Statement::new(
        "UPDATE operations SET kind = $1, args = $2, phase = $3, steps = $4, step_index = $5, step_started = $6, \
         cursor_json = $7, wait_json = $8, package_digest = $9, deadline = $10, request_id = $11, resumes = $12, \
         updated_at = $13 WHERE uuid = $14 AND node_id = $15",
    );
    let changed = bind_columns(statement, operation, Timestamp::now())?
        .bind(operation.uuid.as_str())
        .bind(node_id)
        .run(connection)
        .await
        .map_err(told)?;
    must_be_open(changed, &operation.uuid)
}

/// Ends an operation: its row goes.
pub(crate) async fn delete(
    connection: &mut AnyConnection,
    node_id: i64,
    operation_uuid: &str,
) -> Result<()> {
    let deleted = Statement::new("DELETE FROM operations WHERE uuid = $1 AND node_id = $2")
        .bind(operation_uuid)
        .bind(node_id)
        .run(connection)
        .await
        .map_err(told)?;
    must_be_open(deleted, operation_uuid)
}

fn must_be_open(rows: u64, operation_uuid: &str) -> Result<()> {
    if rows == 0 {
        return Err(Error::internal(format!(
            "Operation {operation_uuid} is not open on this node."
        )));
    }
    Ok(())
}

fn operation_from(columns: &mut Columns<'_>) -> Result<Operation> {
    let count = |value: i64| usize::try_from(value).unwrap_or_default();
    Ok(Operation {
        uuid: columns.text()?,
        node_uuid: columns.text()?,
        kind: columns.parsed()?,
        args: columns.object()?,
        phase: columns.text()?,
        steps: columns.json()?,
        step_index: count(columns.int()?),
        step_started: columns.flag()?,
        cursor: columns.opt_json()?,
        wait: columns.opt_json()?,
        package_digest: columns.opt_text()?,
        deadline: columns.opt_time()?,
        request_id: columns.text()?,
        resumes: u32::try_from(columns.int()?).unwrap_or(u32::MAX),
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn bind_columns(
    statement: Statement,
    operation: &Operation,
    updated_at: Timestamp,
) -> Result<Statement> {
    Ok(statement
        .bind(operation.kind.as_str())
        .bind(large_object_to_text(&operation.args)?)
        .bind(operation.phase.as_str())
        .bind(to_json(&operation.steps)?)
        .bind(i64::try_from(operation.step_index).unwrap_or(i64::MAX))
        .bind(i64::from(operation.step_started))
        .bind(operation.cursor.as_ref().map(to_json).transpose()?)
        .bind(operation.wait.as_ref().map(to_json).transpose()?)
        .bind(operation.package_digest.as_deref())
        .bind(operation.deadline.map(|time| time.0))
        .bind(operation.request_id.as_str())
        .bind(i64::from(operation.resumes))
        .bind(updated_at.0))
}
