//! Statements with their arguments, and rows read column by column, in order.
//!
//! Every statement is prepared once for each connection and then found by its text, so texts are few: what varies
//! goes into arguments. Columns are read by position, because finding them by name costs more than decoding them.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use ironbark_model::json::{self, MAX_LARGE_OBJECT_BYTES, MAX_OBJECT_BYTES};
use ironbark_model::{Error, JsonObject, Result, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, Arguments, Encode, Row, SqlSafeStr, SqlStr, Type};

/// A statement that took this long has failed, whatever the server's own limit is: the answer may never come.
const STATEMENT_BACKSTOP: Duration = Duration::from_secs(60);

/// Separates texts that were put together into one column. No text that is stored contains it: see [`storable`].
pub(crate) const SEPARATOR: char = '\u{1e}';

/// Separates the lines of one answer: see [`crate::page::read_lines`]. No text that is stored contains it either.
pub(crate) const LINE_END: char = '\u{1d}';

/// Stands for NULL among texts that were put together.
const ABSENT: &str = "\u{1f}";

/// One statement, ready to run.
pub(crate) struct Statement {
    text: SqlStr,
    arguments: AnyArguments,
    fault: Option<sqlx::Error>,
}

/// An argument whose type is known only when the program runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bind {
    Int(i64),
    Text(String),
}

impl Statement {
    pub(crate) fn new(text: impl SqlSafeStr) -> Self {
        Self {
            text: text.into_sql_str(),
            arguments: AnyArguments::default(),
            fault: None,
        }
    }

    /// Gives the next argument: `$1`, then `$2`, …
    #[must_use]
    pub(crate) fn bind(self, value: impl Argument) -> Self {
        value.give(self)
    }

    fn add<'t>(mut self, value: impl Encode<'t, Any> + Type<Any>) -> Self {
        if let Err(error) = self.arguments.add(value) {
            self.fault = Some(sqlx::Error::Encode(error));
        }
        self
    }

    #[must_use]
    pub(crate) fn bind_all(self, binds: impl IntoIterator<Item = Bind>) -> Self {
        binds.into_iter().fold(self, |statement, bind| match bind {
            Bind::Int(value) => statement.bind(value),
            Bind::Text(value) => statement.bind(value),
        })
    }

    /// All rows.
    pub(crate) async fn rows(self, connection: &mut AnyConnection) -> sqlx::Result<Vec<AnyRow>> {
        let (text, arguments) = self.parts()?;
        within(sqlx::query_with(text, arguments).fetch_all(connection)).await
    }

    /// The first row. What changes something is read to the end, since `… RETURNING` has only done all its work then; a query
    /// ends with its first row, which spares one message of its connection's thread.
    pub(crate) async fn row(self, connection: &mut AnyConnection) -> sqlx::Result<Option<AnyRow>> {
        if !self.text.as_str().starts_with("SELECT") {
            return Ok(self.rows(connection).await?.into_iter().next());
        }
        let (text, arguments) = self.parts()?;
        within(sqlx::query_with(text, arguments).fetch_optional(connection)).await
    }

    /// How many rows were changed.
    pub(crate) async fn run(self, connection: &mut AnyConnection) -> sqlx::Result<u64> {
        let (text, arguments) = self.parts()?;
        let done = within(sqlx::query_with(text, arguments).execute(connection)).await?;
        Ok(done.rows_affected())
    }

    fn parts(self) -> sqlx::Result<(SqlStr, AnyArguments)> {
        match self.fault {
            None => Ok((self.text, self.arguments)),
            Some(error) => Err(error),
        }
    }
}

/// What can be an argument.
pub(crate) trait Argument {
    fn give(self, statement: Statement) -> Statement;
}

impl Argument for i64 {
    fn give(self, statement: Statement) -> Statement {
        statement.add(self)
    }
}

impl Argument for Option<i64> {
    fn give(self, statement: Statement) -> Statement {
        statement.add(self)
    }
}

impl Argument for Vec<u8> {
    fn give(self, statement: Statement) -> Statement {
        statement.add(self)
    }
}

impl Argument for &str {
    fn give(self, statement: Statement) -> Statement {
        statement.add(storable(self).into_owned())
    }
}

impl Argument for Option<&str> {
    fn give(self, statement: Statement) -> Statement {
        statement.add(self.map(|text| storable(text).into_owned()))
    }
}

impl Argument for String {
    fn give(self, statement: Statement) -> Statement {
        match storable(&self) {
            Cow::Borrowed(_) => statement.add(self),
            Cow::Owned(cleaned) => statement.add(cleaned),
        }
    }
}

impl Argument for Option<String> {
    fn give(self, statement: Statement) -> Statement {
        match self {
            Some(text) => text.give(statement),
            None => statement.add(None::<String>),
        }
    }
}

impl Argument for Bind {
    fn give(self, statement: Statement) -> Statement {
        match self {
            Self::Int(value) => value.give(statement),
            Self::Text(value) => value.give(statement),
        }
    }
}

/// `text` without characters that can't be stored, or that have a meaning of their own here: PostgreSQL takes no NUL,
/// and the separators hold packed columns apart. BMCs do send such characters. JSON text has none.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    let unwanted = |byte: u8| matches!(byte, 0 | 0x1d..=0x1f);
    if text.bytes().any(unwanted) {
        let replaced = text.replace(['\0', LINE_END, SEPARATOR, '\u{1f}'], "\u{fffd}");
        Cow::Owned(replaced)
    } else {
        Cow::Borrowed(text)
    }
}

/// An expression that puts text columns together into one, to be taken apart by [`Packed`]. A column of an answer
/// costs far more than the bytes in it.
pub(crate) fn pack<'c>(prefix: &str, columns: impl IntoIterator<Item = &'c str>) -> String {
    let parts = columns
        .into_iter()
        .map(|column| text_part(&format!("{prefix}{column}")));
    join(parts)
}

