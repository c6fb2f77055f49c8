//! The rules of what a package asks for, and of the names that it binds to the host's connection keys.

use std::collections::BTreeSet;

use crate::metadata::{Capability, CommandId, Metadata};
use crate::redfish_rule::RedfishRule;
use crate::validate::{
    MetadataError, check_count, check_lower_name, check_name, check_text, check_unique, rule,
};

const MAX_CAPABILITIES: usize = 64;
const MAX_COMMANDS: usize = 1024;
const MAX_RULES: usize = 256;
const MAX_TEMPLATES: usize = 64;

/// The capabilities of this version of the contract.
const CAPABILITIES: &[&str] = &[
    "ipmi",
    "redfish",
    "ssh",
    "agent",
    "boot-media",
    "state",
    "call",
    "log",
    "clock",
];
/// Capabilities of which groups are granted by a name of their own: `ipmi:users`.
const GROUPED: &[&str] = &["ipmi", "redfish"];

/// Connection keys that can have another name in a package: capability, key without its prefix, whether it is a secret.
const BINDABLE: &[(&str, &str, bool)] = &[
    ("ipmi", "address", false),
    ("ipmi", "port", false),
    ("ipmi", "username", false),
    ("ipmi", "password", true),
    ("ipmi", "priv_level", false),
    ("ipmi", "cipher_suite", false),
    ("ipmi", "hex_kg_key", true),
    ("redfish", "address", false),
    ("redfish", "system_id", false),
    ("redfish", "username", false),
    ("redfish", "password", true),
    ("redfish", "auth_type", false),
    ("redfish", "verify_ca", false),
    ("redfish", "certificate_sha256", false),
    ("redfish", "tls_minimum_version", false),
    ("redfish", "tls_ciphers", false),
    ("ssh", "address", false),
    ("ssh", "port", false),
    ("ssh", "username", false),
    ("ssh", "password", true),
    ("ssh", "key_contents", true),
    ("ssh", "key_passphrase", true),
    ("ssh", "host_key", false),
    ("ssh", "virt_type", false),
    ("ssh", "domain", false),
];

pub(crate) fn check_capabilities(capabilities: &[Capability]) -> Result<(), MetadataError> {
    check_count("capabilities", capabilities.len(), MAX_CAPABILITIES)?;
    check_unique("capabilities", capabilities.iter().map(Capability::name))?;
    for (index, capability) in capabilities.iter().enumerate() {
        check_capability(&format!("capabilities[{index}]"), capability)?;
    }
    Ok(())
}

impl Metadata {
    /// Whether the package asks for the capability of this name.
    pub fn asks_for(&self, capability: &str) -> bool {
        self.capabilities
            .iter()
            .any(|asked| asked.name() == capability)
    }

    pub(crate) fn check_binds(&self) -> Result<(), MetadataError> {
        let mut bound = BTreeSet::new();
        for (capability, names) in &self.binds {
            let path = format!("binds.{capability}");
            rule(
                BINDABLE.iter().any(|(known, ..)| known == capability),
                &path,
                "only ipmi, redfish and ssh have connection keys",
            )?;
            rule(
                self.asks_for(capability),
                &path,
                "the package doesn't ask for that capability",
            )?;
            for (key, name) in names {
                let path = format!("{path}.{key}");
                let is_secret = BINDABLE
                    .iter()
                    .find(|(of, known, _)| of == capability && known == key)
                    .map(|(.., secret)| *secret);
                rule(
                    is_secret.is_some(),
                    &path,
                    &format!("there is no connection key {capability}_{key} that can be bound"),
                )?;
                self.check_bound(&path, name, is_secret == Some(true))?;
                rule(
                    bound.insert(name.as_str()),
                    &path,
                    &format!("{name:?} is bound twice"),
                )?;
            }
        }
        Ok(())
    }

    fn check_bound(&self, path: &str, name: &str, is_secret: bool) -> Result<(), MetadataError> {
        let property = self
            .properties
            .get("properties")
            .and_then(|properties| properties.get(name));
        let write_only = property
            .and_then(|property| property.get("writeOnly"))
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false);
        rule(
            property.is_some(),
            path,
            &format!("{name:?} is not among the package's own properties"),
        )?;
        rule(
            write_only || !is_secret,
            path,
            &format!("{name:?} is a secret: mark it \"writeOnly\": true"),
        )
    }
}

fn check_capability(path: &str, capability: &Capability) -> Result<(), MetadataError> {
    let name = capability.name();
    let group = name.split_once(':');
    if let Some((of, group)) = group {
        rule(
            GROUPED.contains(&of),
            path,
            "only ipmi and redfish have groups",
        )?;
        check_lower_name(path, group)?;
    }
    rule(
        group.is_some() || CAPABILITIES.contains(&name),
        path,
        &format!(
            "{name:?} is no capability; there are: {}",
            CAPABILITIES.join(", ")
        ),
    )?;
    check_text(&format!("{path}.why"), capability.why())?;
    if let Capability::Detailed {
        commands,
        rules,
        templates,
        ..
    } = capability
    {
        let only = |holds: bool, of: &str, key: &str| {
            rule(
                holds || name == of,
                &format!("{path}.{key}"),
                &format!("only {of} has {key}"),
            )
        };
        only(commands.is_none(), "ipmi", "commands")?;
        only(rules.is_none(), "redfish", "rules")?;
        only(templates.is_none(), "ssh", "templates")?;
    }
    check_commands(
        &format!("{path}.commands"),
        capability.commands().unwrap_or_default(),
    )?;
    match name {
        "redfish" => check_rules(&format!("{path}.rules"), capability.rules()),
        "ssh" => check_templates(&format!("{path}.templates"), capability.templates()),
        _ => Ok(()),
    }
}

fn check_commands(path: &str, commands: &[CommandId]) -> Result<(), MetadataError> {
    check_count(path, commands.len(), MAX_COMMANDS)?;
    for command in commands {
        rule(
            command.netfn <= 62 && command.netfn.is_multiple_of(2),
            path,
            "netfn is the request's network function: even, 0 to 62",
        )?;
    }
    Ok(())
}

fn check_rules(path: &str, rules: &[String]) -> Result<(), MetadataError> {
    rule(
        !rules.is_empty(),
        path,
        "redfish needs rules that say which requests will be sent, such as \"GET /redfish/v1/Systems/{system}\"",
    )?;
    check_count(path, rules.len(), MAX_RULES)?;
    for (index, text) in rules.iter().enumerate() {
        if let Err(error) = text.parse::<RedfishRule>() {
            return rule(false, &format!("{path}[{index}]"), &error.to_string());
        }
    }
    Ok(())
}

fn check_templates(path: &str, templates: &[String]) -> Result<(), MetadataError> {
    rule(
        !templates.is_empty(),
        path,
        "ssh needs the names of the templates that will be run, such as \"power-on\"",
    )?;
    check_count(path, templates.len(), MAX_TEMPLATES)?;
    check_unique(path, templates.iter())?;
    templates
        .iter()
        .try_for_each(|template| check_name(path, template))
}
