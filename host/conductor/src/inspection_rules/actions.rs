//! What actions do. Their arguments are filled in already.

use ironbark_model::traits::{MAX_TRAITS_PER_NODE, check_trait};
use ironbark_model::{Error, JsonObject, Port, Result, ident};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Subject, flag, path, text};

/// What of a node a rule may change: what an operator may, but for what decides who works on it and how.
const OF_NODE: &[&str] = &[
    "automated_clean",
    "description",
    "driver_info",
    "extra",
    "lessee",
    "network_data",
    "owner",
    "properties",
    "resource_class",
    "shard",
];

/// What of a port a rule may change.
const OF_PORT: &[&str] = &[
    "category",
    "description",
    "extra",
    "is_smartnic",
    "local_link_connection",
    "physical_network",
    "pxe_enabled",
    "vendor",
];

/// Longest text that is logged, in characters.
const LONGEST_LINE: usize = 1000;

/// A change of one place in a document.
enum Change {
    Set(Value),
    Extend(Value, bool),
    Remove,
}

/// Does the action of this name.
pub(super) fn act(op: &str, args: &JsonObject, subject: &mut Subject) -> Result<()> {
    let value = || args.get("value").cloned().unwrap_or_default();
    let extension = || Change::Extend(value(), flag(args, "unique"));
    let place = || path::elements(&text(args, "path"));
    match op {
        "fail" => Err(Error::invalid(text(args, "msg"))),
        "log" => {
            log(&text(args, "level"), &text(args, "msg"));
            Ok(())
        }
        "set-attribute" => on_node(subject, &place()?, Change::Set(value())),
        "extend-attribute" => on_node(subject, &place()?, extension()),
        "del-attribute" => on_node(subject, &place()?, Change::Remove),
        "set-capability" => {
            let value = text(args, "value");
            on_capabilities(subject, &text(args, "name"), Some(&value))
        }
        "unset-capability" => on_capabilities(subject, &text(args, "name"), None),
        "add-trait" => add_trait(subject, text(args, "name")),
        "remove-trait" => {
            let name = text(args, "name");
            subject.node.traits.retain(|known| *known != name);
            Ok(())
        }
        "set-plugin-data" => change(&mut subject.plugin_data, &place()?, Change::Set(value())),
        "extend-plugin-data" => change(&mut subject.plugin_data, &place()?, extension()),
        "unset-plugin-data" => change(&mut subject.plugin_data, &place()?, Change::Remove),
        "set-port-attribute" => on_port(subject, args, &place()?, Change::Set(value())),
        "extend-port-attribute" => on_port(subject, args, &place()?, extension()),
        "del-port-attribute" => on_port(subject, args, &place()?, Change::Remove),
        other => Err(Error::invalid(format!("there is no action {other}"))),
    }
}

fn log(level: &str, message: &str) {
    let message: String = message.chars().take(LONGEST_LINE).collect();
    match level {
        "debug" => tracing::debug!(message, "an inspection rule says"),
        "warning" => tracing::warn!(message, "an inspection rule says"),
        "error" => tracing::error!(message, "an inspection rule says"),
        _ => tracing::info!(message, "an inspection rule says"),
    }
}

fn change(object: &mut JsonObject, place: &[String], change: Change) -> Result<()> {
    match change {
        Change::Set(value) => path::set(object, place, value),
        Change::Extend(value, unique) => path::extend(object, place, value, unique),
        Change::Remove => path::remove(object, place),
    }
}

fn on_node(subject: &mut Subject, place: &[String], what: Change) -> Result<()> {
    subject.node = changed(&subject.node, OF_NODE, place, what)?;
    Ok(())
}

fn on_port(subject: &mut Subject, args: &JsonObject, place: &[String], what: Change) -> Result<()> {
    let named = text(args, "port_id");
    let address = ident::canonical_mac(&named);
    let is_it = |port: &&mut Port| port.uuid == named || Some(&port.address) == address.as_ref();
    let port = subject.ports.iter_mut().find(is_it).ok_or_else(|| {
        Error::invalid(format!(
            "the node has no port with the UUID or MAC address {named}"
        ))
    })?;
    *port = changed(port, OF_PORT, place, what)?;
    Ok(())
}

/// A copy with one change, of what may be changed and to what fits.
fn changed<T: Serialize + DeserializeOwned + Default>(
    before: &T,
    allowed: &[&str],
    place: &[String],
    what: Change,
) -> Result<T> {
    let root = place.first().map(String::as_str).unwrap_or_default();
    if !allowed.contains(&root) {
        return Err(Error::invalid(format!(
            "a rule can't change {root}, only {}",
            allowed.join(", ")
        )));
    }
    let object = |value: &T| match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Error::internal("What is stored can't be written as JSON.")),
    };
    let mut document = object(before)?;
    match what {
        // Whole fields don't vanish: they are as nobody ever gave them.
        Change::Remove if place.len() == 1 => {
            let default = object(&T::default())?.remove(root).unwrap_or_default();
            document.insert(root.to_owned(), default);
        }
        what => change(&mut document, place, what)?,
    }
    serde_json::from_value(Value::Object(document))
        .map_err(|_| Error::invalid(format!("{} would be of the wrong type", place.join("/"))))
}

/// Capabilities are one text: `name:value,name:value`.
fn on_capabilities(subject: &mut Subject, name: &str, value: Option<&str>) -> Result<()> {
    const KEY: &str = "capabilities";
    if name.is_empty()
        || name.contains([',', ':'])
        || value.is_some_and(|value| value.contains(','))
    {
        return Err(Error::invalid(format!(
            "{name:?} can't be a capability with this value"
        )));
    }
    let properties = &mut subject.node.properties;
    let known = properties
        .get(KEY)
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut all: Vec<String> = known
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .filter(|one| one.split(':').next() != Some(name))
        .map(str::to_owned)
        .collect();
    all.extend(value.map(|value| format!("{name}:{value}")));
    properties.insert(KEY.to_owned(), Value::from(all.join(",")));
    Ok(())
}

fn add_trait(subject: &mut Subject, name: String) -> Result<()> {
    check_trait(&name)?;
    let traits = &mut subject.node.traits;
    if !traits.contains(&name) {
        if traits.len() >= MAX_TRAITS_PER_NODE {
            return Err(Error::invalid(format!(
                "a node has at most {MAX_TRAITS_PER_NODE} traits"
            )));
        }
        traits.push(name);
    }
    Ok(())
}
