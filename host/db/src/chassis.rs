//! Chassis. They belong to no node, so that nobody has to hold one to change them; but a chassis that has nodes stays,
//! and a node gets no chassis that isn't there: who depends on a chassis updates its row first.

use ironbark_model::{Chassis, Error, Result, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::error::{told, told_of_write};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement, object_to_text, within};
use crate::{Database, Page};

/// What `sort_key` of a list of chassis may be.
pub const CHASSIS_SORT_KEYS: &[&str] = &["id", "uuid", "created_at", "updated_at", "description"];

const COLUMNS: &str = "id, uuid, created_at, updated_at, description, extra";

/// How often a change begins anew because somebody else was faster.
const CHANGE_ATTEMPTS: usize = 16;

const LISTING: Listing = Listing {
    from: "chassis",
    id: "id",
    marker: "uuid",
    what: "Chassis",
    sort_keys: CHASSIS_SORT_KEYS,
    always_set: &["uuid", "created_at"],
    prefix: "",
};

impl Database {
    /// The chassis with this UUID.
    pub async fn chassis_get(&self, uuid: &str) -> Result<Option<Chassis>> {
        let mut connection = self.reader().await?;
        read(&mut connection, uuid).await
    }

    /// A page of all chassis.
    pub async fn chassis_list(&self, page: &Page) -> Result<Vec<Chassis>> {
        let mut connection = self.reader().await?;
        let all = Conditions::default();
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, page).await?;
        rows.iter().map(chassis_from).collect()
    }

    /// Stores a new chassis. Its number is the database's, `created_at` is now. A UUID that another one has is a conflict.
    pub async fn chassis_create(&self, chassis: &Chassis) -> Result<Chassis> {
        let now = Timestamp::now();
        let statement = Statement::new(
            "INSERT INTO chassis (uuid, created_at, description, extra) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(chassis.uuid.as_str())
        .bind(now.0)
        .bind(chassis.description.as_deref())
        .bind(object_to_text(&chassis.extra)?);
        let mut connection = self.writer().await?;
        let row = statement
            .row(&mut connection)
            .await
            .map_err(|error| {
                told_of_write(error, |column| {
                    (column == "chassis.uuid")
                        .then(|| format!("A chassis with UUID {} already exists.", chassis.uuid))
                })
            })?
            .ok_or_else(|| Error::internal("The database gave a chassis no number."))?;
        Ok(Chassis {
            id: Columns::of(&row).int()?,
            created_at: Some(now),
            updated_at: None,
            ..chassis.clone()
        })
    }

    /// Makes of the chassis what `change` makes of it; `updated_at` becomes now, or a little later if it was that already.
    ///
    /// `change` may take its time: no transaction waits for it. If somebody else changed the chassis meanwhile, it is asked
    /// again, about what is stored then.
    ///
    /// # Errors
    /// `NotFound`; what `change` refuses; `Overloaded` if others were faster again and again.
    pub async fn chassis_change(
        &self,
        uuid: &str,
        change: impl Fn(&Chassis) -> Result<Chassis> + Send,
    ) -> Result<Chassis> {
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self
                .chassis_get(uuid)
                .await?
                .ok_or_else(|| not_found(uuid))?;
            // It grows with every change, so that it says which one this is.
            let since = before.updated_at.map_or(0, |time| time.0);
            let after = Chassis {
                id: before.id,
                uuid: before.uuid.clone(),
                created_at: before.created_at,
                updated_at: Some(Timestamp(Timestamp::now().0.max(since.saturating_add(1)))),
                ..change(&before)?
            };
            let statement = Statement::new(
                "UPDATE chassis SET description = $1, extra = $2, updated_at = $3 \
                 WHERE id = $4 AND COALESCE(updated_at, 0) = $5",
            )
            .bind(after.description.as_deref())
            .bind(object_to_text(&after.extra)?)
            .bind(after.updated_at.map(|time| time.0))
            .bind(after.id)
            .bind(since);
            let mut connection = self.writer().await?;
            if statement.run(&mut connection).await.map_err(told)? > 0 {
                return Ok(after);
            }
        }
        Err(Error::overloaded(format!(
            "Chassis {uuid} is being changed by others all the time; try again."
        )))
    }

    /// Deletes a chassis that no node is in.
    ///
    /// # Errors
    /// `NotFound`; `InvalidParameter` if there are nodes in it.
    pub async fn chassis_delete(&self, uuid: &str) -> Result<()> {
        let mut transaction = self.begin().await?;
        if !pin(&mut transaction, uuid).await? {
            return Err(not_found(uuid));
        }
        let node = Statement::new(
            "SELECT COALESCE(name, uuid) FROM nodes WHERE chassis_uuid = $1 ORDER BY id LIMIT 1",
        )
        .bind(uuid)
        .row(&mut transaction)
        .await
        .map_err(told)?;
        if let Some(row) = node {
            return Err(Error::invalid(format!(
                "Chassis {uuid} can't be deleted: there are nodes in it, such as {}. Take them out first.",
                Columns::of(&row).str()?
            )));
        }
        Statement::new("DELETE FROM chassis WHERE uuid = $1")
            .bind(uuid)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        within(transaction.commit()).await.map_err(told)
    }
}

/// Makes sure, for a node that is written in the same transaction, that its chassis is there and stays.
///
/// # Errors
/// `InvalidParameter`: the node's description names a chassis that isn't there.
pub(crate) async fn hold_for_node(connection: &mut AnyConnection, uuid: &str) -> Result<()> {
    if pin(connection, uuid).await? {
        Ok(())
    } else {
        Err(Error::invalid(not_found(uuid).message()))
    }
}

/// Keeps everybody else from changing the row until the transaction ends; false if there is none.
async fn pin(connection: &mut AnyConnection, uuid: &str) -> Result<bool> {
    let found = Statement::new("UPDATE chassis SET uuid = uuid WHERE uuid = $1")
        .bind(uuid)
        .run(connection)
        .await
        .map_err(told)?;
    Ok(found > 0)
}

async fn read(connection: &mut AnyConnection, uuid: &str) -> Result<Option<Chassis>> {
    let row = Statement::new(
        "SELECT id, uuid, created_at, updated_at, description, extra FROM chassis WHERE uuid = $1",
    )
    .bind(uuid)
    .row(connection)
    .await
    .map_err(told)?;
    row.as_ref().map(chassis_from).transpose()
}

fn chassis_from(row: &AnyRow) -> Result<Chassis> {
    let mut columns = Columns::of(row);
    Ok(Chassis {
        id: columns.int()?,
        uuid: columns.text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        description: columns.opt_text()?,
        extra: columns.object()?,
    })
}

fn not_found(uuid: &str) -> Error {
    Error::not_found(format!("Chassis {uuid} could not be found."))
}
