//! `GET /v1/ports`, `GET /v1/ports/detail`.

use ironbark_db::{OBJECT_COLUMNS, PORT_SORT_KEYS, PortFilter};
use ironbark_model::{Error, ErrorKind};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, port as gate};
use crate::paging::{self, Paging};
use crate::view::Collection;
use crate::view::port::{self as view, Scene};
use crate::{portgroups, reply, resource};

/// `GET /v1/ports`.
pub(crate) async fn list(context: Context) -> ApiResult {
    let mut others = paging::ARGUMENTS.to_vec();
    others.extend(["fields", "detail"]);
    gates::check_list_query(&context.query, gate::FILTERS, &others, context.version)?;
    let look = Look::read(&context)?;
    let filter = read_filter(&context).await?;
    let carried = resource::carried(&context, gate::FILTERS);
    answer(&context, filter, look, &carried).await
}

/// `GET /v1/ports/detail`.
pub(crate) async fn detail(context: Context) -> ApiResult {
    gates::check_list_query(
        &context.query,
        gate::FILTERS,
        paging::ARGUMENTS,
        context.version,
    )?;
    let filter = read_filter(&context).await?;
    let carried = resource::carried(&context, gate::FILTERS);
    answer(&context, filter, Look::AtPathDetail, &carried).await
}

/// Whose ports a nested list shows.
pub(crate) enum Within<'u> {
    /// Those of the node with this UUID.
    Node(&'u str),
    /// Those in the port group with this UUID.
    Portgroup(&'u str),
}

/// A list below a node or a port group. The next page is a page of all ports, narrowed alike.
pub(crate) async fn nested(
    context: &Context,
    others: &[&str],
    within: Within<'_>,
    look: Look,
) -> ApiResult {
    let others = [paging::ARGUMENTS, others].concat();
    gates::check_list_query(
        &context.query,
        gate::NESTED_FILTERS,
        &others,
        context.version,
    )?;
    let mut filter = PortFilter {
        address: resource::address(context)?,
        ..PortFilter::default()
    };
    let mut carried = resource::carried(context, gate::NESTED_FILTERS);
    match within {
        Within::Node(uuid) => {
            filter.node_uuid = Some(uuid.to_owned());
            carried.push(("node", uuid));
        }
        Within::Portgroup(uuid) => {
            filter.portgroup_uuid = Some(uuid.to_owned());
            carried.push(("portgroup", uuid));
        }
    }
    answer(context, filter, look, &carried).await
}

/// How much is shown of each port.
pub(crate) enum Look {
    Summary,
    /// `?detail=True`.
    Detail,
    /// The path says so.
    AtPathDetail,
    Fields(Vec<String>),
}

impl Look {
    pub(crate) fn read(context: &Context) -> Result<Self, ApiError> {
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
}

/// One page of the ports that `filter` leaves.
async fn answer(
    context: &Context,
    filter: PortFilter,
    look: Look,
    filters: &[(&str, &str)],
) -> ApiResult {
    let version = context.version;
    let mut paging = Paging::read(context, gate::FIELDS, PORT_SORT_KEYS, "id")?.by_uuid()?;
    let (selection, collection, extra) = match &look {
        Look::Summary => (view::summary(version), "ports", None),
        Look::Detail => (
            view::everything(version),
            "ports",
            Some(("detail", "True".to_owned())),
        ),
        Look::AtPathDetail => (view::everything(version), "ports/detail", None),
        Look::Fields(fields) => (
            view::chosen(fields, version)?,
            "ports",
            Some(("fields", fields.join(","))),
        ),
    };
    paging.page.objects = selection.shows_any(OBJECT_COLUMNS);
    let items = context.state.db().port_list(&filter, &paging.page).await?;
    let mut carried = filters.to_vec();
    carried.extend(extra.iter().map(|(name, value)| (*name, value.as_str())));
    let last = items.last().map(|port| port.uuid.as_str());
    let next = paging.next(&context.base, collection, items.len(), last, &carried);
    reply::shown(&Collection {
        name: "ports",
        items: &items,
        selection: &selection,
        scene: &Scene {
            base: context.base.clone(),
        },
        next,
    })
}

async fn read_filter(context: &Context) -> Result<PortFilter, ApiError> {
    let query = &context.query;
    let of_node = query.has("node") || query.has("node_uuid");
    let exclusive = [of_node, query.has("portgroup"), query.has("shard")];
    let scopes = exclusive.into_iter().filter(|given| *given).count();
    if query.has("conductor_groups") && (scopes > 0 || query.has("address")) {
        return Err(ApiError::invalid(
            "conductor_groups can't be combined with node, portgroup, shard or address.",
        ));
    }
    if scopes > 1 {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "Ports can be narrowed to one of node, portgroup and shard only.",
        )
        .into());
    }
    let portgroup_uuid = match query.get("portgroup") {
        Some(portgroup) => Some(portgroups::find(context, portgroup).await?.uuid),
        None => None,
    };
    let node_uuid = match (query.get("node"), query.get("node_uuid")) {
        (Some(node), _) => Some(context.find_node(node).await?.uuid),
        (None, Some(uuid)) => Some(context.find_node(&resource::uuid(uuid)?).await?.uuid),
        (None, None) => None,
    };
    Ok(PortFilter {
        node_uuid,
        portgroup_uuid,
        address: resource::address(context)?,
        shards: resource::items(context, "shard"),
        conductor_groups: query.list("conductor_groups"),
        description_contains: query
            .get("description_contains")
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        ..PortFilter::default()
    })
}
