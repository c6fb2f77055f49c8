//! `POST /v1/ports`.

use ironbark_model::ident::{self, Ident};
use ironbark_model::{Error, Node, Port};
use ironbark_rpc::Request;
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::port as gate;
use crate::routing::NobodyIs;
use crate::view::port::{self as view, Scene};
use crate::{body, portgroups, ports, reply};

/// `POST /v1/ports`: the conductor of the port's node stores it.
pub(crate) async fn create(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut given = body::new_object(
        body::object(&context)?,
        gate::FIELDS,
        &["node_ident"],
        context.version,
    )?;
    if !given.contains_key("address") {
        return Err(body::missing("address"));
    }
    if let Some(portgroup) = given.get("portgroup_uuid").and_then(Value::as_str) {
        let portgroup = portgroups::referenced(&context, portgroup).await?;
        // Only what is said: that ports boot unless told otherwise is no contradiction.
        if given.get("pxe_enabled") == Some(&Value::Bool(true))
            && !portgroup.standalone_ports_supported
        {
            return Err(Error::conflict(format!(
                "A port with pxe_enabled can't be in portgroup {}, which doesn't support standalone ports.",
                portgroup.uuid
            ))
            .into());
        }
    }
    if given.get("is_smartnic") == Some(&Value::Bool(true)) {
        // Where its cable ends may be said later.
        let link = given
            .get("local_link_connection")
            .and_then(Value::as_object);
        let fits = link.is_none_or(|link| {
            link.is_empty() || (link.contains_key("port_id") && link.contains_key("hostname"))
        });
        if !fits {
            return Err(ApiError::invalid(
                "The local_link_connection of a port with is_smartnic has port_id and hostname.",
            ));
        }
    }
    let named = given.remove("node_ident").filter(|value| !value.is_null());
    let by_uuid = given.remove("node_uuid");
    let node = match (by_uuid, named) {
        (Some(Value::String(uuid)), None) => {
            let uuid = ident::canonical_uuid(&uuid).ok_or_else(|| {
                ApiError::invalid(format!("Expected a UUID but received {uuid}."))
            })?;
            node_of_body(&context, Ident::Uuid(uuid)).await?
        }
        (None, Some(Value::String(name))) => {
            context.version.require(gate::NODE_IDENT_SINCE)?;
            node_of_body(&context, Ident::parse(&name)?).await?
        }
        (None, None) => return Err(body::missing("node_uuid")),
        _ => {
            return Err(ApiError::invalid(
                "Give exactly one of node_uuid and node_ident, as text.",
            ));
        }
    };
    given
        .entry("uuid")
        .or_insert_with(|| Value::from(ident::new_uuid()));
    given.insert("node_uuid".to_owned(), Value::from(node.uuid.as_str()));
    let port: Port = serde_json::from_value(Value::Object(given))
        .map_err(|error| ApiError::invalid(format!("The port can't be created: {error}.")))?;
    let request = Request::CreatePort {
        port: Box::new(port),
    };
    let port = ports::port_reply(context.ask(&node, NobodyIs::NotFound, request).await?)?;
    let scene = Scene {
        base: context.base.clone(),
    };
    reply::created_shown(
        &format!("{}/v1/ports/{}", context.base, port.uuid),
        &view::everything(context.version).view(&port, &scene),
    )
}

/// A node that a body names and that isn't there is the body's fault.
async fn node_of_body(context: &Context, ident: Ident) -> Result<Node, ApiError> {
    let node = context.state.db().node_get(&ident).await?;
    let node =
        node.ok_or_else(|| ApiError::invalid(Error::node_not_found(ident.as_str()).message()))?;
    tracing::Span::current().record("node", node.uuid.as_str());
    Ok(node)
}