/// An expression that puts parts together: [`text_part`], [`number_part`], or any that is never NULL.
pub(crate) fn join(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().collect();
    // One call writes the text once; a chain of `||` copies it with every column.
    format!("concat_ws('{SEPARATOR}', {})", parts.join(", "))
}

/// A text that may be NULL, as a part of [`join`].
pub(crate) fn text_part(text: &str) -> String {
    format!("COALESCE({text}, '{ABSENT}')")
}

/// A number that may be NULL, likewise.
pub(crate) fn number_part(number: &str) -> String {
    format!("COALESCE(CAST({number} AS TEXT), '{ABSENT}')")
}

/// Texts that [`pack`] put together, read from the first to the last.
pub(crate) struct Packed<'r> {
    parts: std::str::Split<'r, char>,
}

impl<'r> Packed<'r> {
    /// What [`join`] put together.
    pub(crate) fn of(text: &'r str) -> Self {
        Self {
            parts: text.split(SEPARATOR),
        }
    }

    /// The parts that are left; an absent one is none.
    pub(crate) fn rest(self) -> impl Iterator<Item = &'r str> {
        self.parts.filter(|part| *part != ABSENT)
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.opt_int()?
            .ok_or_else(|| Error::internal("The database answered without a number."))
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>> {
        self.opt_str()?
            .map(str::parse)
            .transpose()
            .map_err(|error| {
                Error::internal("The database holds a number that can't be read.").caused_by(error)
            })
    }

    pub(crate) fn opt_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.opt_int()?.map(Timestamp))
    }

    pub(crate) fn opt_str(&mut self) -> Result<Option<&'r str>> {
        let part = self
            .parts
            .next()
            .ok_or_else(|| Error::internal("The database answered with too few texts."))?;
        Ok((part != ABSENT).then_some(part))
    }

    pub(crate) fn str(&mut self) -> Result<&'r str> {
        Ok(self.opt_str()?.unwrap_or_default())
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.str().map(str::to_owned)
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>> {
        Ok(self.opt_str()?.map(str::to_owned))
    }

    pub(crate) fn parsed<T: FromStr<Err = Error>>(&mut self) -> Result<T> {
        parse(self.str()?)
    }

    pub(crate) fn opt_parsed<T: FromStr<Err = Error>>(&mut self) -> Result<Option<T>> {
        self.opt_str()?.map(parse).transpose()
    }

    pub(crate) fn object(&mut self) -> Result<JsonObject> {
        object_from(self.str()?)
    }
}

/// Waits for the database, but not for ever.
pub(crate) async fn within<T>(
    work: impl std::future::Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    match tokio::time::timeout(STATEMENT_BACKSTOP, work).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "the database did not answer",
        ))),
    }
}

/// Reads one row from its first column to its last.
pub(crate) struct Columns<'r> {
    row: &'r AnyRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r AnyRow) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn opt_str(&mut self) -> Result<Option<&'r str>> {
        self.get()
    }

    pub(crate) fn str(&mut self) -> Result<&'r str> {
        self.get()
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.str().map(str::to_owned)
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>> {
        Ok(self.opt_str()?.map(str::to_owned))
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.get()
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>> {
        self.get()
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp> {
        self.int().map(Timestamp)
    }

    pub(crate) fn opt_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.opt_int()?.map(Timestamp))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>> {
        self.get()
    }

    /// A number or a text, whichever is there.
    pub(crate) fn any(&mut self) -> Result<Option<Bind>> {
        let column = self.next;
        if let Ok(value) = self.opt_int() {
            return Ok(value.map(Bind::Int));
        }
        self.next = column;
        Ok(self.opt_text()?.map(Bind::Text))
    }

    /// Several texts that are one column.
    pub(crate) fn packed(&mut self) -> Result<Packed<'r>> {
        Ok(Packed::of(self.str()?))
    }

    /// A value with a string form of its own: a state, a kind.
    pub(crate) fn parsed<T: FromStr<Err = Error>>(&mut self) -> Result<T> {
        parse(self.str()?)
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        from_json(self.str()?)
    }

    pub(crate) fn opt_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        self.opt_str()?.map(from_json).transpose()
    }

    pub(crate) fn object(&mut self) -> Result<JsonObject> {
        object_from(self.str()?)
    }

    fn get<T: sqlx::Decode<'r, Any> + Type<Any>>(&mut self) -> Result<T> {
        let column = self.next;
        self.next += 1;
        self.row.try_get(column).map_err(|error| {
            Error::internal("The database holds a value that can't be read.").caused_by(error)
        })
    }
}

/// A JSON object; an empty one, as most are, without a parser.
pub(crate) fn object_from(text: &str) -> Result<JsonObject> {
    if text == "{}" {
        Ok(JsonObject::new())
    } else {
        from_json(text)
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::internal("The database holds JSON that can't be read.").caused_by(error)
    })
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("A value can't be written as JSON.").caused_by(error))
}

/// An object's text, which is bounded, whoever made it: lists read a thousand of them.
pub(crate) fn object_to_text(object: &JsonObject) -> Result<String> {
    json::stored_text(object, MAX_OBJECT_BYTES)
}

/// As [`object_to_text`], for what may hold a config drive.
pub(crate) fn large_object_to_text(object: &JsonObject) -> Result<String> {
    json::stored_text(object, MAX_LARGE_OBJECT_BYTES)
}

fn parse<T: FromStr<Err = Error>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: Error| {
        Error::internal(format!(
            "The database holds {text:?}, which this version doesn't know."
        ))
        .caused_by(error)
    })
}
