//! `/v1/nodes/{node}/vifs`.

use ironbark_model::ident::Ident;
use ironbark_rpc::HardwareRequest;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::hardware as gate;
use crate::{body, nodes, reply};

/// `GET …/vifs`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let ids = nodes::json_reply(nodes::ask_hardware(&context, HardwareRequest::ListVifs).await?)?;
    let vifs: Vec<Value> = ids
        .as_array()
        .into_iter()
        .flatten()
        .map(|id| json!({"id": id}))
        .collect();
    reply::ok(&json!({"vifs": vifs}))
}

/// `POST …/vifs`: everything but `id` is for the network.
pub(crate) async fn attach(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut vif = body::object(&context)?;
    let id = vif.get("id").ok_or_else(|| body::missing("id"))?;
    Ident::parse(id.as_str().unwrap_or_default())?;
    if context.version.has(gate::VIF_PORT_SINCE) {
        for key in ["port_uuid", "portgroup_uuid"] {
            let Some(value) = vif.get_mut(key) else {
                continue;
            };
            // In the form in which ports and groups are stored.
            match value.as_str().map(Ident::parse) {
                Some(Ok(Ident::Uuid(uuid))) => *value = Value::String(uuid),
                _ => return Err(ApiError::invalid(format!("{key} must be a UUID."))),
            }
        }
        if vif.contains_key("port_uuid") && vif.contains_key("portgroup_uuid") {
            return Err(ApiError::invalid(
                "Cannot specify both port_uuid and portgroup_uuid.",
            ));
        }
    }
    nodes::ask_hardware(&context, HardwareRequest::AttachVif(vif)).await?;
    reply::no_content()
}

/// `DELETE …/vifs/{vif}`.
pub(crate) async fn detach(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let vif = context.param("vif").to_owned();
    Ident::parse(&vif)?;
    nodes::ask_hardware(&context, HardwareRequest::DetachVif(vif)).await?;
    reply::no_content()
}
