//! One page of a list: where it starts, how long it is, and by what it is sorted.
//!
//! Pages are found by key and not by counting: the page after a marker costs as much as the first one,
//! however long the table is. Ties are broken by the row's own number, in the same direction.

use std::borrow::Cow;

use ironbark_model::{Error, Result};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::told;
use crate::sql::{Bind, Columns, LINE_END, Statement};

/// Direction of a sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortDir {
    /// Smallest first; rows without a value come first.
    #[default]
    Ascending,
    /// Largest first; rows without a value come last.
    Descending,
}

/// Which page of a list to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many rows.
    pub limit: u32,
    /// The last row of the page before, by UUID (conductors: by host name); none for the first page.
    pub marker: Option<String>,
    /// A column from the list's allow-list: [`crate::NODE_SORT_KEYS`] and its like.
    pub sort_key: String,
    /// Which way.
    pub sort_dir: SortDir,
    /// Whether rows come with their JSON objects, which may be large; if not, these are empty. Lists of nodes are told
    /// by [`crate::NodeColumns`] instead.
    pub objects: bool,
}

impl Page {
    /// The first `limit` rows in the order in which they were made.
    pub fn first(limit: u32) -> Self {
        Self {
            limit,
            marker: None,
            sort_key: "id".to_owned(),
            sort_dir: SortDir::Ascending,
            objects: true,
        }
    }

    /// Leaves the JSON objects of the rows out.
    #[must_use]
    pub fn without_objects(mut self) -> Self {
        self.objects = false;
        self
    }

    /// Starts after the row that has this UUID (conductors: this host name).
    #[must_use]
    pub fn after(mut self, marker: impl Into<String>) -> Self {
        self.marker = Some(marker.into());
        self
    }

    /// Sorts by this column.
    #[must_use]
    pub fn sorted_by(mut self, sort_key: impl Into<String>, sort_dir: SortDir) -> Self {
        self.sort_key = sort_key.into();
        self.sort_dir = sort_dir;
        self
    }
}

/// A list that can be read in pages: where its rows come from and how they are told apart.
pub(crate) struct Listing {
    /// What follows `FROM`.
    pub(crate) from: &'static str,
    /// The column with the row's own number.
    pub(crate) id: &'static str,
    /// The column that markers name.
    pub(crate) marker: &'static str,
    /// What messages call a row.
    pub(crate) what: &'static str,
    /// What may be sorted by, and the column it is.
    pub(crate) sort_keys: &'static [&'static str],
    /// Those of them that every row has a value for.
    pub(crate) always_set: &'static [&'static str],
    /// What stands before a sort key's column.
    pub(crate) prefix: &'static str,
}

/// What all rows of a list must fulfil: clauses joined by AND, and their arguments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    clauses: Vec<String>,
    binds: Vec<Bind>,
}

impl Conditions {
    /// Adds a clause as it stands.
    pub(crate) fn add(&mut self, clause: impl Into<String>) {
        self.clauses.push(clause.into());
    }

    /// Adds an argument and gives its placeholder.
    pub(crate) fn bind(&mut self, bind: Bind) -> String {
        self.binds.push(bind);
        format!("${}", self.binds.len())
    }

    /// `column = value`.
    pub(crate) fn equals(&mut self, column: &str, value: &str) {
        let placeholder = self.bind(Bind::Text(value.to_owned()));
        self.add(format!("{column} = {placeholder}"));
    }

    /// `column IN (values)`. The last value is repeated up to a power of two, so that lists of many lengths
    /// make few different statements. An empty list matches nothing.
    pub(crate) fn one_of<'v>(&mut self, column: &str, values: impl IntoIterator<Item = &'v str>) {
        let mut values: Vec<&str> = values.into_iter().collect();
        let Some(last) = values.last().copied() else {
            return self.add("1 = 0");
        };
        values.resize(values.len().next_power_of_two(), last);
        let placeholders: Vec<String> = values
            .into_iter()
            .map(|value| self.bind(Bind::Text(value.to_owned())))
            .collect();
        self.add(format!("{column} IN ({})", placeholders.join(", ")));
    }

    /// As [`Conditions::one_of`], for numbers.
    pub(crate) fn one_of_numbers(&mut self, column: &str, values: &[i64]) {
        let Some(last) = values.last().copied() else {
            return self.add("1 = 0");
        };
        let mut values = values.to_vec();
        values.resize(values.len().next_power_of_two(), last);
        let placeholders: Vec<String> = values
            .into_iter()
            .map(|value| self.bind(Bind::Int(value)))
            .collect();
        self.add(format!("{column} IN ({})", placeholders.join(", ")));
    }

    /// `column` contains `text`; ASCII letters match in either case.
    pub(crate) fn contains(&mut self, column: &str, text: &str) {
        let mut pattern = String::with_capacity(text.len() + 2);
        pattern.push('%');
        for character in text.chars() {
            if matches!(character, '%' | '_' | '!') {
                pattern.push('!');
            }
            pattern.push(character);
        }
        pattern.push('%');
        let placeholder = self.bind(Bind::Text(pattern.to_ascii_lowercase()));
        self.add(format!("LOWER({column}) LIKE {placeholder} ESCAPE '!'"));
    }

    /// `WHERE …`, or nothing.
    pub(crate) fn text(&self) -> String {
        if self.clauses.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.clauses.join(" AND "))
        }
    }

    pub(crate) fn into_binds(self) -> Vec<Bind> {
        self.binds
    }
}

