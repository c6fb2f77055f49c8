//! What belongs to no node and is only looked up: deploy templates, runbooks, inspection rules. Nobody has to hold
//! anything to change them; a change reads and writes in one transaction.

use ironbark_model::{Error, Result, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::{told, told_of_write};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement, within};
use crate::{Database, Page};

/// What all of them have.
pub(crate) struct Common {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
}

/// One kind of them.
pub(crate) trait Standalone: Clone + Sized {
    /// Where they are, and how they are listed.
    const LISTING: Listing;
    /// In messages: with an article, as a sentence begins with it.
    const ONE: &'static str;
    /// The columns that only this kind has.
    const COLUMNS: &'static [&'static str];

    /// Binds the values of [`Standalone::COLUMNS`], in their order.
    fn bind(&self, statement: Statement) -> Result<Statement>;

    /// Reads [`Standalone::COLUMNS`], in their order.
    fn read(common: Common, columns: &mut Columns<'_>) -> Result<Self>;

    fn common(&self) -> Common;

    /// The same with these.
    fn with_common(self, common: Common) -> Self;

    /// What no other one may have, besides the UUID.
    fn name(&self) -> Option<&str> {
        None
    }

    /// The most of them that there are, if they are bounded.
    const MOST: Option<i64> = None;
}

impl Database {
    pub(crate) async fn standalone_get<T: Standalone>(
        &self,
        column: &'static str,
        value: &str,
    ) -> Result<Option<T>> {
        let mut connection = self.reader().await?;
        find(&mut connection, column, value).await
    }

    pub(crate) async fn standalone_list<T: Standalone>(&self, page: &Page) -> Result<Vec<T>> {
        self.standalone_matching(&Conditions::default(), page).await
    }

    pub(crate) async fn standalone_matching<T: Standalone>(
        &self,
        all: &Conditions,
        page: &Page,
    ) -> Result<Vec<T>> {
        let mut connection = self.reader().await?;
        let columns = selected::<T>();
        let rows = read_page(&mut connection, &T::LISTING, &columns, all, page).await?;
        rows.iter().map(from_row).collect()
    }

    pub(crate) async fn standalone_create<T: Standalone>(&self, new: &T) -> Result<T> {
        let now = Timestamp::now();
        let places: Vec<String> = (3..T::COLUMNS.len() + 3)
            .map(|number| format!("${number}"))
            .collect();
        let (table, places) = (T::LISTING.from, places.join(", "));
        let bound = format!(
            "WHERE (SELECT COUNT(*) FROM {table}) < ${}",
            T::COLUMNS.len() + 3
        );
        let values = match T::MOST {
            None => format!("VALUES ($1, $2, {places})"),
            Some(_) => format!("SELECT $1, $2, {places} {bound}"),
        };
        let text = format!(
            "INSERT INTO {table} (uuid, created_at, {}) {values} RETURNING id",
            T::COLUMNS.join(", "),
        );
        let uuid = new.common().uuid;
        let statement = Statement::new(AssertSqlSafe(text))
            .bind(uuid.as_str())
            .bind(now.0);
        let mut statement = new.bind(statement)?;
        if let Some(most) = T::MOST {
            statement = statement.bind(most);
        }
        let mut connection = self.writer().await?;
        let row = statement
            .row(&mut connection)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(new, column)))?
            .ok_or_else(|| match T::MOST {
                Some(most) => Error::conflict(format!(
                    "{} can't be created: there are {most} already; delete one first.",
                    T::ONE
                )),
                None => Error::internal("The database gave a new row no number."),
            })?;
        Ok(new.clone().with_common(Common {
            id: Columns::of(&row).int()?,
            uuid,
            created_at: Some(now),
            updated_at: None,
        }))
    }

    pub(crate) async fn standalone_change<T: Standalone>(
        &self,
        uuid: &str,
        change: impl FnOnce(&T) -> Result<T> + Send,
    ) -> Result<T> {
        let table = T::LISTING.from;
        let mut transaction = self.begin().await?;
        let pin = format!("UPDATE {table} SET uuid = uuid WHERE uuid = $1");
        let found = Statement::new(AssertSqlSafe(pin))
            .bind(uuid)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        if found == 0 {
            return Err(not_found::<T>(uuid));
        }
        let before: T = find(&mut transaction, "uuid", uuid)
            .await?
            .ok_or_else(|| not_found::<T>(uuid))?;
        let common = Common {
            updated_at: Some(Timestamp::now()),
            ..before.common()
        };
        let (id, now) = (common.id, common.updated_at);
        let after = change(&before)?.with_common(common);
        let sets: Vec<String> = T::COLUMNS
            .iter()
            .zip(3..)
            .map(|(column, number)| format!("{column} = ${number}"))
            .collect();
        let text = format!(
            "UPDATE {table} SET updated_at = $1, {} WHERE id = $2",
            sets.join(", ")
        );
        let statement = Statement::new(AssertSqlSafe(text))
            .bind(now.map(|time| time.0))
            .bind(id);
        after
            .bind(statement)?
            .run(&mut transaction)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(&after, column)))?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(after)
    }

    pub(crate) async fn standalone_delete<T: Standalone>(&self, uuid: &str) -> Result<()> {
        let text = format!("DELETE FROM {} WHERE uuid = $1", T::LISTING.from);
        let mut connection = self.writer().await?;
        let deleted = Statement::new(AssertSqlSafe(text))
            .bind(uuid)
            .run(&mut connection)
            .await
            .map_err(told)?;
        if deleted == 0 {
            return Err(not_found::<T>(uuid));
        }
        Ok(())
    }
}

async fn find<T: Standalone>(
    connection: &mut AnyConnection,
    column: &'static str,
    value: &str,
) -> Result<Option<T>> {
    let text = format!(
        "SELECT {} FROM {} WHERE {column} = $1",
        selected::<T>(),
        T::LISTING.from
    );
    let row = Statement::new(AssertSqlSafe(text))
        .bind(value)
        .row(connection)
        .await
        .map_err(told)?;
    row.as_ref().map(from_row).transpose()
}

/// What a SELECT names, for [`from_row`].
pub(crate) fn selected<T: Standalone>() -> String {
    format!(
        "id, uuid, created_at, updated_at, {}",
        T::COLUMNS.join(", ")
    )
}

pub(crate) fn from_row<T: Standalone>(row: &AnyRow) -> Result<T> {
    let mut columns = Columns::of(row);
    let common = Common {
        id: columns.int()?,
        uuid: columns.text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
    };
    T::read(common, &mut columns)
}

fn duplicate<T: Standalone>(new: &T, column: &str) -> Option<String> {
    let (_, column) = column.split_once('.')?;
    let value = match column {
        "uuid" => format!("UUID {}", new.common().uuid),
        "name" => format!("name {}", new.name().unwrap_or_default()),
        _ => return None,
    };
    Some(format!("{} with {value} already exists.", T::ONE))
}

fn not_found<T: Standalone>(uuid: &str) -> Error {
    Error::not_found(format!("{} {uuid} could not be found.", T::LISTING.what))
}
