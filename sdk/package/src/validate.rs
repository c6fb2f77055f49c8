//! The rules of the metadata document that types alone can't say. Every error names the place.

use std::collections::BTreeSet;

use ironbark_model::json;
use ironbark_model::step::StepKind;
use ironbark_model::{InterfaceKind, JsonObject, ProvisionState};
use serde_json::Value;

use crate::MAX_METADATA_BYTES;
use crate::capabilities::check_capabilities;
use crate::metadata::{
    HardwareType, ImplementationRef, Metadata, Periodic, PeriodicScope, StepEntry, VendorMethod,
    VendorScope,
};

/// Schemas of arguments may be nested deeper than what nodes hold.
const MAX_DEPTH_OF_METADATA: usize = 64;
const MAX_TEXT: usize = 4096;
const MAX_NAME: usize = 64;
const MAX_IMPLEMENTATIONS: usize = 64;
const MAX_HARDWARE_TYPES: usize = 64;
const MAX_ENTRIES: usize = 64;
const MAX_PROPERTIES: usize = 256;
const MAX_VENDOR_METHODS: usize = 256;
const MAX_STEPS: usize = 512;
const MAX_ARGUMENTS: usize = 64;
const MAX_PERIODIC: usize = 64;
const MAX_SPACING: u32 = 86_400;

/// What conductors do themselves, whatever the interface.
const RESERVED_STEPS: &[&str] = &["power_on", "power_off", "reboot", "hold", "wait"];
const HTTP_METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Families of `driver_info` keys that belong to the host's capabilities.
const CONNECTION_PREFIXES: &[&str] = &["ipmi_", "redfish_", "ssh_"];

/// What is wrong with a metadata document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Larger than [`MAX_METADATA_BYTES`].
    #[error("the driver metadata has {size} bytes; at most {MAX_METADATA_BYTES} are accepted")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Not JSON, or not of the form that the schema gives.
    #[error("driver metadata, at {path}: {reason}")]
    Form {
        /// Where, as `steps[0].priority`; `.` is the whole document.
        path: String,
        /// What the parser says.
        reason: String,
    },
    /// Well formed, but breaks a rule.
    #[error("driver metadata, at {path}: {reason}")]
    Rule {
        /// Where.
        path: String,
        /// What to change.
        reason: String,
    },
}

/// Whether an implementation of this name belongs to the host: `noop` and `no-*`.
pub fn is_host_implementation(name: &str) -> bool {
    name == "noop" || name.starts_with("no-")
}