/// Reads one page: `columns` of the rows that fulfil `conditions`.
///
/// Rows whose sort column is NULL are a stretch of their own, before the others when ascending and after them when
/// descending; so each stretch can be walked by an index, and both databases agree about the order.
pub(crate) async fn read_page(
    connection: &mut AnyConnection,
    listing: &Listing,
    columns: &str,
    conditions: &Conditions,
    page: &Page,
) -> Result<Vec<AnyRow>> {
    let columns = if page.objects {
        Cow::Borrowed(columns)
    } else {
        Cow::Owned(without_objects(columns))
    };
    let query = |rest: &str| format!("SELECT {columns} {rest}");
    read_stretches(connection, listing, conditions, page, query, Ok).await
}

/// As [`read_page`], for long pages: `line` is one expression, and its values come as one row, because each row of an answer
/// is handed over from the database's thread to ours by itself, which costs more than most of them hold. What is put together
/// must stay far below a gigabyte, the bound of both databases.
pub(crate) async fn read_lines(
    connection: &mut AnyConnection,
    listing: &Listing,
    line: &str,
    conditions: &Conditions,
    page: &Page,
) -> Result<Vec<String>> {
    let query = |rest: &str| rows_as_lines(line, rest);
    read_stretches(connection, listing, conditions, page, query, |rows| {
        Ok(lines_of(&rows)?.map(str::to_owned).collect())
    })
    .await
}

/// A query for `line` of all rows that `rest` (from FROM on) says, as one row for [`lines_of`].
pub(crate) fn rows_as_lines(line: &str, rest: &str) -> String {
    format!("SELECT string_agg(line, '{LINE_END}') FROM (SELECT {line} AS line {rest}) AS lines")
}

/// The lines that a query of [`rows_as_lines`] answered with.
pub(crate) fn lines_of(rows: &[AnyRow]) -> Result<impl Iterator<Item = &str>> {
    let text = match rows.first() {
        Some(row) => Columns::of(row).opt_str()?,
        None => None,
    };
    Ok(text.into_iter().flat_map(|text| text.split(LINE_END)))
}

/// Reads the page stretch by stretch: `query` makes a query of what follows its columns, and `take` makes items of its rows.
async fn read_stretches<T>(
    connection: &mut AnyConnection,
    listing: &Listing,
    conditions: &Conditions,
    page: &Page,
    query: impl Fn(&str) -> String,
    take: impl Fn(Vec<AnyRow>) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let key = page.sort_key.as_str();
    if !listing.sort_keys.contains(&key) {
        return Err(Error::invalid(format!(
            "The sort_key value \"{key}\" is an invalid field for sorting."
        )));
    }
    let column = format!("{}\"{key}\"", listing.prefix);
    let start = match &page.marker {
        None => None,
        Some(marker) => Some(find_marker(connection, listing, &column, marker).await?),
    };
    let mut items = Vec::new();
    for stretch in stretches(listing, key, &column, page.sort_dir, start) {
        let left = usize::try_from(page.limit)
            .unwrap_or(usize::MAX)
            .saturating_sub(items.len());
        if left == 0 {
            break;
        }
        let mut conditions = conditions.clone();
        stretch.narrow(&mut conditions);
        let limit = conditions.bind(Bind::Int(i64::try_from(left).unwrap_or(i64::MAX)));
        let text = query(&format!(
            "FROM {}{} ORDER BY {} LIMIT {limit}",
            listing.from,
            conditions.text(),
            stretch.order,
        ));
        let rows = Statement::new(AssertSqlSafe(text))
            .bind_all(conditions.into_binds())
            .rows(connection)
            .await
            .map_err(told)?;
        items.extend(take(rows)?);
    }
    Ok(items)
}

