//! What a list of nodes is narrowed to.

use ironbark_db::NodeFilter;
use ironbark_model::ident;
use ironbark_model::node::fault;

use crate::context::Context;
use crate::error::ApiError;
use crate::gates::node as gate;
use crate::{chassis, resource};

/// What a list of nodes is narrowed to.
pub(crate) struct Narrowed {
    pub(crate) filter: NodeFilter,
    /// Only nodes that this conductor owns; applied to each page, because the ring says it and not the database.
    pub(crate) conductor: Option<String>,
    /// There may be a next page.
    pub(crate) paged: bool,
}

/// Reads the filters. Their names and versions are checked already. `of_chassis` is what the path says.
pub(crate) async fn read(
    context: &Context,
    of_chassis: Option<String>,
) -> Result<Narrowed, ApiError> {
    let query = &context.query;
    let text = |name: &str| query.get(name).map(str::to_owned);
    let chassis_uuid = match query.get("chassis_uuid") {
        Some(written) => Some(chassis::known(context, written).await?),
        None => of_chassis,
    };
    let fault = text("fault");
    if let Some(fault) = &fault
        && !fault::ALL.contains(&fault.as_str())
    {
        return Err(ApiError::invalid(format!(
            "Unrecognized fault \"{fault}\"; the faults are: {}.",
            fault::ALL.join(", ")
        )));
    }
    let parent_node = match query.get("parent_node") {
        None => None,
        Some(parent) => match ident::canonical_uuid(parent) {
            Some(uuid) => Some(uuid),
            None => Some(by_name(context, parent).await?),
        },
    };
    let instance_uuid = query
        .get("instance_uuid")
        .map(|text| {
            ident::canonical_uuid(text)
                .ok_or_else(|| ApiError::invalid(format!("Expected a UUID but received {text}.")))
        })
        .transpose()?;
    let filter = NodeFilter {
        instance_name: text("instance_name"),
        associated: query.flag("associated")?,
        maintenance: query.flag("maintenance")?,
        retired: query.flag("retired")?,
        provision_state: query.get("provision_state").map(str::parse).transpose()?,
        driver: text("driver"),
        resource_class: text("resource_class"),
        conductor_group: text("conductor_group").map(|group| group.to_lowercase()),
        owner: text("owner"),
        lessee: text("lessee"),
        project: text("project"),
        description_contains: text("description_contains").filter(|text| !text.is_empty()),
        shards: resource::items(context, "shard"),
        sharded: query.flag("sharded")?,
        include_children: query.flag("include_children")?.unwrap_or(false),
        chassis_uuid,
        instance_uuid,
        fault,
        parent_node,
        ..NodeFilter::default()
    };
    Ok(Narrowed {
        paged: filter.instance_uuid.is_none(),
        filter,
        conductor: text("conductor").filter(|name| !name.is_empty()),
    })
}

/// The UUID of the node with this name; the name itself if there is none, which then is nobody's parent.
async fn by_name(context: &Context, name: &str) -> Result<String, ApiError> {
    let ident = ident::Ident::Name(name.to_owned());
    let node = context.state.db().node_get(&ident).await?;
    Ok(node.map_or_else(|| name.to_owned(), |node| node.uuid))
}

/// The filters as the client gave them, for the link to the next page.
pub(crate) fn carried(context: &Context) -> impl Iterator<Item = (&str, &str)> {
    context
        .query
        .iter()
        .filter(|(name, _)| gate::FILTERS.iter().any(|filter| filter.name == *name))
}
