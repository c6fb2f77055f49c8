//! The metadata document as types. What they can't say is checked in `validate.rs`.

use std::collections::BTreeMap;

use ironbark_model::step::{OnInterrupt, StepKind};
use ironbark_model::{InterfaceKind, JsonObject};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// What a package says about itself. Get one with [`Metadata::parse`], which checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The package's name: lower case letters, digits and hyphens, at most 64.
    pub name: String,
    /// Its version, as semantic versioning has it.
    pub version: String,
    /// Who made it.
    pub vendor: String,
    /// SPDX expression.
    #[serde(default)]
    pub licence: String,
    /// One or two sentences for operators.
    #[serde(default)]
    pub description: String,
    /// The implementations that the package brings, by interface.
    #[serde(default, deserialize_with = "by_interface")]
    pub interfaces: BTreeMap<InterfaceKind, Vec<ImplementationEntry>>,
    /// The hardware types that the package brings.
    #[serde(default)]
    pub hardware_types: Vec<HardwareType>,
    /// JSON Schema (of type object) of the package's own keys of `driver_info`. Keys marked `"writeOnly": true`
    /// are secrets.
    #[serde(default)]
    pub properties: JsonObject,
    /// As `properties`, for single implementations only: `power/acme`.
    #[serde(default)]
    pub properties_of: BTreeMap<String, JsonObject>,
    /// Own names for the host's connection keys, by capability: `{"redfish": {"address": "acme_address"}}`.
    #[serde(default)]
    pub binds: BTreeMap<String, BTreeMap<String, String>>,
    /// What the package asks for.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// The version of what the package keeps in `state`; any string.
    #[serde(default)]
    pub state_schema: String,
    /// Vendor passthru methods.
    #[serde(default)]
    pub vendor_methods: Vec<VendorMethod>,
    /// Steps of cleaning, deployment, service and verification.
    #[serde(default)]
    pub steps: Vec<StepEntry>,
    /// Tasks that run by the clock.
    #[serde(default)]
    pub periodic: Vec<Periodic>,
}

/// One implementation of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImplementationEntry {
    /// Its name, which a node's `…_interface` holds.
    pub name: String,
    /// For `power`: restarts by `reboot` instead of off and on.
    #[serde(default)]
    pub native_reboot: bool,
}

/// A hardware type: which implementations a node may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareType {
    /// Its name, which a node's `driver` holds.
    pub name: String,
    /// For operators.
    #[serde(default)]
    pub description: String,
    /// Nodes may have any implementation that is there, not only those listed (for testing).
    #[serde(default)]
    pub any_interface: bool,
    /// The implementations in order of preference.
    #[serde(deserialize_with = "by_interface")]
    pub interfaces: BTreeMap<InterfaceKind, Vec<ImplementationRef>>,
}

/// Names an implementation, perhaps of another package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum ImplementationRef {
    /// By its name alone.
    Name(String),
    /// Also by package, and perhaps by range of versions (`>=1.2`).
    Of {
        /// The implementation's name.
        name: String,
        /// The package that must bring it.
        package: String,
        /// The versions of that package that will do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl ImplementationRef {
    /// The implementation's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Of { name, .. } => name,
        }
    }
}

/// Something that a package asks to be granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Capability {
    /// By name: `ipmi`, `state`, …; or `ipmi:<name>`, `redfish:<name>` for a group that `ipmi` or rules alone don't give.
    Name(String),
    /// With what exactly is needed, and why.
    Detailed {
        /// The capability's name.
        name: String,
        /// For `ipmi`: only these commands will be sent. Absent means any that `ipmi` gives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commands: Option<Vec<CommandId>>,
        /// For `redfish`: which requests will be sent; see [`RedfishRule`](crate::RedfishRule).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<Vec<String>>,
        /// For `ssh`: the operator's templates that will be run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        templates: Option<Vec<String>>,
        /// For the operator who decides.
        #[serde(default)]
        why: String,
    },
}

impl Capability {
    /// The capability's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Detailed { name, .. } => name,
        }
    }

    /// For `ipmi`: the only commands that will be sent; `None` means any.
    pub fn commands(&self) -> Option<&[CommandId]> {
        match self {
            Self::Detailed { commands, .. } => commands.as_deref(),
            Self::Name(_) => None,
        }
    }

    /// For `redfish`: the rules, in their order.
    pub fn rules(&self) -> &[String] {
        match self {
            Self::Detailed {
                rules: Some(rules), ..
            } => rules,
            _ => &[],
        }
    }

    /// For `ssh`: names of the operator's templates.
    pub fn templates(&self) -> &[String] {
        match self {
            Self::Detailed {
                templates: Some(templates),
                ..
            } => templates,
            _ => &[],
        }
    }

    /// What the vendor says it is for; may be empty.
    pub fn why(&self) -> &str {
        match self {
            Self::Detailed { why, .. } => why,
            Self::Name(_) => "",
        }
    }
}

