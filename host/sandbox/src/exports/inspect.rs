//! `inspect`.

use std::sync::Arc;

use ironbark_model::{JsonObject, Secret};
use serde_json::Value;

use super::convert::{json_object, wait};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::inspect as wit;
use crate::{CallContext, CallError, Completed, Driver, Wait};

/// The contract's bounds on what an inspection may find: bytes of JSON, ports, bytes of a port's name.
const MAX_FINDINGS: usize = 1024 * 1024;
const MAX_PORTS: usize = 256;
const MAX_NAME: usize = 255;

/// How an inspection ended that may take longer than one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Inspection {
    /// It is done.
    Done(Findings),
    /// It goes on outside: store the cursor, and call again.
    Wait(Wait),
}

/// What an inspection found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Values for the node's `properties`.
    pub properties: JsonObject,
    /// Network ports.
    pub ports: Vec<FoundPort>,
    /// The inventory, in the agent's form.
    pub inventory: Option<JsonObject>,
}

/// A network port that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPort {
    /// MAC address, in lower case with colons.
    pub address: String,
    /// What the machine calls it.
    pub name: Option<String>,
    /// Whether the machine boots from it, if it is known.
    pub pxe_enabled: Option<bool>,
}

impl Driver {
    /// Whether the node has what its inspect implementation needs.
    pub async fn inspect_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, inspect.call_validate())
    }

    /// Inspects the machine; `cursor` is what the last wait gave.
    pub async fn inspect_hardware(
        &self,
        implementation: &str,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Inspection>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            self,
            context,
            implementation,
            inspect.call_inspect_hardware(cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| inspection(found, &secrets))
    }

    /// Gives up an inspection that waits.
    pub async fn inspect_abort(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, inspect.call_abort())
    }

    /// Goes on with what a ramdisk found.
    pub async fn continue_inspection(
        &self,
        implementation: &str,
        context: CallContext,
        inventory: Value,
        plugin_data: Value,
    ) -> Result<Completed<Inspection>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            self,
            context,
            implementation,
            inspect.call_continue_inspection(&inventory.to_string(), &plugin_data.to_string())
        );
        checked!(self, completed, |found| inspection(found, &secrets))
    }
}

fn inspection(inspection: wit::Inspection, secrets: &[Secret]) -> Result<Inspection, String> {
    let found = match inspection {
        wit::Inspection::Wait(waiting) => return wait(waiting, secrets).map(Inspection::Wait),
        wit::Inspection::Done(found) => found,
    };
    let size = found.properties.len() + found.inventory.as_ref().map_or(0, String::len);
    if size > MAX_FINDINGS || found.ports.len() > MAX_PORTS {
        return Err(format!(
            "the findings have {size} bytes and {} ports; at most {MAX_FINDINGS} and {MAX_PORTS} are accepted",
            found.ports.len()
        ));
    }
    Ok(Inspection::Done(Findings {
        properties: json_object("findings.properties", &found.properties)?,
        ports: found
            .ports
            .into_iter()
            .map(port)
            .collect::<Result<_, _>>()?,
        inventory: found
            .inventory
            .map(|text| json_object("findings.inventory", &text))
            .transpose()?,
    }))
}

fn port(port: wit::FoundPort) -> Result<FoundPort, String> {
    let address = port.address.to_ascii_lowercase();
    let mut octets = address.split(':');
    let is_octet =
        |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if octets.clone().count() != 6 || !octets.all(is_octet) {
        return Err(format!("{:?} is no MAC address", port.address));
    }
    if port.name.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
        return Err(format!(
            "the name of port {address} is longer than {MAX_NAME} bytes"
        ));
    }
    Ok(FoundPort {
        address,
        name: port.name,
        pxe_enabled: port.pxe_enabled,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn done(properties: &str, address: &str) -> Result<Inspection, String> {
        let findings = wit::Findings {
            properties: properties.to_owned(),
            ports: vec![wit::FoundPort {
                address: address.to_owned(),
                name: None,
                pxe_enabled: Some(true),
            }],
            inventory: None,
        };
        inspection(wit::Inspection::Done(findings), &[])
    }

    #[test]
    fn findings_are_checked() {
        let Inspection::Done(found) = done(r#"{"cpus": 4}"#, "52:54:00:AB:00:01").unwrap() else {
            unreachable!()
        };
        assert_eq!(found.ports.first().unwrap().address, "52:54:00:ab:00:01");
        assert!(
            done("[]", "52:54:00:ab:00:01")
                .unwrap_err()
                .contains("object")
        );
        assert!(done("{}", "52:54:00:ab:00").unwrap_err().contains("MAC"));
        assert!(done("{}", "52:54:00:ab:00:0x").unwrap_err().contains("MAC"));
    }
}
