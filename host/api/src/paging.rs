//! Pages of lists, and the link to the next one (facts §1.6).

use std::num::IntErrorKind;

use ironbark_db::{Page, SortDir};
use ironbark_model::ident;

use crate::context::Context;
use crate::error::ApiError;
use crate::gates::{self, Attribute};

/// Query arguments that every list has.
pub(crate) const ARGUMENTS: &[&str] = &["limit", "marker", "sort_key", "sort_dir"];

/// Which page is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    pub(crate) page: Page,
}

impl Paging {
    /// Reads `limit`, `marker`, `sort_key` and `sort_dir`.
    pub(crate) fn read(
        context: &Context,
        table: &'static [Attribute],
        sortable_in_db: &[&str],
        default_sort_key: &str,
    ) -> Result<Self, ApiError> {
        let limit = limit(context)?;
        let sort_key = context.query.get("sort_key").unwrap_or(default_sort_key);
        gates::check_sort_key(table, sortable_in_db, sort_key, context.version)?;
        let sort_dir = sort_dir(context)?;
        let mut page = Page::first(limit).sorted_by(sort_key, sort_dir);
        if let Some(marker) = context.query.get("marker") {
            page = page.after(marker);
        }
        Ok(Self { page })
    }

    /// The same page of a list whose markers are UUIDs: 400 for any other marker.
    pub(crate) fn by_uuid(mut self) -> Result<Self, ApiError> {
        if let Some(marker) = &mut self.page.marker {
            *marker = ident::canonical_uuid(marker).ok_or_else(|| {
                ApiError::invalid(format!("Expected a UUID for marker but received {marker}."))
            })?;
        }
        Ok(self)
    }

    /// The link to the page after one with `count` rows whose last is `last`; none unless the page is full.
    ///
    /// `filters` and `fields` are carried along, so that a client that follows it asks the same question.
    pub(crate) fn next(
        &self,
        base: &str,
        collection: &str,
        count: usize,
        last: Option<&str>,
        carried: &[(&str, &str)],
    ) -> Option<String> {
        let last = last?;
        if u32::try_from(count).ok()? != self.page.limit {
            return None;
        }
        let mut query = Encoder::default();
        query.pair("sort_key", &self.page.sort_key);
        query.pair("sort_dir", sort_dir_word(self.page.sort_dir));
        for (name, value) in carried {
            query.pair(name, value);
        }
        query.pair("limit", &self.page.limit.to_string());
        query.pair("marker", last);
        Some(format!("{base}/v1/{collection}?{}", query.text))
    }
}

/// How many rows a page has: as many as are asked for and allowed.
pub(crate) fn limit(context: &Context) -> Result<u32, ApiError> {
    let max = context.state.config().max_limit;
    match context.query.get("limit") {
        None => Ok(max),
        Some(text) => match text.trim().parse::<i64>() {
            Ok(limit) if limit > 0 => Ok(u32::try_from(limit).unwrap_or(max).min(max)),
            Ok(_) => Err(ApiError::invalid("Limit must be positive")),
            // More than fits is more than is allowed, as less than that is.
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => Ok(max),
            Err(error) if *error.kind() == IntErrorKind::NegOverflow => {
                Err(ApiError::invalid("Limit must be positive"))
            }
            Err(_) => Err(ApiError::invalid(format!(
                "Invalid value for limit: {text:?} is not a whole number."
            ))),
        },
    }
}

/// In which direction rows are sorted.
pub(crate) fn sort_dir(context: &Context) -> Result<SortDir, ApiError> {
    match context.query.get("sort_dir").unwrap_or("asc") {
        "asc" => Ok(SortDir::Ascending),
        "desc" => Ok(SortDir::Descending),
        other => Err(ApiError::invalid(format!(
            "Invalid sort direction: {other}. Acceptable values are 'asc' or 'desc'"
        ))),
    }
}

/// The word that [`sort_dir`] reads.
pub(crate) fn sort_dir_word(sort_dir: SortDir) -> &'static str {
    match sort_dir {
        SortDir::Ascending => "asc",
        SortDir::Descending => "desc",
    }
}

/// Writes a query string. Commas stay as they are, as in Ironic's links.
#[derive(Default)]
pub(crate) struct Encoder {
    pub(crate) text: String,
}

impl Encoder {
    pub(crate) fn pair(&mut self, name: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(name);
        self.text.push('=');
        for (index, part) in value.split(',').enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.text
                .extend(form_urlencoded::byte_serialize(part.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_uuids_where_they_must_be() {
        let after = |marker: &str| Paging {
            page: Page::first(2).after(marker),
        };
        let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";
        let read = after(&uuid.to_uppercase()).by_uuid().unwrap();
        assert_eq!(read.page.marker.as_deref(), Some(uuid));
        assert!(after("x").by_uuid().is_err());
    }

    #[test]
    fn a_next_link_needs_a_full_page() {
        let paging = Paging {
            page: Page::first(2),
        };
        let carried = [("driver", "a b"), ("fields", "uuid,name")];
        assert_eq!(
            paging
                .next("http://h", "nodes", 2, Some("u"), &carried)
                .unwrap(),
            "http://h/v1/nodes?sort_key=id&sort_dir=asc&driver=a+b&fields=uuid,name&limit=2&marker=u"
        );
        assert_eq!(paging.next("http://h", "nodes", 1, Some("u"), &[]), None);
        assert_eq!(paging.next("http://h", "nodes", 0, None, &[]), None);
    }
}
