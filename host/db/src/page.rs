//! One page of a list: where it starts, how long it is, and by what it is sorted.
//!
//! Pages are found by key and not by counting: the page after a marker costs as much as the first one,
//! however long the table is. Ties are broken by the row's own number, in the same direction.

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
}

impl Page {
    /// The first `limit` rows in the order in which they were made.
    pub fn first(limit: u32) -> Self {
        Self {
            limit,
            marker: None,
            sort_key: "id".to_owned(),
            sort_dir: SortDir::Ascending,
        }
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