/// One IPMI command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandId {
    /// The request's network function: even, 0 to 62.
    pub netfn: u8,
    /// The command's number.
    pub command: u8,
}

/// A vendor passthru method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorMethod {
    /// The vendor implementation that has it.
    pub implementation: String,
    /// Its name, as it stands in the URL.
    pub name: String,
    /// About one node, or about the driver.
    pub scope: VendorScope,
    /// The HTTP methods that it answers to.
    #[serde(default = "post")]
    pub http_methods: Vec<String>,
    /// The client gets 202 at once, and the result is dropped.
    #[serde(default = "yes", rename = "async")]
    pub is_async: bool,
    /// For whoever calls it.
    #[serde(default)]
    pub description: String,
    /// The result is sent as a file to be saved.
    #[serde(default)]
    pub attach: bool,
    /// The node is locked exclusively meanwhile (scope `node`).
    #[serde(default = "yes")]
    pub require_exclusive_lock: bool,
}

/// What a vendor method is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VendorScope {
    /// One node.
    Node,
    /// The driver; there is no node.
    Driver,
}

/// A step that the package brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEntry {
    /// What kind of work it belongs to.
    pub kind: StepKind,
    /// The interface that it belongs to.
    pub interface: InterfaceKind,
    /// The implementation that runs it; all of the package's for that interface if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implementation: Option<String>,
    /// Its name.
    pub step: String,
    /// Higher runs first; 0 (the default) runs only when asked for by name.
    #[serde(default)]
    pub priority: u32,
    /// May be given up in the middle. Default: true for deploy steps, else false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abortable: Option<bool>,
    /// Needs the deploy ramdisk.
    #[serde(default = "yes")]
    pub requires_ramdisk: bool,
    /// What its arguments mean.
    #[serde(default)]
    pub argsinfo: Option<BTreeMap<String, ArgumentInfo>>,
    /// What may be done with it after its conductor died.
    #[serde(default = "fail")]
    pub on_interrupt: OnInterrupt,
}

/// What one argument of a step means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgumentInfo {
    /// For operators.
    pub description: String,
    /// The step can't run without it.
    #[serde(default)]
    pub required: bool,
}

/// A task that the host runs by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Periodic {
    /// Its name.
    pub name: String,
    /// Whose nodes it is for: `power/acme`, or a hardware type.
    pub on: String,
    /// Seconds from the start of one run to the next, 1 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<u32>,
    /// When to run, as `second minute hour day month weekday`. Instead of `spacing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Of which time zone `cron` is, by its IANA name (`Europe/Berlin`); without, of the one that the operator set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// May run beside other tasks. False: one after another, at most 5 s each.
    #[serde(default = "yes")]
    pub parallel: bool,
    /// Once for every node, or once.
    #[serde(default)]
    pub scope: PeriodicScope,
    /// Only for nodes in one of these provision states; empty means all.
    #[serde(default)]
    pub states: Vec<String>,
    /// How the node is held meanwhile.
    #[serde(default)]
    pub lock: PeriodicLock,
}

/// What a periodic task is run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeriodicScope {
    /// For each node.
    #[default]
    Node,
    /// Once on each conductor.
    Conductor,
}

/// How a node is held during a periodic task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeriodicLock {
    /// Together with other readers.
    #[default]
    Shared,
    /// Alone.
    Exclusive,
}

/// Reads a map by interface. The keys are read as text first, so that errors can name the place.
fn by_interface<'de, D, V>(deserializer: D) -> Result<BTreeMap<InterfaceKind, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    BTreeMap::<String, V>::deserialize(deserializer)?
        .into_iter()
        .map(|(key, value)| match key.parse() {
            Ok(kind) => Ok((kind, value)),
            Err(_) => Err(D::Error::custom(format!("there is no interface {key:?}"))),
        })
        .collect()
}

fn yes() -> bool {
    true
}

fn post() -> Vec<String> {
    vec!["POST".to_owned()]
}

fn fail() -> OnInterrupt {
    OnInterrupt::Fail
}
