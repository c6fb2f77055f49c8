//! `/v1/nodes/{node}/management/indicators`. An indicator is called `<id>@<component>`.

use ironbark_rpc::HardwareRequest;
use serde_json::{Value, json};

use crate::body::Arguments;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::routing::NobodyIs;
use crate::{nodes, reply};

pub(crate) const STATES: &[&str] = &["on", "off", "blinking"];

/// `GET …/indicators`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let request = nodes::hardware(&node, HardwareRequest::ListIndicators);
    let found = nodes::json_reply(context.ask(&node, NobodyIs::NotFound, request).await?)?;
    // As the client called it.
    let called = context.param("node");
    let mut indicators = Vec::new();
    for (component, of_component) in found.as_object().into_iter().flatten() {
        for (id, described) in of_component.as_object().into_iter().flatten() {
            let name = format!("{id}@{component}");
            let below = format!("nodes/{called}/management/indicators/{name}");
            indicators.push(json!({
                "name": name,
                "component": component,
                "readonly": described.get("readonly").and_then(Value::as_bool).unwrap_or(true),
                "states": described.get("states").cloned().unwrap_or_else(|| json!([])),
                "links": [
                    {"href": format!("{}/v1/{below}", context.base), "rel": "self"},
                    {"href": format!("{}/{below}", context.base), "rel": "bookmark"},
                ],
            }));
        }
    }
    reply::ok(&json!({"indicators": indicators}))
}

/// `GET …/indicators/{indicator}`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let (indicator, component) = parts(context.param("indicator"))?;
    let request = HardwareRequest::GetIndicator {
        component,
        indicator,
    };
    let state = nodes::json_reply(nodes::ask_hardware(&context, request).await?)?;
    reply::ok(&json!({"state": state}))
}

/// `PUT …/indicators/{indicator}`.
pub(crate) async fn set(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, &["state"])?;
    let state = arguments.required_text("state")?;
    let (indicator, component) = parts(context.param("indicator"))?;
    if !STATES.contains(&state.as_str()) {
        return Err(ApiError::invalid(format!(
            "Invalid indicator state '{state}': it is one of {}.",
            STATES.join(", ")
        )));
    }
    let request = HardwareRequest::SetIndicator {
        component,
        indicator,
        state,
    };
    nodes::ask_hardware(&context, request).await?;
    reply::no_content()
}

/// Indicator and component.
fn parts(name: &str) -> Result<(String, String), ApiError> {
    match name.split_once('@') {
        Some((indicator, component)) if !indicator.is_empty() && !component.is_empty() => {
            Ok((indicator.to_owned(), component.to_owned()))
        }
        _ => Err(ApiError::invalid(format!(
            "Invalid indicator name '{name}': it has the form <indicator>@<component>."
        ))),
    }
}
