//! Allocations. One without a node belongs to nobody, and is changed by single statements that say in which state it must
//! be; it gets its node under the node's reservation ([`ReservedTx`]). One whose node is cut off from it is deleted by a
//! trigger of the schema, in the transaction that writes the node's `allocation_uuid`.

use ironbark_model::ident::Ident;
use ironbark_model::{Allocation, AllocationState, Error, Result, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::{told, told_of_write};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Bind, Columns, Statement, object_to_text, to_json, within};
use crate::{AllocationFilter, Database, Page, ReservedTx};

/// What `sort_key` of a list of allocations may be.
pub const ALLOCATION_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "state",
    "last_error",
    "resource_class",
    "owner",
    "created_at",
    "updated_at",
];

const FROM: &str = "allocations a LEFT JOIN nodes n ON n.id = a.node_id";

const COLUMNS: &str = "a.id, a.uuid, a.name, n.uuid, a.state, a.last_error, a.resource_class, a.traits, \
    a.candidate_nodes, a.extra, a.owner, a.created_at, a.updated_at, a.prefers_name, a.conductor";

const LISTING: Listing = Listing {
    from: FROM,
    id: "a.id",
    marker: "a.uuid",
    what: "Allocation",
    sort_keys: ALLOCATION_SORT_KEYS,
    always_set: &["uuid", "state", "created_at"],
    prefix: "a.",
};

/// How many unfinished allocations are looked at at once.
const UNFINISHED: i64 = 1000;

impl Database {
    /// The allocation with this UUID or name.
    pub async fn allocation_get(&self, ident: &Ident) -> Result<Option<Allocation>> {
        let column = match ident {
            Ident::Uuid(_) => "a.uuid",
            Ident::Name(_) => "a.name",
        };
        let mut connection = self.reader().await?;
        read(&mut connection, column, ident.as_str()).await
    }

    /// The allocation that the node with this UUID is given to.
    pub async fn allocation_of_node(&self, node_uuid: &str) -> Result<Option<Allocation>> {
        let mut connection = self.reader().await?;
        read(&mut connection, "n.uuid", node_uuid).await
    }

    /// A page of the allocations that match.
    pub async fn allocation_list(
        &self,
        filter: &AllocationFilter,
        page: &Page,
    ) -> Result<Vec<Allocation>> {
        let mut all = Conditions::default();
        for (column, value) in [
            ("n.uuid", filter.node_uuid.as_deref()),
            ("a.resource_class", filter.resource_class.as_deref()),
            ("a.state", filter.state.map(AllocationState::as_str)),
            ("a.owner", filter.owner.as_deref()),
        ] {
            if let Some(value) = value {
                all.equals(column, value);
            }
        }
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, page).await?;
        rows.iter().map(allocation_from).collect()
    }

    /// The oldest allocations for which a node is still to be found, at most 1000.
    pub async fn allocations_unfinished(&self) -> Result<Vec<Allocation>> {
        let mut all = Conditions::default();
        all.equals("a.state", AllocationState::Allocating.as_str());
        let limit = all.bind(Bind::Int(UNFINISHED));
        let text = format!(
            "SELECT {COLUMNS} FROM {FROM}{} ORDER BY a.id LIMIT {limit}",
            all.text()
        );
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(text))
            .bind_all(all.into_binds())
            .rows(&mut connection)
            .await
            .map_err(told)?;
        rows.iter().map(allocation_from).collect()
    }

    /// Stores a new allocation that has no node. Its number is the database's, `created_at` is now. A UUID or name that
    /// another one has is a conflict.
    pub async fn allocation_create(&self, allocation: &Allocation) -> Result<Allocation> {
        let mut connection = self.writer().await?;
        insert(&mut connection, allocation, None).await
    }

    /// Gives an allocation the name and `extra` that `change` gives it; `updated_at` becomes now. Nobody else changes it
    /// meanwhile.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if another one has the name; those of `change`.
    pub async fn allocation_change(
        &self,
        uuid: &str,
        change: impl FnOnce(&Allocation) -> Result<Allocation> + Send,
    ) -> Result<Allocation> {
        let mut transaction = self.begin().await?;
        let found = Statement::new("UPDATE allocations SET uuid = uuid WHERE uuid = $1")
            .bind(uuid)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        if found == 0 {
            return Err(not_found(uuid));
        }
        let before = read(&mut transaction, "a.uuid", uuid)
            .await?
            .ok_or_else(|| not_found(uuid))?;
        let changed = change(&before)?;
        let after = Allocation {
            name: changed.name,
            extra: changed.extra,
            updated_at: Some(Timestamp::now()),
            ..before
        };
        Statement::new(
            "UPDATE allocations SET name = $1, extra = $2, updated_at = $3 WHERE id = $4",
        )
        .bind(after.name.as_deref())
        .bind(object_to_text(&after.extra)?)
        .bind(after.updated_at.map(|time| time.0))
        .bind(after.id)
        .run(&mut transaction)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(&after, column)))?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(after)
    }

    /// Deletes an allocation that has no node; false if there is none, or it has one.
    pub async fn allocation_delete_without_node(&self, uuid: &str) -> Result<bool> {
        let statement =
            Statement::new("DELETE FROM allocations WHERE uuid = $1 AND node_id IS NULL")
                .bind(uuid);
        self.changes_one(statement).await
    }

    /// Ends the search that `conductor` makes: no node was found, because `reason`. False if it isn't its search any more.
    pub async fn allocation_fail(&self, uuid: &str, conductor: &str, reason: &str) -> Result<bool> {
        let statement = Statement::new(
            "UPDATE allocations SET state = 'error', last_error = $1, updated_at = $2 \
             WHERE uuid = $3 AND state = 'allocating' AND conductor = $4",
        )
        .bind(reason)
        .bind(Timestamp::now().0)
        .bind(uuid)
        .bind(conductor);
        self.changes_one(statement).await
    }

    /// Makes the search that the conductor `from` made the one of `to`; false if it is over, or somebody else's.
    pub async fn allocation_take_over(
        &self,
        uuid: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<bool> {
        let statement = Statement::new(
            "UPDATE allocations SET conductor = $1 \
             WHERE uuid = $2 AND state = 'allocating' AND COALESCE(conductor, '') = $3",
        )
        .bind(to)
        .bind(uuid)
        .bind(from.unwrap_or_default());
        self.changes_one(statement).await
    }

    async fn changes_one(&self, statement: Statement) -> Result<bool> {
        let mut connection = self.writer().await?;
        let changed = statement.run(&mut connection).await.map_err(told)?;
        Ok(changed > 0)
    }
}

