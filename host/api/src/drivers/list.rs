//! `GET /v1/drivers`, `GET /v1/drivers/{driver}`.

use ironbark_model::conductor::HardwareInterface;
use ironbark_model::{InterfaceKind, JsonObject};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::{self, others as gate};
use crate::reply;
use crate::routing::{Snapshot, driver_not_found};

/// `GET /v1/drivers`.
pub(crate) async fn list(context: Context) -> ApiResult {
    gates::check_list_query(&context.query, gate::DRIVER_FILTERS, &[], context.version)?;
    let detail = context.query.flag("detail")?.unwrap_or(false);
    let fields = context.query.list("fields");
    if detail && fields.is_some() {
        return Err(ApiError::invalid(
            "Can't fetch a subset of fields with 'detail' set.",
        ));
    }
    let none = match context.query.get("type") {
        None | Some("dynamic") => false,
        Some("classic") => true,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "A driver's type is classic or dynamic, not {other:?}."
            )));
        }
    };
    let catalogue = Catalogue::read(&context).await?;
    let names: Vec<String> = catalogue
        .snapshot
        .rings
        .drivers()
        .filter(|_| !none)
        .map(|(driver, _)| driver.to_owned())
        .collect();
    let drivers = names
        .iter()
        .map(|name| {
            let document = catalogue.document(&context, name, detail || fields.is_some());
            choose(document, fields.as_deref())
        })
        .collect::<Result<Vec<_>, _>>()?;
    reply::ok(&json!({"drivers": drivers}))
}

/// `GET /v1/drivers/{driver}`: always with all details.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&["fields"])?;
    let fields = context.query.list("fields");
    if fields.is_some() {
        context.version.require(gate::DRIVER_FIELDS_SINCE)?;
    }
    let name = context.param("driver");
    let catalogue = Catalogue::read(&context).await?;
    if catalogue.snapshot.rings.hosts_of_driver(name).is_empty() {
        return Err(driver_not_found(name).into());
    }
    let document = catalogue.document(&context, name, true);
    reply::ok(&choose(document, fields.as_deref())?)
}

/// What the conductors that are online can drive, as it is now: a driver loaded a moment ago is there.
struct Catalogue {
    snapshot: std::sync::Arc<Snapshot>,
    interfaces: Vec<(String, HardwareInterface)>,
}

impl Catalogue {
    async fn read(context: &Context) -> Result<Self, ApiError> {
        let snapshot = context.state.routing().fresh().await?;
        let mut interfaces = context.state.db().hardware_interfaces().await?;
        interfaces.retain(|(host, _)| {
            snapshot
                .online
                .iter()
                .any(|conductor| conductor.hostname == *host)
        });
        Ok(Self {
            snapshot,
            interfaces,
        })
    }

    fn document(&self, context: &Context, name: &str, detail: bool) -> JsonObject {
        let Context { base, version, .. } = context;
        let pair = |below: &str| {
            json!([
                {"href": format!("{base}/v1/drivers/{name}{below}"), "rel": "self"},
                {"href": format!("{base}/drivers/{name}{below}"), "rel": "bookmark"},
            ])
        };
        let mut document = JsonObject::new();
        let hosts = self.snapshot.rings.hosts_of_driver(name);
        document.insert("name".to_owned(), name.into());
        document.insert("hosts".to_owned(), hosts.into());
        document.insert("links".to_owned(), pair(""));
        if version.has(gate::DRIVER_PROPERTIES_LINK_SINCE) {
            document.insert("properties".to_owned(), pair("/properties"));
        }
        if version.has(gate::DRIVER_TYPE_SINCE) {
            document.insert("type".to_owned(), "dynamic".into());
        }
        if detail {
            for kind in InterfaceKind::ALL {
                if version.has(shown_since(*kind)) {
                    let (default, enabled) = self.implementations(name, *kind);
                    document.insert(format!("default_{kind}_interface"), default);
                    document.insert(format!("enabled_{kind}_interfaces"), enabled);
                }
            }
        }
        document
    }

    /// The default, or null, and all: the default first, the others by name.
    fn implementations(&self, driver: &str, kind: InterfaceKind) -> (Value, Value) {
        let mut found: Vec<(bool, &str)> = self
            .interfaces
            .iter()
            .filter(|(_, one)| one.hardware_type == driver && one.interface == kind)
            .map(|(_, one)| (!one.is_default, one.implementation.as_str()))
            .collect();
        found.sort_unstable();
        let mut names: Vec<&str> = Vec::with_capacity(found.len());
        for (_, name) in &found {
            if !names.contains(name) {
                names.push(name);
            }
        }
        let default = found
            .first()
            .filter(|(is_other, _)| !is_other)
            .map_or(Value::Null, |(_, name)| Value::from(*name));
        (default, names.into())
    }
}

/// Interfaces that came after drivers began to show theirs.
fn shown_since(kind: InterfaceKind) -> u16 {
    match kind {
        InterfaceKind::Storage
        | InterfaceKind::Rescue
        | InterfaceKind::Bios
        | InterfaceKind::Firmware => kind.since(),
        _ => gate::DRIVER_TYPE_SINCE,
    }
}

/// Only these fields, and the links.
fn choose(mut document: JsonObject, fields: Option<&[String]>) -> Result<JsonObject, ApiError> {
    let Some(fields) = fields else {
        return Ok(document);
    };
    let unknown: Vec<String> = fields
        .iter()
        .filter(|field| !document.contains_key(*field))
        .map(|field| format!("\"{field}\""))
        .collect();
    if !unknown.is_empty() {
        return Err(ApiError::invalid(format!(
            "Field(s) {} are not valid",
            unknown.join(", ")
        )));
    }
    document.retain(|name, _| name == "links" || fields.iter().any(|field| field == name));
    Ok(document)
}