/// Whether a key of `driver_info` says how to reach a BMC, and so belongs to the host.
pub fn is_connection_key(key: &str) -> bool {
    CONNECTION_PREFIXES
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

impl Metadata {
    /// Reads a document and checks it.
    pub fn parse(document: &[u8]) -> Result<Self, MetadataError> {
        if document.len() > MAX_METADATA_BYTES {
            return Err(MetadataError::TooLarge {
                size: document.len(),
            });
        }
        // What isn't JSON at all is told better below.
        if let Err(error) = json::parse(document, MAX_DEPTH_OF_METADATA)
            && error.is_data()
        {
            return Err(MetadataError::Form {
                path: ".".to_owned(),
                reason: error.to_string(),
            });
        }
        let mut reader = serde_json::Deserializer::from_slice(document);
        let metadata: Self =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| MetadataError::Form {
                path: error.path().to_string(),
                reason: error.inner().to_string(),
            })?;
        reader.end().map_err(|error| MetadataError::Form {
            path: ".".to_owned(),
            reason: error.to_string(),
        })?;
        metadata.validate()?;
        Ok(metadata)
    }

    /// Checks the rules. A document from [`Metadata::parse`] was checked already.
    pub fn validate(&self) -> Result<(), MetadataError> {
        self.check_heading()?;
        self.check_interfaces()?;
        check_count(
            "hardware_types",
            self.hardware_types.len(),
            MAX_HARDWARE_TYPES,
        )?;
        check_unique(
            "hardware_types",
            self.hardware_types.iter().map(|entry| &entry.name),
        )?;
        for (index, hardware_type) in self.hardware_types.iter().enumerate() {
            check_hardware_type(&format!("hardware_types[{index}]"), hardware_type)?;
        }
        check_properties("properties", &self.properties)?;
        for (key, schema) in &self.properties_of {
            let path = format!("properties_of.{key}");
            self.check_implementation_key(&path, key)?;
            check_properties(&path, schema)?;
        }
        check_capabilities(&self.capabilities)?;
        self.check_binds()?;
        self.check_vendor_methods()?;
        self.check_steps()?;
        self.check_periodic()
    }

    /// Whether the package brings an implementation of this name for `kind`.
    pub fn has_implementation(&self, kind: InterfaceKind, name: &str) -> bool {
        self.interfaces
            .get(&kind)
            .is_some_and(|entries| entries.iter().any(|entry| entry.name == name))
    }

    fn check_heading(&self) -> Result<(), MetadataError> {
        check_lower_name("name", &self.name)?;
        rule(
            semver::Version::parse(&self.version).is_ok(),
            "version",
            "must be a semantic version, such as 1.2.0",
        )?;
        rule(!self.vendor.is_empty(), "vendor", "must not be empty")?;
        for (path, text) in [
            ("version", &self.version),
            ("vendor", &self.vendor),
            ("licence", &self.licence),
            ("description", &self.description),
            ("state_schema", &self.state_schema),
        ] {
            check_text(path, text)?;
        }
        Ok(())
    }

    fn check_interfaces(&self) -> Result<(), MetadataError> {
        for (kind, entries) in &self.interfaces {
            let path = format!("interfaces.{kind}");
            check_count(&path, entries.len(), MAX_IMPLEMENTATIONS)?;
            check_unique(&path, entries.iter().map(|entry| &entry.name))?;
            for (index, entry) in entries.iter().enumerate() {
                let path = format!("{path}[{index}]");
                check_name(&format!("{path}.name"), &entry.name)?;
                rule(
                    !is_host_implementation(&entry.name),
                    &format!("{path}.name"),
                    "'noop' and names that begin with 'no-' belong to Ironbark: choose another name",
                )?;
                rule(
                    !entry.native_reboot || *kind == InterfaceKind::Power,
                    &format!("{path}.native_reboot"),
                    "only power implementations have it",
                )?;
            }
        }
        Ok(())
    }

    fn check_vendor_methods(&self) -> Result<(), MetadataError> {
        check_count(
            "vendor_methods",
            self.vendor_methods.len(),
            MAX_VENDOR_METHODS,
        )?;
        let keys = self.vendor_methods.iter().map(|method| {
            let scope = match method.scope {
                VendorScope::Node => "node",
                VendorScope::Driver => "driver",
            };
            format!("{}/{scope}/{}", method.implementation, method.name)
        });
        check_unique("vendor_methods", keys)?;
        for (index, method) in self.vendor_methods.iter().enumerate() {
            self.check_vendor_method(&format!("vendor_methods[{index}]"), method)?;
        }
        Ok(())
    }

    fn check_vendor_method(&self, path: &str, method: &VendorMethod) -> Result<(), MetadataError> {
        check_name(&format!("{path}.name"), &method.name)?;
        check_text(&format!("{path}.description"), &method.description)?;
        rule(
            self.has_implementation(InterfaceKind::Vendor, &method.implementation),
            &format!("{path}.implementation"),
            "names no vendor implementation of this package (interfaces.vendor)",
        )?;
        rule(
            !method.http_methods.is_empty()
                && method
                    .http_methods
                    .iter()
                    .all(|name| HTTP_METHODS.contains(&name.as_str())),
            &format!("{path}.http_methods"),
            "must be one or more of GET, POST, PUT, PATCH, DELETE",
        )?;
        check_unique(&format!("{path}.http_methods"), method.http_methods.iter())
    }

    fn check_steps(&self) -> Result<(), MetadataError> {
        check_count("steps", self.steps.len(), MAX_STEPS)?;
        let keys = self.steps.iter().map(|step| {
            let implementation = step.implementation.as_deref().unwrap_or("*");
            format!(
                "{}/{}/{implementation}/{}",
                step.kind, step.interface, step.step
            )
        });
        check_unique("steps", keys)?;
        for (index, step) in self.steps.iter().enumerate() {
            self.check_step(&format!("steps[{index}]"), step)?;
        }
        Ok(())
    }

    fn check_step(&self, path: &str, step: &StepEntry) -> Result<(), MetadataError> {
        check_name(&format!("{path}.step"), &step.step)?;
        rule(
            !RESERVED_STEPS.contains(&step.step.as_str()),
            &format!("{path}.step"),
            "Ironbark itself runs steps of this name: choose another",
        )?;
        let declared = match &step.implementation {
            Some(name) => self.has_implementation(step.interface, name),
            None => self
                .interfaces
                .get(&step.interface)
                .is_some_and(|entries| !entries.is_empty()),
        };
        rule(
            declared,
            &format!(
                "{path}.{}",
                if step.implementation.is_some() {
                    "implementation"
                } else {
                    "interface"
                }
            ),
            "names no implementation of this package (interfaces)",
        )?;
        rule(
            step.kind != StepKind::Verify || step.argsinfo.is_none(),
            &format!("{path}.argsinfo"),
            "verify steps have no arguments",
        )?;
        let arguments = step.argsinfo.iter().flatten();
        check_count(
            &format!("{path}.argsinfo"),
            arguments.clone().count(),
            MAX_ARGUMENTS,
        )?;
        for (name, info) in arguments {
            check_name(&format!("{path}.argsinfo.{name}"), name)?;
            check_text(
                &format!("{path}.argsinfo.{name}.description"),
                &info.description,
            )?;
        }
        Ok(())
    }

    fn check_periodic(&self) -> Result<(), MetadataError> {
        check_count("periodic", self.periodic.len(), MAX_PERIODIC)?;
        check_unique("periodic", self.periodic.iter().map(|task| &task.name))?;
        for (index, task) in self.periodic.iter().enumerate() {
            self.check_task(&format!("periodic[{index}]"), task)?;
        }
        Ok(())
    }

    fn check_task(&self, path: &str, task: &Periodic) -> Result<(), MetadataError> {
        check_name(&format!("{path}.name"), &task.name)?;
        rule(
            task.spacing.is_some() != task.cron.is_some(),
            path,
            "needs either spacing or cron",
        )?;
        rule(
            task.spacing
                .is_none_or(|seconds| (1..=MAX_SPACING).contains(&seconds)),
            &format!("{path}.spacing"),
            "must be 1 to 86400 seconds",
        )?;
        rule(
            task.time_zone.is_none() || task.cron.is_some(),
            &format!("{path}.time_zone"),
            "is for cron only",
        )?;
        let on_type = self
            .hardware_types
            .iter()
            .any(|entry| entry.name == task.on);
        if !on_type {
            self.check_implementation_key(&format!("{path}.on"), &task.on)?;
        }
        rule(
            task.scope == PeriodicScope::Node || task.states.is_empty(),
            &format!("{path}.states"),
            "tasks of scope conductor have no node",
        )?;
        for state in &task.states {
            rule(
                state.parse::<ProvisionState>().is_ok(),
                &format!("{path}.states"),
                &format!("{state:?} is no provision state"),
            )?;
        }
        Ok(())
    }

    /// Checks `interface/implementation`.
    fn check_implementation_key(&self, path: &str, key: &str) -> Result<(), MetadataError> {
        let declared = key.split_once('/').is_some_and(|(kind, name)| {
            kind.parse()
                .is_ok_and(|kind| self.has_implementation(kind, name))
        });
        rule(
            declared,
            path,
            &format!("{key:?} is no interface/implementation of this package"),
        )
    }
}