impl ReservedTx {
    /// Gives this node to the allocation that `conductor` looks for a node for. False if it isn't its search any more:
    /// then this transaction is to be dropped. The node's own fields are the caller's to write.
    pub async fn allocation_place(&mut self, uuid: &str, conductor: &str) -> Result<bool> {
        let (connection, node_id) = self.parts();
        let placed = Statement::new(
            "UPDATE allocations SET state = 'active', node_id = $1, last_error = NULL, updated_at = $2 \
             WHERE uuid = $3 AND state = 'allocating' AND conductor = $4",
        )
        .bind(node_id)
        .bind(Timestamp::now().0)
        .bind(uuid)
        .bind(conductor)
        .run(connection)
        .await
        .map_err(|error| told_of_write(error, |_| Some(taken())))?;
        Ok(placed > 0)
    }

    /// Stores a new allocation that has this node. A UUID or name that another one has, and an allocation that the node
    /// has, are conflicts, after which this transaction can only be dropped.
    pub async fn allocation_create_placed(
        &mut self,
        allocation: &Allocation,
    ) -> Result<Allocation> {
        let node_uuid = allocation.node_uuid.as_deref().unwrap_or_default();
        self.must_be_this_node(node_uuid)?;
        let (connection, node_id) = self.parts();
        insert(connection, allocation, Some(node_id)).await
    }
}

async fn insert(
    connection: &mut AnyConnection,
    allocation: &Allocation,
    node_id: Option<i64>,
) -> Result<Allocation> {
    let now = Timestamp::now();
    let row = Statement::new(
        "INSERT INTO allocations (uuid, name, node_id, state, last_error, resource_class, traits, candidate_nodes, \
         extra, owner, created_at, prefers_name, conductor) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
    )
    .bind(allocation.uuid.as_str())
    .bind(allocation.name.as_deref())
    .bind(node_id)
    .bind(allocation.state.as_str())
    .bind(allocation.last_error.as_deref())
    .bind(allocation.resource_class.as_deref())
    .bind(to_json(&allocation.traits)?)
    .bind(to_json(&allocation.candidate_nodes)?)
    .bind(object_to_text(&allocation.extra)?)
    .bind(allocation.owner.as_deref())
    .bind(now.0)
    .bind(i64::from(allocation.prefers_name))
    .bind(allocation.conductor.as_deref())
    .row(connection)
    .await
    .map_err(|error| told_of_write(error, |column| duplicate(allocation, column)))?
    .ok_or_else(|| Error::internal("The database gave an allocation no number."))?;
    Ok(Allocation {
        id: Columns::of(&row).int()?,
        created_at: Some(now),
        updated_at: None,
        ..allocation.clone()
    })
}

async fn read(
    connection: &mut AnyConnection,
    column: &'static str,
    value: &str,
) -> Result<Option<Allocation>> {
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE {column} = $1");
    let row = Statement::new(AssertSqlSafe(text))
        .bind(value)
        .row(connection)
        .await
        .map_err(told)?;
    row.as_ref().map(allocation_from).transpose()
}

fn allocation_from(row: &AnyRow) -> Result<Allocation> {
    let mut columns = Columns::of(row);
    Ok(Allocation {
        id: columns.int()?,
        uuid: columns.text()?,
        name: columns.opt_text()?,
        node_uuid: columns.opt_text()?,
        state: columns.parsed()?,
        last_error: columns.opt_text()?,
        resource_class: columns.opt_text()?,
        traits: columns.json()?,
        candidate_nodes: columns.json()?,
        extra: columns.object()?,
        owner: columns.opt_text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        prefers_name: columns.flag()?,
        conductor: columns.opt_text()?,
    })
}

fn duplicate(allocation: &Allocation, column: &str) -> Option<String> {
    match column {
        "allocations.uuid" => Some(format!(
            "An allocation with UUID {} already exists.",
            allocation.uuid
        )),
        "allocations.name" => Some(format!(
            "An allocation with name {} already exists.",
            allocation.name.as_deref().unwrap_or_default()
        )),
        "allocations.node_id" => Some(taken()),
        _ => None,
    }
}

fn taken() -> String {
    "The node already has an allocation.".to_owned()
}

fn not_found(uuid: &str) -> Error {
    Error::not_found(format!("Allocation {uuid} could not be found."))
}
