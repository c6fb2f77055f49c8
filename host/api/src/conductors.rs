//! `/v1/conductors` (facts §2.7).

use ironbark_db::CONDUCTOR_SORT_KEYS;
use ironbark_model::{Conductor, Error, Timestamp};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, others as gate};
use crate::paging::{self, Paging};
use crate::reply;
use crate::versions::Version;
use crate::view::links::Links;
use crate::view::{Collection, Field, Selection, Shown};

/// What a conductor's look depends on besides the conductor.
struct Scene {
    base: String,
    now: Timestamp,
}

/// `GET /v1/conductors`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let mut known = paging::ARGUMENTS.to_vec();
    known.extend(["fields", "detail"]);
    context.query.only(&known)?;
    let detail = gates::detail(&context.query, context.version)?;
    let fields = context.query.list("fields");
    if detail && fields.is_some() {
        return Err(ApiError::invalid(
            "Can't fetch a subset of fields with 'detail' set.",
        ));
    }
    let selection = selection(fields.as_deref(), detail, context.version)?;
    let paging = Paging::read(&context, gate::CONDUCTOR, CONDUCTOR_SORT_KEYS, "id")?;
    let items = context.state.db().conductors(&paging.page).await?;
    let fields = fields.map(|fields| fields.join(","));
    let mut carried = Vec::new();
    if detail {
        carried.push(("detail", "True"));
    }
    if let Some(fields) = &fields {
        carried.push(("fields", fields.as_str()));
    }
    let last = items.last().map(|conductor| conductor.hostname.as_str());
    let next = paging.next(&context.base, "conductors", items.len(), last, &carried);
    reply::shown(&Collection {
        name: "conductors",
        items: &items,
        selection: &selection,
        scene: &scene(&context),
        next,
    })
}

/// `GET /v1/conductors/{conductor}`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&["fields"])?;
    let fields = context.query.list("fields");
    let selection = selection(fields.as_deref(), true, context.version)?;
    let hostname = context.param("conductor");
    let conductor = context
        .state
        .db()
        .conductor_get(hostname)
        .await?
        .ok_or_else(|| Error::not_found(format!("Conductor {hostname} could not be found.")))?;
    reply::shown(&selection.view(&conductor, &scene(&context)))
}

fn scene(context: &Context) -> Scene {
    Scene {
        base: context.base.clone(),
        now: Timestamp::now(),
    }
}

fn selection(
    fields: Option<&[String]>,
    detail: bool,
    version: Version,
) -> Result<Selection<Conductor, Scene>, ApiError> {
    let chosen = fields
        .map(|fields| gates::chosen_fields(gate::CONDUCTOR, fields, version))
        .transpose()?;
    Ok(Selection::new(FIELDS, gate::CONDUCTOR, version, |name| {
        name == "links"
            || match &chosen {
                Some(chosen) => chosen.contains(&name),
                None => detail || gate::CONDUCTOR_SUMMARY.contains(&name),
            }
    }))
}

const FIELDS: &[Field<Conductor, Scene>] = &[
    ("hostname", |c, _| Shown::Text(&c.hostname)),
    ("conductor_group", |c, _| Shown::Text(&c.conductor_group)),
    ("alive", |c, s| Shown::Flag(c.is_alive_at(s.now))),
    ("drivers", |c, _| Shown::Texts(&c.drivers)),
    ("created_at", |c, _| Shown::Time(c.created_at)),
    ("updated_at", |c, _| Shown::Time(c.updated_at)),
    ("links", |c, s| {
        Shown::Links(Links::new(&s.base, "conductors", &c.hostname))
    }),
];
