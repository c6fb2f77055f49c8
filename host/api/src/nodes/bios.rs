//! `/v1/nodes/{node}/bios`: what the node's driver read last.

use ironbark_model::Error;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::hardware as gate;
use crate::nodes::fields;
use crate::reply;
use crate::view::hardware::{self as view, Scene};
use crate::view::{Collection, ToJson as _};

/// `GET …/bios`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&["detail", "fields"])?;
    let detail = context.query.flag("detail")?;
    if detail.is_some() && !context.version.has(gate::BIOS_REGISTRY_SINCE) {
        return Err(ApiError::invalid(
            "Invalid query parameter ?detail received.",
        ));
    }
    let detail = detail.unwrap_or(false);
    let fields = fields::chosen(&context, gate::BIOS, gate::BIOS_REGISTRY_SINCE)?;
    if detail && fields.is_some() {
        return Err(ApiError::invalid(
            "Can't fetch a subset of fields with 'detail' set.",
        ));
    }
    let node = context.node().await?;
    let settings = context.state.db().bios_settings(&node.uuid).await?;
    let selection = view::bios(context.version, |name| match &fields {
        Some(fields) => fields.iter().any(|field| field == name),
        None => detail || gate::BIOS_SUMMARY.contains(&name),
    });
    reply::shown(&Collection {
        name: "bios",
        items: &settings,
        selection: &selection,
        scene: &Scene {
            base: context.base.clone(),
            node: context.param("node").to_owned(),
        },
        next: None,
    })
}

/// `GET …/bios/{setting}`: an object with the setting's name as its only key.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let node = context.node().await?;
    let name = context.param("setting");
    let setting = context
        .state
        .db()
        .bios_settings(&node.uuid)
        .await?
        .into_iter()
        .find(|setting| setting.name == name)
        .ok_or_else(|| {
            Error::not_found(format!(
                "Node {} doesn't have a BIOS setting '{name}'.",
                node.uuid
            ))
        })?;
    let detail = context.version.has(gate::BIOS_REGISTRY_SINCE);
    let selection = view::bios(context.version, |name| {
        detail || gate::BIOS_SUMMARY.contains(&name)
    });
    let scene = Scene {
        base: context.base.clone(),
        node: node.uuid.clone(),
    };
    let unwritten = |error| Error::internal("The setting could not be written.").caused_by(error);
    let mut body = b"{".to_vec();
    body.extend(serde_json::to_vec(name).map_err(unwritten)?);
    body.push(b':');
    body.extend(
        selection
            .view(&setting, &scene)
            .to_json()
            .map_err(unwritten)?,
    );
    body.push(b'}');
    Ok(reply::raw_json(axum::http::StatusCode::OK, body))
}
