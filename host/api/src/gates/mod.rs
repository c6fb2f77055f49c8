//! What there is since which microversion: the one place that says so (facts §1.2).
//!
//! * [`paths`]: resources and what is below them, with what an older version is answered;
//! * [`node`], [`port`], [`portgroup`], [`chassis`], [`volume`], [`allocation`], [`standalone`],
//!   [`inspection_rule`], [`others`]: fields in answers and requests, filters, sort keys;
//! * [`hardware`]: what is below a node about its hardware;
//! * [`provision`]: verbs and their arguments;
//! * [`ramdisk`]: what ramdisks report.
//!
//! A new resource only adds rows. Handlers ask; none of them knows a number of its own.

pub(crate) mod allocation;
pub(crate) mod chassis;
pub(crate) mod hardware;
pub(crate) mod inspection_rule;
pub(crate) mod node;
pub(crate) mod others;
pub(crate) mod paths;
pub(crate) mod port;
pub(crate) mod portgroup;
pub(crate) mod provision;
pub(crate) mod ramdisk;
pub(crate) mod standalone;
pub(crate) mod volume;

use crate::error::ApiError;
use crate::query::Query;
use crate::versions::Version;

/// `fields=` came with this version.
pub(crate) const FIELDS_SINCE: u16 = 8;
/// `?detail=` came with this version; before it is refused with 400.
pub(crate) const DETAIL_SINCE: u16 = 43;
/// Before this version, but only if the client names one, `.json` at the end of a URL is no part of a name.
pub(crate) const JSON_SUFFIX_UNTIL: u16 = 91;

/// One field of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    /// As on the wire.
    pub(crate) name: &'static str,
    /// Shown and accepted since this minor version.
    pub(crate) since: u16,
    /// When a client may give it.
    pub(crate) write: Write,
    /// What a client may give.
    pub(crate) kind: Kind,
    /// May be a `sort_key`, if the database can sort by it.
    pub(crate) sortable: bool,
}

/// When a client may give a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// Never.
    Never,
    /// When it creates.
    Create,
    /// In a patch.
    Patch,
    /// In both.
    Always,
}

/// What a client may give for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: only shown.
    Shown,
    /// Text of at most so many characters, or null.
    Text(usize),
    /// The same, but never empty.
    FilledText(usize),
    /// Text that must be there: at most so many characters.
    RequiredText(usize),
    /// A UUID or null.
    Uuid,
    /// A node's name or null.
    NodeName,
    /// Another name or null: no word is reserved.
    Name,
    /// Yes or no, also as a word; null is what the field is when nobody gives it.
    Flag,
    /// An object; null is an empty one.
    Object,
    /// A node's `properties`: an object with some numbers that must be numbers.
    Properties,
    /// A conductor group, made lower case; null is the default one.
    Group,
    /// One of these words, or null.
    OneOf(&'static [&'static str]),
    /// A MAC address.
    Mac,
    /// A MAC address or null.
    MacOrNull,
    /// A whole number of at most 32 bits, which must be there.
    Integer,
    /// A list of objects; null is an empty one.
    Objects,
    /// A port's `local_link_connection`.
    LocalLink,
    /// A node's `network_data`; null is an empty one.
    NetworkData,
    /// A list of texts, each of 1 to 255 characters; null is an empty one.
    TextList,
    /// A trait, which must be there.
    Trait,
    /// A runbook's name, which must be there: a trait for old versions.
    RunbookName,
    /// A deploy template's steps, at least one.
    DeploySteps,
    /// A runbook's steps, at least one.
    RunbookSteps,
    /// A whole number from 0 to 9999; null is 0.
    Priority,
}

impl Kind {
    /// Whether there is no resource without such a value.
    pub(crate) const fn is_mandatory(self) -> bool {
        matches!(
            self,
            Self::RequiredText(_)
                | Self::Mac
                | Self::Integer
                | Self::Trait
                | Self::RunbookName
                | Self::DeploySteps
                | Self::RunbookSteps
        )
    }
}

