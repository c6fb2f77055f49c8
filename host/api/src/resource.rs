//! What resources have in common that are nothing special: lists with pages, filters and chosen fields; showing one;
//! the body that creates one.

use ironbark_db::OBJECT_COLUMNS;
use ironbark_model::JsonObject;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, Attribute, Filter};
use crate::paging::{self, Paging};
use crate::versions::Version;
use crate::view::{Collection, Field, Selection};
use crate::{body, reply};

/// The list has no `?detail=`.
pub(crate) const NO_DETAIL: u16 = u16::MAX;

/// What a resource's look depends on besides the resource: what links begin with.
pub(crate) struct Scene {
    pub(crate) base: String,
}

/// A kind of resource.
pub(crate) struct Resource<T: 'static> {
    /// The key of a list in an answer.
    pub(crate) name: &'static str,
    /// Where it is, below `/v1`.
    pub(crate) path: &'static str,
    /// What there is since which version.
    pub(crate) gates: &'static [Attribute],
    /// Where the values in an answer come from, in the order in which they are written.
    pub(crate) fields: &'static [Field<T, Scene>],
    /// What a list shows unless it is told otherwise, and the links; empty: everything.
    pub(crate) summary: &'static [&'static str],
    /// What a list can be narrowed to.
    pub(crate) filters: &'static [Filter],
    /// What the database can sort by.
    pub(crate) sort_keys: &'static [&'static str],
    /// `?detail=` came with this version, or with none ([`NO_DETAIL`]).
    pub(crate) detail_since: u16,
    /// What markers name.
    pub(crate) uuid: fn(&T) -> &str,
}

/// A list that was asked for.
pub(crate) struct Asked<T: 'static> {
    pub(crate) paging: Paging,
    selection: Selection<T, Scene>,
    collection: String,
    /// How the link to the next page says how much to show.
    look: Option<(&'static str, String)>,
}

impl<T> Resource<T> {
    /// Reads what a list is to show. `filters` are those that the path leaves open.
    pub(crate) fn asked(
        &self,
        context: &Context,
        filters: &[Filter],
    ) -> Result<Asked<T>, ApiError> {
        let mut others = paging::ARGUMENTS.to_vec();
        others.extend(["fields", "detail"]);
        gates::check_list_query(&context.query, filters, &others, context.version)?;
        let detail = gates::detail_since(&context.query, context.version, self.detail_since)?;
        let (selection, look) = match context.query.list("fields") {
            Some(_) if detail => {
                return Err(ApiError::invalid(
                    "Can't fetch a subset of fields with 'detail' set.",
                ));
            }
            Some(fields) => (
                self.chosen(&fields, context.version)?,
                Some(("fields", fields.join(","))),
            ),
            None if detail => (
                self.everything(context.version),
                Some(("detail", "True".to_owned())),
            ),
            None if self.summary.is_empty() => (self.everything(context.version), None),
            None => (
                self.select(context.version, |name| self.summary.contains(&name)),
                context
                    .version
                    .has(gates::FIELDS_SINCE)
                    .then(|| ("fields", self.summary.join(","))),
            ),
        };
        let mut paging = self.paging(context)?;
        paging.page.objects = selection.shows_any(OBJECT_COLUMNS);
        Ok(Asked {
            paging,
            selection,
            collection: self.path.to_owned(),
            look,
        })
    }

    /// As [`Resource::asked`], for a path that ends in `/detail`.
    pub(crate) fn asked_in_detail(
        &self,
        context: &Context,
        filters: &[Filter],
    ) -> Result<Asked<T>, ApiError> {
        gates::check_list_query(&context.query, filters, paging::ARGUMENTS, context.version)?;
        Ok(Asked {
            paging: self.paging(context)?,
            selection: self.everything(context.version),
            collection: format!("{}/detail", self.path),
            look: None,
        })
    }

    /// The page. `carried` are the filters that the link to the next one repeats.
    pub(crate) fn page(
        &self,
        context: &Context,
        asked: &Asked<T>,
        items: &[T],
        carried: &[(&str, &str)],
    ) -> ApiResult {
        let mut carried = carried.to_vec();
        let look = asked.look.iter();
        carried.extend(look.map(|(name, value)| (*name, value.as_str())));
        let last = items.last().map(self.uuid);
        let count = items.len();
        reply::shown(&Collection {
            name: self.name,
            items,
            selection: &asked.selection,
            scene: &scene(context),
            next: asked
                .paging
                .next(&context.base, &asked.collection, count, last, &carried),
        })
    }

