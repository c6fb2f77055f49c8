//! `GET /v1/nodes`, `GET /v1/nodes/detail`.

use ironbark_db::{NODE_SORT_KEYS, NodeColumns};

use super::list_filter::{self, Narrowed};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, node as gate};
use crate::paging::{self, Paging};
use crate::versions::Version;
use crate::view::Collection;
use crate::view::node::{self as view, NodeSelection};
use crate::{nodes, reply};

/// What [`NodeColumns::Summary`] reads, and what can be computed from it.
const SUMMARY_COLUMNS: &[&str] = &[
    "uuid",
    "name",
    "instance_uuid",
    "maintenance",
    "power_state",
    "provision_state",
    "driver",
    "conductor_group",
    "conductor",
    "links",
];

/// What [`NodeColumns::Slim`] reads besides.
const SLIM_COLUMNS: &[&str] = &[
    "target_power_state",
    "target_provision_state",
    "last_error",
    "maintenance_reason",
    "fault",
    "reservation",
    "resource_class",
    "owner",
    "lessee",
    "instance_name",
    "description",
    "ports",
    "states",
    "portgroups",
    "volume",
];

/// `GET /v1/nodes`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let mut others = paging::ARGUMENTS.to_vec();
    others.extend(["fields", "detail"]);
    gates::check_list_query(&context.query, gate::FILTERS, &others, context.version)?;
    let look = Look::read(&context)?;
    answer(&context, "nodes", look, None).await
}

/// `GET /v1/nodes/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    gates::check_list_query(
        &context.query,
        gate::FILTERS,
        paging::ARGUMENTS,
        context.version,
    )?;
    answer(&context, "nodes/detail", Look::AtPathDetail, None).await
}

/// The list of a chassis's nodes; its path says the chassis, so that the query can't.
pub(crate) async fn of_chassis(context: &Context, chassis_uuid: String) -> ApiResult {
    let mut others = paging::ARGUMENTS.to_vec();
    others.extend(["fields", "detail"]);
    check_without_chassis(context, &others)?;
    let look = Look::read(context)?;
    answer(context, "nodes", look, Some(chassis_uuid)).await
}

/// As [`of_chassis`], in detail.
pub(crate) async fn of_chassis_in_detail(context: &Context, chassis_uuid: String) -> ApiResult {
    check_without_chassis(context, paging::ARGUMENTS)?;
    answer(
        context,
        "nodes/detail",
        Look::AtPathDetail,
        Some(chassis_uuid),
    )
    .await
}

fn check_without_chassis(context: &Context, others: &[&str]) -> Result<(), ApiError> {
    gates::check_list_query(&context.query, gate::FILTERS, others, context.version)?;
    context.query.only_if(|name| name != "chassis_uuid")
}

/// How much is shown of each node.
enum Look {
    Summary,
    /// `?detail=True`.
    Detail,
    /// The path says so.
    AtPathDetail,
    Fields(Vec<String>),
}

impl Look {
    fn read(context: &Context) -> Result<Self, ApiError> {
        let detail = gates::detail(&context.query, context.version)?;
        let Some(fields) = context.query.list("fields") else {
            return Ok(if detail { Self::Detail } else { Self::Summary });
        };
        context.version.require(gates::FIELDS_SINCE)?;
        if detail {
            return Err(ApiError::invalid(
                "Can't fetch a subset of fields with 'detail' set.",
            ));
        }
        Ok(Self::Fields(fields))
    }

    fn selection(&self, version: Version) -> Result<NodeSelection, ApiError> {
        match self {
            Self::Summary => Ok(view::summary(version)),
            Self::Detail | Self::AtPathDetail => Ok(view::everything(version)),
            Self::Fields(fields) => view::chosen(fields, version),
        }
    }

    fn columns(&self, version: Version) -> NodeColumns {
        match self {
            Self::Summary => NodeColumns::Summary,
            Self::Detail | Self::AtPathDetail if version.has(gate::TRAITS_SINCE) => {
                NodeColumns::AllWithTraits
            }
            Self::Detail | Self::AtPathDetail => NodeColumns::All,
            Self::Fields(fields) if fields.iter().any(|field| field == "traits") => {
                NodeColumns::AllWithTraits
            }
            Self::Fields(fields)
                if fields
                    .iter()
                    .all(|field| SUMMARY_COLUMNS.contains(&field.as_str())) =>
            {
                NodeColumns::Summary
            }
            Self::Fields(fields)
                if fields.iter().all(|field| {
                    SUMMARY_COLUMNS.contains(&field.as_str())
                        || SLIM_COLUMNS.contains(&field.as_str())
                }) =>
            {
                NodeColumns::Slim
            }
            Self::Fields(_) => NodeColumns::All,
        }
    }

    /// How the link to the next page says it.
    fn carried(&self, version: Version) -> Option<(&'static str, String)> {
        match self {
            Self::Detail => Some(("detail", "True".to_owned())),
            Self::Fields(fields) => Some(("fields", fields.join(","))),
            Self::Summary if version.has(gates::FIELDS_SINCE) => {
                Some(("fields", gate::SUMMARY.join(",")))
            }
            Self::Summary | Self::AtPathDetail => None,
        }
    }
}

async fn answer(
    context: &Context,
    collection: &str,
    look: Look,
    chassis_uuid: Option<String>,
) -> ApiResult {
    let version = context.version;
    let selection = look.selection(version)?;
    let paging = Paging::read(context, gate::FIELDS, NODE_SORT_KEYS, "id")?.by_uuid()?;
    let Narrowed {
        filter,
        conductor,
        paged,
    } = list_filter::read(context, chassis_uuid.clone()).await?;
    let mut items = context
        .state
        .db()
        .node_list(&filter, &paging.page, look.columns(version))
        .await?;
    let next = paged
        .then(|| {
            let look = look.carried(version);
            let chassis = chassis_uuid.as_deref().map(|uuid| ("chassis_uuid", uuid));
            let carried: Vec<(&str, &str)> = list_filter::carried(context)
                .chain(chassis)
                .chain(look.iter().map(|(name, value)| (*name, value.as_str())))
                .collect();
            let last = items.last().map(|node| node.uuid.as_str());
            paging.next(&context.base, collection, items.len(), last, &carried)
        })
        .flatten();
    let scene = nodes::scene(context).await?;
    if let Some(conductor) = conductor {
        items.retain(|node| scene.routing.owner(node) == Some(conductor.as_str()));
    }
    reply::shown(&Collection {
        name: "nodes",
        items: &items,
        selection: &selection,
        scene: &scene,
        next,
    })
}