fn check_hardware_type(path: &str, hardware_type: &HardwareType) -> Result<(), MetadataError> {
    check_lower_name(&format!("{path}.name"), &hardware_type.name)?;
    check_text(&format!("{path}.description"), &hardware_type.description)?;
    for (kind, entries) in &hardware_type.interfaces {
        let path = format!("{path}.interfaces.{kind}");
        check_count(&path, entries.len(), MAX_ENTRIES)?;
        check_unique(&path, entries.iter().map(ImplementationRef::name))?;
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("{path}[{index}]");
            check_name(&path, entry.name())?;
            if let ImplementationRef::Of {
                package, version, ..
            } = entry
            {
                check_lower_name(&format!("{path}.package"), package)?;
                let valid = version
                    .as_deref()
                    .is_none_or(|range| semver::VersionReq::parse(range).is_ok());
                rule(
                    valid,
                    &format!("{path}.version"),
                    "must be a range of versions, such as >=1.2",
                )?;
            }
        }
    }
    Ok(())
}

fn check_properties(path: &str, schema: &JsonObject) -> Result<(), MetadataError> {
    if schema.is_empty() {
        return Ok(());
    }
    rule(
        schema.get("type").and_then(Value::as_str) == Some("object"),
        path,
        r#"must be a JSON Schema of an object: {"type": "object", "properties": {…}}"#,
    )?;
    let properties = match schema.get("properties") {
        None => return Ok(()),
        Some(Value::Object(properties)) => properties,
        Some(_) => return rule(false, &format!("{path}.properties"), "must be an object"),
    };
    check_count(
        &format!("{path}.properties"),
        properties.len(),
        MAX_PROPERTIES,
    )?;
    for (key, property) in properties {
        let path = format!("{path}.properties.{key}");
        check_name(&path, key)?;
        rule(
            !is_connection_key(key),
            &path,
            "keys that begin with ipmi_, redfish_ or ssh_ belong to Ironbark's own connections",
        )?;
        rule(
            property.get("description").is_some_and(Value::is_string),
            &path,
            "needs a description",
        )?;
    }
    let mut references = Vec::new();
    find_references(&Value::Object(schema.clone()), &mut references, 0);
    for reference in references {
        rule(
            reference.starts_with('#'),
            path,
            "$ref may only point into the same schema",
        )?;
    }
    Ok(())
}