    /// What to show of one, by `fields=`; other arguments are refused.
    pub(crate) fn one(&self, context: &Context) -> Result<Selection<T, Scene>, ApiError> {
        context.query.only(&["fields"])?;
        match context.query.list("fields") {
            None => Ok(self.everything(context.version)),
            Some(fields) => self.chosen(&fields, context.version),
        }
    }

    /// 200 with all of one.
    pub(crate) fn shown(&self, context: &Context, item: &T) -> ApiResult {
        let selection = self.everything(context.version);
        reply::shown(&selection.view(item, &scene(context)))
    }

    /// 201 with all of one, and where it is.
    pub(crate) fn created(&self, context: &Context, item: &T) -> ApiResult {
        let location = format!("{}/v1/{}/{}", context.base, self.path, (self.uuid)(item));
        let selection = self.everything(context.version);
        reply::created_shown(&location, &selection.view(item, &scene(context)))
    }

    /// The body that creates one: its values are checked, and those that must be there are.
    pub(crate) fn new_object(&self, context: &Context) -> Result<JsonObject, ApiError> {
        context.query.only(&[])?;
        // Who says nothing of it wants everything as it is by default.
        let given = match context.body().is_empty() {
            true => JsonObject::new(),
            false => body::object(context)?,
        };
        let given = body::new_object(given, self.gates, &[], context.version)?;
        let missing = self.gates.iter().find(|attribute| {
            attribute.creatable()
                && attribute.kind.is_mandatory()
                && !given.contains_key(attribute.name)
        });
        match missing {
            Some(attribute) => Err(body::missing(attribute.name)),
            None => Ok(given),
        }
    }

    fn paging(&self, context: &Context) -> Result<Paging, ApiError> {
        Paging::read(context, self.gates, self.sort_keys, "id")?.by_uuid()
    }

    fn everything(&self, version: Version) -> Selection<T, Scene> {
        self.select(version, |_| true)
    }

    fn chosen(&self, fields: &[String], version: Version) -> Result<Selection<T, Scene>, ApiError> {
        version.require(gates::FIELDS_SINCE)?;
        let chosen = gates::chosen_fields(self.gates, fields, version)?;
        Ok(self.select(version, |name| chosen.contains(&name)))
    }

    fn select(&self, version: Version, wanted: impl Fn(&str) -> bool) -> Selection<T, Scene> {
        Selection::new(self.fields, self.gates, version, |name| {
            name == "links" || wanted(name)
        })
    }
}

/// What a resource's look depends on.
pub(crate) fn scene(context: &Context) -> Scene {
    Scene {
        base: context.base.clone(),
    }
}

/// The arguments of the query that are among `filters`, for the link to the next page.
pub(crate) fn carried<'a>(context: &'a Context, filters: &[Filter]) -> Vec<(&'a str, &'a str)> {
    context
        .query
        .iter()
        .filter(|(name, _)| filters.iter().any(|filter| filter.name == *name))
        .collect()
}

/// Items between commas, as they are written; none if there are no items.
pub(crate) fn items(context: &Context, name: &str) -> Option<Vec<String>> {
    let items: Vec<String> = context
        .query
        .get(name)?
        .split(',')
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect();
    (!items.is_empty()).then_some(items)
}

/// The address that a list is narrowed to, in the form that is stored.
pub(crate) fn address(context: &Context) -> Result<Option<String>, ApiError> {
    let Some(text) = context.query.get("address") else {
        return Ok(None);
    };
    match ironbark_model::ident::canonical_mac(text) {
        Some(address) => Ok(Some(address)),
        None => Err(ApiError::invalid(format!(
            "Expected a MAC address but received {text}."
        ))),
    }
}

/// The UUID that an element of the path is, without what old clients put behind it; 400 if it is none.
pub(crate) fn uuid_of_path(context: &Context, name: &str) -> Result<String, ApiError> {
    let written = context.param(name);
    let stripped = context.without_suffix(name).unwrap_or(written);
    uuid(stripped)
}

/// A UUID in the form that is stored; 400 if it is none.
pub(crate) fn uuid(written: &str) -> Result<String, ApiError> {
    ironbark_model::ident::canonical_uuid(written)
        .ok_or_else(|| ApiError::invalid(format!("Expected a UUID but received {written}.")))
}

/// What is under a node's path is only a list there.
pub(crate) async fn malformed(_: Context) -> ApiResult {
    Err(ApiError::invalid(
        "Malformed request URI: there is only a list here; what is in it is found under its own resource.",
    ))
}
