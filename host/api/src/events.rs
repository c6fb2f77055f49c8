//! `POST /v1/events` (facts §2.13): what a network service tells of ports. It is checked and logged, and nothing more.

use ironbark_model::{JsonObject, ident};
use serde_json::Value;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::{body, reply};

/// Events that there are.
pub(crate) const EVENTS: &[&str] = &[
    "network.bind_port",
    "network.unbind_port",
    "network.delete_port",
];

/// What an event has, and whether it must.
const FIELDS: &[(&str, bool, Form)] = &[
    ("event", true, Form::Text),
    ("port_id", true, Form::Uuid),
    ("mac_address", true, Form::Mac),
    ("status", true, Form::Text),
    ("device_id", false, Form::Uuid),
    ("binding:host_id", false, Form::Uuid),
    ("binding:vnic_type", false, Form::Text),
];

#[derive(Clone, Copy)]
enum Form {
    Text,
    Uuid,
    Mac,
}

/// `POST /v1/events`.
pub(crate) async fn receive(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let mut given = body::object(&context)?;
    let events = given.remove("events");
    if let Some(name) = given.keys().next() {
        return Err(wrong(format!("{name:?} is not known.")));
    }
    let Some(Value::Array(events)) = events else {
        return Err(wrong("events must be a list.".to_owned()));
    };
    if events.is_empty() {
        return Err(wrong("the list is empty.".to_owned()));
    }
    for event in &events {
        match event {
            Value::Object(event) => check(event)?,
            _ => return Err(wrong("an event is an object.".to_owned())),
        }
    }
    for event in &events {
        tracing::debug!(%event, "the network service told of a port");
    }
    reply::no_content()
}

fn check(event: &JsonObject) -> Result<(), ApiError> {
    let kind = event
        .get("event")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !EVENTS.contains(&kind) {
        return Err(wrong(format!("event is one of {}.", EVENTS.join(", "))));
    }
    if let Some(name) = event
        .keys()
        .find(|name| !FIELDS.iter().any(|(known, ..)| known == name))
    {
        return Err(wrong(format!("{name:?} is not known.")));
    }
    for (name, required, form) in FIELDS {
        match event.get(*name) {
            None if *required => return Err(body::missing(name)),
            None => {}
            Some(Value::Null) if !required => {}
            Some(value) if form.fits(value) => {}
            Some(_) => return Err(wrong(format!("{name} must be {}.", form.called()))),
        }
    }
    Ok(())
}

impl Form {
    fn fits(self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| match self {
            Self::Text => true,
            Self::Uuid => ident::canonical_uuid(text).is_some(),
            Self::Mac => ident::canonical_mac(text).is_some(),
        })
    }

    const fn called(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Uuid => "a UUID",
            Self::Mac => "a MAC address",
        }
    }
}

fn wrong(problem: String) -> ApiError {
    ApiError::invalid(format!("Invalid events: {problem}"))
}