/// serde_json bounds the depth of what it parsed to 128; a document made in memory is bounded here.
fn find_references(value: &Value, found: &mut Vec<String>, depth: usize) {
    if depth > 128 {
        return;
    }
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" || key == "$dynamicRef" => {
                        found.push(target.clone());
                    }
                    other => find_references(other, found, depth + 1),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                find_references(item, found, depth + 1);
            }
        }
        _ => {}
    }
}

pub(crate) fn rule(holds: bool, path: &str, reason: &str) -> Result<(), MetadataError> {
    if holds {
        Ok(())
    } else {
        Err(MetadataError::Rule {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    }
}

pub(crate) fn check_count(path: &str, count: usize, most: usize) -> Result<(), MetadataError> {
    rule(
        count <= most,
        path,
        &format!("has {count} entries; at most {most} are accepted"),
    )
}

pub(crate) fn check_text(path: &str, text: &str) -> Result<(), MetadataError> {
    rule(
        text.len() <= MAX_TEXT,
        path,
        &format!("has {} bytes; at most {MAX_TEXT} are accepted", text.len()),
    )
}

pub(crate) fn check_unique<T: AsRef<str>>(
    path: &str,
    names: impl Iterator<Item = T>,
) -> Result<(), MetadataError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let name = name.as_ref();
        rule(
            seen.insert(name.to_owned()),
            path,
            &format!("{name:?} is there twice"),
        )?;
    }
    Ok(())
}

/// Names of implementations, methods, steps, arguments and keys.
pub(crate) fn check_name(path: &str, name: &str) -> Result<(), MetadataError> {
    let valid = (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    rule(
        valid,
        path,
        &format!(
            "{name:?} is no name: letters, digits, '_', '-' and '.' are accepted, at most {MAX_NAME}"
        ),
    )
}

/// Names of packages and hardware types.
pub(crate) fn check_lower_name(path: &str, name: &str) -> Result<(), MetadataError> {
    check_name(path, name)?;
    let valid = !name.starts_with(['_', '.'])
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    rule(
        valid,
        path,
        &format!("{name:?} is no name: lower-case letters, digits and '-' are accepted"),
    )
}
