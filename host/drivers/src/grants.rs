//! What the operator lets a package do. Nothing is granted by asking.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_package::{Capability, Metadata, RedfishRule};
use ironbark_sandbox::{
    Granted, IPMI_GROUPS, IpmiPolicy, REDFISH_GROUPS, RedfishPolicy, SshPolicy,
};

use crate::error::PackageError;

/// Always there, so neither asked for nor granted.
const FREE: &[&str] = &["call", "log", "clock"];

/// The operator's decision on a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// Everything that the package asks for: `--yes`, and what putting a file into the folder means.
    AsAsked,
    /// These capabilities, by name: `ipmi`, `state`, `ipmi:users`, … Each gives what the package asks for under that name:
    /// `redfish` its rules, `ssh` its templates.
    Only(BTreeSet<String>),
}

impl Grants {
    /// These capabilities.
    pub fn only<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// Names of what a package with this metadata asks for.
    pub fn asked_by(metadata: &Metadata) -> BTreeSet<String> {
        asked(metadata)
    }

    /// Names of what a package with this metadata gets.
    pub(crate) fn resolve(&self, metadata: &Metadata) -> Result<BTreeSet<String>, PackageError> {
        let asked = asked(metadata);
        for name in &asked {
            check_name(name)?;
        }
        match self {
            Self::AsAsked => Ok(asked),
            Self::Only(names) => {
                let names: BTreeSet<String> = names
                    .iter()
                    .filter(|name| !FREE.contains(&name.as_str()))
                    .cloned()
                    .collect();
                match names.difference(&asked).next() {
                    Some(name) => Err(PackageError::Grant(
                        name.clone(),
                        "the package doesn't ask for it",
                    )),
                    None => Ok(names),
                }
            }
        }
    }
}

/// Names of what a package asks for.
pub(crate) fn asked(metadata: &Metadata) -> BTreeSet<String> {
    metadata
        .capabilities
        .iter()
        .map(|capability| capability.name().to_owned())
        .filter(|name| !FREE.contains(&name.as_str()))
        .collect()
}

/// The sandbox's form of what was granted.
pub(crate) fn sandbox_grants(names: &BTreeSet<String>, metadata: &Metadata) -> Granted {
    Granted {
        asked: Some(Arc::new(these(&asked(metadata), metadata))),
        ..these(names, metadata)
    }
}

fn these(names: &BTreeSet<String>, metadata: &Metadata) -> Granted {
    let asked = |capability: &str| {
        metadata
            .capabilities
            .iter()
            .find(|asked| asked.name() == capability && names.contains(capability))
    };
    Granted {
        ipmi: asked("ipmi").map(|asked| ipmi_policy(asked, names)),
        redfish: asked("redfish").map(|asked| redfish_policy(asked, names)),
        ssh: asked("ssh").map(|asked| SshPolicy::new(asked.templates().iter().cloned())),
        agent: asked("agent").is_some(),
        boot_media: asked("boot-media").is_some(),
        state: asked("state").is_some(),
        asked: None,
    }
}

fn ipmi_policy(asked: &Capability, names: &BTreeSet<String>) -> IpmiPolicy {
    let mut policy = IpmiPolicy::new();
    for group in names.iter().filter_map(|name| name.strip_prefix("ipmi:")) {
        policy.grant_group(group);
    }
    if let Some(commands) = asked.commands() {
        policy.restrict_to(commands.iter().map(|id| (id.netfn, id.command)));
    }
    policy
}

fn redfish_policy(asked: &Capability, names: &BTreeSet<String>) -> RedfishPolicy {
    // Metadata with a rule that can't be read is refused long before; a rule that is left out could allow what it excludes.
    let rules: Result<Vec<RedfishRule>, _> =
        asked.rules().iter().map(|rule| rule.parse()).collect();
    let mut policy = RedfishPolicy::new(rules.unwrap_or_default());
    for group in names
        .iter()
        .filter_map(|name| name.strip_prefix("redfish:"))
    {
        policy.grant_group(group);
    }
    policy
}

fn check_name(name: &str) -> Result<(), PackageError> {
    let unknown = match name.split_once(':') {
        Some(("ipmi", group)) if !IPMI_GROUPS.iter().any(|known| known.name == group) => {
            "there is no such group of IPMI commands"
        }
        Some(("redfish", group)) if !REDFISH_GROUPS.iter().any(|known| known.name == group) => {
            "there is no such group of Redfish resources"
        }
        _ => return Ok(()),
    };
    Err(PackageError::Grant(name.to_owned(), unknown))
}