/// Columns that hold JSON objects, as fields of answers are called too: [`Page::objects`] is about them.
pub const OBJECT_COLUMNS: &[&str] = &[
    "extra",
    "internal_info",
    "properties",
    "local_link_connection",
];

/// `columns` with empty objects in place of those that hold some.
fn without_objects(columns: &str) -> String {
    let columns: Vec<&str> = columns
        .split(", ")
        .map(|column| {
            let name = column.rsplit('.').next().unwrap_or(column);
            if OBJECT_COLUMNS.contains(&name) {
                "'{}'"
            } else {
                column
            }
        })
        .collect();
    columns.join(", ")
}

/// Where a page starts: the marker's number and its sort value.
#[derive(Clone, Debug, PartialEq)]
struct Start {
    id: i64,
    value: Option<Bind>,
}

/// Rows in one order without a break.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    clause: Option<String>,
    /// What the clause compares with, as `(left, operator, values)`.
    beyond: Option<(String, &'static str, Vec<Bind>)>,
    order: String,
}

impl Stretch {
    fn narrow(&self, conditions: &mut Conditions) {
        if let Some(clause) = &self.clause {
            conditions.add(clause.clone());
        }
        if let Some((left, operator, values)) = &self.beyond {
            let placeholders: Vec<String> = values
                .iter()
                .map(|value| conditions.bind(value.clone()))
                .collect();
            conditions.add(format!("({left}) {operator} ({})", placeholders.join(", ")));
        }
    }
}

fn stretches(
    listing: &Listing,
    key: &str,
    column: &str,
    dir: SortDir,
    start: Option<Start>,
) -> Vec<Stretch> {
    let id = listing.id;
    let (word, operator) = match dir {
        SortDir::Ascending => ("ASC", ">"),
        SortDir::Descending => ("DESC", "<"),
    };
    let by_number = |start: &Start| (id.to_owned(), operator, vec![Bind::Int(start.id)]);
    if key == "id" {
        return vec![Stretch {
            clause: None,
            beyond: start.as_ref().map(by_number),
            order: format!("{id} {word}"),
        }];
    }
    let with = Stretch {
        clause: Some(format!("{column} IS NOT NULL")),
        beyond: None,
        order: format!("{column} {word}, {id} {word}"),
    };
    if listing.always_set.contains(&key) {
        let beyond = start.and_then(|start| beyond_value(column, id, operator, start));
        return vec![Stretch {
            clause: None,
            beyond,
            ..with
        }];
    }
    let without = Stretch {
        clause: Some(format!("{column} IS NULL")),
        beyond: None,
        order: format!("{id} {word}"),
    };
    let (first, second) = match dir {
        SortDir::Ascending => (without, with),
        SortDir::Descending => (with, without),
    };
    let Some(start) = start else {
        return vec![first, second];
    };
    let in_first = start.value.is_none() == (dir == SortDir::Ascending);
    let beyond = if start.value.is_none() {
        Some(by_number(&start))
    } else {
        beyond_value(column, id, operator, start)
    };
    if in_first {
        vec![Stretch { beyond, ..first }, second]
    } else {
        vec![Stretch { beyond, ..second }]
    }
}

/// Rows after `start` in the order of `column`, then `id`.
fn beyond_value(
    column: &str,
    id: &str,
    operator: &'static str,
    start: Start,
) -> Option<(String, &'static str, Vec<Bind>)> {
    let value = start.value?;
    let left = format!("{column}, {id}");
    Some((left, operator, vec![value, Bind::Int(start.id)]))
}

async fn find_marker(
    connection: &mut AnyConnection,
    listing: &Listing,
    column: &str,
    marker: &str,
) -> Result<Start> {
    let text = format!(
        "SELECT {}, {column} FROM {} WHERE {} = $1",
        listing.id, listing.from, listing.marker
    );
    let row = Statement::new(AssertSqlSafe(text))
        .bind(marker)
        .row(connection)
        .await
        .map_err(told)?
        .ok_or_else(|| {
            Error::not_found(format!("{} {marker} could not be found.", listing.what))
        })?;
    let mut columns = Columns::of(&row);
    Ok(Start {
        id: columns.int()?,
        value: columns.any()?,
    })
}