impl Attribute {
    pub(crate) const fn creatable(&self) -> bool {
        matches!(self.write, Write::Create | Write::Always)
    }

    pub(crate) const fn patchable(&self) -> bool {
        matches!(self.write, Write::Patch | Write::Always)
    }
}

/// One filter of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    /// The query argument.
    pub(crate) name: &'static str,
    /// Known since this minor version; older ones are answered 406.
    pub(crate) since: u16,
}

/// Finds a field by its name.
pub(crate) fn attribute(table: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    table.iter().find(|attribute| attribute.name == name)
}

/// Checks the names in a list's query: unknown ones are 400, filters that are too new 406.
pub(crate) fn check_list_query(
    query: &Query,
    filters: &[Filter],
    others: &[&str],
    version: Version,
) -> Result<(), ApiError> {
    query.only_if(|name| {
        others.contains(&name) || filters.iter().any(|filter| filter.name == name)
    })?;
    for filter in filters {
        if query.has(filter.name) {
            version.require(filter.since)?;
        }
    }
    Ok(())
}

/// Reads `detail=`, which older versions refuse with 400.
pub(crate) fn detail(query: &Query, version: Version) -> Result<bool, ApiError> {
    detail_since(query, version, DETAIL_SINCE)
}

/// Reads `detail=` of a list that has it since another version.
pub(crate) fn detail_since(query: &Query, version: Version, since: u16) -> Result<bool, ApiError> {
    let Some(detail) = query.flag("detail")? else {
        return Ok(false);
    };
    if !version.has(since) {
        let written = if detail { "True" } else { "False" };
        return Err(ApiError::invalid(format!(
            "Invalid query parameter ?detail={written} received."
        )));
    }
    Ok(detail)
}

/// Checks a `sort_key`: too new is 406, unknown or unsortable 400.
pub(crate) fn check_sort_key(
    table: &'static [Attribute],
    sortable_in_db: &[&str],
    key: &str,
    version: Version,
) -> Result<(), ApiError> {
    if key == "id" {
        return Ok(());
    }
    let attribute = attribute(table, key);
    if let Some(attribute) = attribute {
        version.require(attribute.since)?;
    }
    if attribute.is_some_and(|attribute| attribute.sortable) && sortable_in_db.contains(&key) {
        Ok(())
    } else {
        Err(ApiError::invalid(format!(
            "The sort_key value \"{key}\" is an invalid field for sorting."
        )))
    }
}

/// Chooses fields by `fields=`; `not_valid` makes the message for unknown ones.
pub(crate) fn chosen_fields(
    table: &'static [Attribute],
    wanted: &[String],
    version: Version,
) -> Result<Vec<&'static str>, ApiError> {
    let mut chosen = Vec::with_capacity(wanted.len());
    for name in wanted {
        let Some(attribute) = attribute(table, name) else {
            return Err(ApiError::invalid(format!(
                "Field {name} is not a valid field."
            )));
        };
        version.require(attribute.since)?;
        chosen.push(attribute.name);
    }
    Ok(chosen)
}

const fn row(name: &'static str, since: u16, write: Write, kind: Kind) -> Attribute {
    let sortable = !matches!(
        kind,
        Kind::Object
            | Kind::Objects
            | Kind::Properties
            | Kind::LocalLink
            | Kind::NetworkData
            | Kind::TextList
            | Kind::DeploySteps
            | Kind::RunbookSteps
    );
    Attribute {
        name,
        since,
        write,
        kind,
        sortable,
    }
}

/// Shown, and a `sort_key`.
const fn shown(name: &'static str, since: u16) -> Attribute {
    row(name, since, Write::Never, Kind::Shown)
}

/// Shown, and no `sort_key`.
const fn unsortable(name: &'static str, since: u16) -> Attribute {
    Attribute {
        sortable: false,
        ..shown(name, since)
    }
}

const fn filter(name: &'static str, since: u16) -> Filter {
    Filter { name, since }
}
